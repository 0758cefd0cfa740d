"""Token revocation (RFC 7009): either token ends the whole grant."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import clock
from idp.clients import registry
from idp.grants import codes
from idp.oidc.tokens import access_token
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person


@pytest.fixture
def tokens(client: FlaskClient, person: Person, service: App) -> dict[str, Any]:
    return journey.tokens_for(client, service, person, scope="openid offline_access")


def revoke(browser: FlaskClient, service: App, token: str, **fields: str) -> TestResponse:
    return browser.post("/oauth2/revoke", data={"token": token, **fields}, auth=service.basic)


def states(browser: FlaskClient, service: App, tokens: dict[str, Any]) -> tuple[int, bool]:
    """The status of userinfo with the access token, and whether the refresh token is active."""
    status = browser.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"])).status_code
    return status, steps.introspected(browser, service, tokens["refresh_token"])["active"]


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "unknown"])
def test_either_token_revokes_both_whatever_the_hint(
    client: FlaskClient, service: App, tokens: dict[str, Any], name: str, hint: str | None
) -> None:
    assert states(client, service, tokens) == (200, True)

    answer = revoke(client, service, tokens[name], **({"token_type_hint": hint} if hint else {}))

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert states(client, service, tokens) == (401, False)
    refused = journey.refresh(client, service, tokens["refresh_token"])
    assert steps.refusal(refused) == (400, "invalid_grant")


def test_other_logins_go_on(
    client: FlaskClient, person: Person, service: App, tokens: dict[str, Any]
) -> None:
    other = journey.tokens_for(client, service, person, scope="openid offline_access")

    revoke(client, service, tokens["refresh_token"])

    assert states(client, service, other) == (200, True)


def test_the_session_of_the_person_goes_on(client: FlaskClient, service: App, tokens: dict[str, Any]) -> None:
    revoke(client, service, tokens["refresh_token"])

    assert "code" in steps.silently(client, service)


@pytest.mark.parametrize("token", ["unknown", "x.y.z", "a" * 10_000, "\x00", "ä"])
def test_an_unknown_token_is_no_error(client: FlaskClient, service: App, token: str) -> None:
    assert revoke(client, service, token).status_code == 200


def test_revoking_twice_is_no_error(client: FlaskClient, service: App, tokens: dict[str, Any]) -> None:
    assert revoke(client, service, tokens["refresh_token"]).status_code == 200
    assert revoke(client, service, tokens["refresh_token"]).status_code == 200


def test_an_expired_token_is_no_error(
    client: FlaskClient, person: Person, service: App, moving_clock: MovableClock
) -> None:
    tokens = journey.tokens_for(client, service, person)
    moving_clock.move(hours=1)

    assert revoke(client, service, tokens["access_token"]).status_code == 200


def test_a_used_refresh_token_still_revokes_its_successor(
    client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    successor = journey.refresh(client, service, tokens["refresh_token"]).get_json()

    revoke(client, service, tokens["refresh_token"])

    assert states(client, service, successor) == (401, False)


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_a_token_of_another_client_is_left_alone(
    client: FlaskClient, people: People, service: App, tokens: dict[str, Any], name: str
) -> None:
    answer = revoke(client, people.client("other"), tokens[name])

    assert answer.status_code in {200, 400}
    assert states(client, service, tokens) == (200, True)


def test_a_public_client_revokes_its_own_by_its_name(
    client: FlaskClient, people: People, person: Person
) -> None:
    public = people.client("public", token_endpoint_auth_method="none")
    tokens = journey.tokens_for(client, public, person)

    answer = client.post("/oauth2/revoke", data={"client_id": "public", "token": tokens["access_token"]})

    assert answer.status_code == 200
    userinfo = client.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"]))
    assert userinfo.status_code == 401


def test_without_authentication_nothing_is_revoked(
    client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    answer = client.post("/oauth2/revoke", data={"token": tokens["access_token"], "client_id": "asiointi"})

    assert steps.refusal(answer) == (401, "invalid_client")
    assert states(client, service, tokens) == (200, True)


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token": ["a", "b"]}])
def test_exactly_one_token_is_needed(client: FlaskClient, service: App, form: dict[str, Any]) -> None:
    answer = client.post("/oauth2/revoke", data=form, auth=service.basic)

    assert steps.refusal(answer) == (400, "invalid_request")


def test_only_post_is_answered(client: FlaskClient, service: App, tokens: dict[str, Any]) -> None:
    address = f"/oauth2/revoke?token={tokens['access_token']}"

    assert client.get(address, auth=service.basic).status_code == 405
    assert states(client, service, tokens) == (200, True)


def test_scripts_of_any_origin_may_use_it(client: FlaskClient) -> None:
    answer = client.options("/oauth2/revoke", headers={"Origin": "https://asiointi.example.fi"})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("revoked", ["front", "back"])
def test_tokens_of_the_front_channel_and_of_the_code_die_together(
    app: Flask, client: FlaskClient, service: App, person: Person, revoked: str
) -> None:
    """In the hybrid flow one grant gives a token at the authorization endpoint and others for its code."""
    code = steps.granted(app, service, person, scope="openid offline_access")
    with app.app_context():
        found, registered = codes.find(code, clock.now()), registry.find(service.client_id)
        assert found
        assert registered
        front = access_token(registered, found.grant, "openid")
    back = journey.redeem(client, service, code).get_json()
    both = {"front": {**back, "access_token": front}, "back": back}
    assert [states(client, service, tokens) for tokens in both.values()] == [(200, True), (200, True)]

    revoke(client, service, both[revoked]["access_token"])

    assert [states(client, service, tokens) for tokens in both.values()] == [(401, False), (401, False)]
