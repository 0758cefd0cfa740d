"""Token introspection (RFC 7662): who may see which token, and what of it."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person

INACTIVE = {"active": False}
API = "https://api.example.fi/"


@pytest.fixture
def tokens(client: FlaskClient, person: Person, service: App, moving_clock: MovableClock) -> dict[str, Any]:
    return journey.tokens_for(client, service, person, scope="openid email offline_access")


@pytest.fixture
def api(people: People) -> App:
    """A resource server of the municipality."""
    return people.client("rajapinta", resource_server=True, resource_uris=[API])


@pytest.fixture
def for_the_api(app: Flask, people: People, person: Person, service: App, api: App) -> dict[str, Any]:
    """Tokens of a service that are made for the API."""
    caller = people.client("kutsuja", allowed_resources=[API])
    return steps.tokens_of(app, caller, person, scope="openid email offline_access", resource=API)


# -- what is told


def test_an_access_token_is_described(
    client: FlaskClient, person: Person, service: App, tokens: dict[str, Any], moving_clock: MovableClock
) -> None:
    now = int(moving_clock().timestamp())

    told = steps.introspected(client, service, tokens["access_token"])

    claims = journey.claims_of(tokens["access_token"])
    assert told == {
        "active": True,
        "token_type": "Bearer",
        "iss": steps.ISSUER,
        "sub": person.id,
        "username": person.username,
        "aud": steps.ISSUER,
        "client_id": "asiointi",
        "scope": "openid email offline_access",
        "jti": claims["jti"],
        "iat": now,
        "exp": now + 600,
        "auth_time": now,
        "acr": "urn:tunnus:acr:password",
        "amr": ["pwd"],
    }


def test_a_refresh_token_is_described(
    client: FlaskClient, person: Person, service: App, tokens: dict[str, Any], moving_clock: MovableClock
) -> None:
    now = int(moving_clock().timestamp())

    assert steps.introspected(client, service, tokens["refresh_token"]) == {
        "active": True,
        "iss": steps.ISSUER,
        "client_id": "asiointi",
        "sub": person.id,
        "scope": "openid email offline_access",
        "iat": now,
        "exp": now + 14 * 24 * 3600,
    }


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "", "unknown", "ä"])
def test_the_hint_changes_nothing(
    client: FlaskClient, service: App, tokens: dict[str, Any], hint: str
) -> None:
    for token in (tokens["access_token"], tokens["refresh_token"]):
        form = {"token": token, "token_type_hint": hint}
        assert client.post("/oauth2/introspect", data=form, auth=service.basic).get_json()["active"] is True


def test_the_answer_is_json_that_nobody_keeps(
    client: FlaskClient, service: App, tokens: dict[str, Any]
) -> None:
    for token in (tokens["access_token"], "unknown"):
        answer = client.post("/oauth2/introspect", data={"token": token}, auth=service.basic)
        assert (answer.status_code, answer.mimetype) == (200, "application/json")
        assert answer.headers["Cache-Control"] == "no-store"


# -- inactive, and nothing more is told


@pytest.mark.parametrize("token", ["x", "x.y.z", "a" * 10_000, "\x00", "ä", "e30.e30."])
def test_an_unknown_token_is_inactive(client: FlaskClient, service: App, token: str) -> None:
    assert steps.introspected(client, service, token) == INACTIVE


def test_an_id_token_or_a_code_is_inactive(
    client: FlaskClient, person: Person, service: App, tokens: dict[str, Any]
) -> None:
    assert steps.introspected(client, service, tokens["id_token"]) == INACTIVE
    assert steps.introspected(client, service, journey.code_for(client, service, person)) == INACTIVE


@pytest.mark.parametrize(
    ("name", "seconds", "active"),
    [
        ("access_token", 599, True),
        ("access_token", 600, False),
        ("refresh_token", 14 * 24 * 3600 - 1, True),
        ("refresh_token", 14 * 24 * 3600, False),
    ],
)
def test_an_expired_token_is_inactive(
    client: FlaskClient,
    service: App,
    tokens: dict[str, Any],
    moving_clock: MovableClock,
    name: str,
    seconds: int,
    active: bool,
) -> None:
    moving_clock.move(seconds=seconds)

    assert steps.introspected(client, service, tokens[name])["active"] is active


def test_a_used_refresh_token_is_inactive_and_looking_at_it_harms_nothing(
    client: FlaskClient, service: App, tokens: dict[str, Any], moving_clock: MovableClock
) -> None:
    successor = journey.refresh(client, service, tokens["refresh_token"]).get_json()
    moving_clock.move(minutes=1)

    assert steps.introspected(client, service, tokens["refresh_token"]) == INACTIVE
    assert steps.introspected(client, service, successor["refresh_token"])["active"] is True


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_a_revoked_token_is_inactive(
    client: FlaskClient, service: App, tokens: dict[str, Any], name: str
) -> None:
    client.post("/oauth2/revoke", data={"token": tokens["access_token"]}, auth=service.basic)

    assert steps.introspected(client, service, tokens[name]) == INACTIVE


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_a_token_of_a_disabled_account_is_inactive(
    app: Flask, client: FlaskClient, person: Person, service: App, tokens: dict[str, Any], name: str
) -> None:
    steps.disable_account(app, person)

    assert steps.introspected(client, service, tokens[name]) == INACTIVE


def test_a_token_of_a_disabled_client_is_inactive_for_the_resource_server_too(
    app: Flask, client: FlaskClient, api: App, for_the_api: dict[str, Any]
) -> None:
    assert steps.introspected(client, api, for_the_api["access_token"])["active"] is True
    steps.disable_client(app, App("kutsuja", None, ""))

    assert steps.introspected(client, api, for_the_api["access_token"]) == INACTIVE


# -- who may look


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_a_client_does_not_see_the_tokens_of_another(
    client: FlaskClient, people: People, tokens: dict[str, Any], name: str
) -> None:
    assert steps.introspected(client, people.client("other"), tokens[name]) == INACTIVE


def test_a_resource_server_sees_access_tokens_made_for_it_but_no_refresh_tokens(
    client: FlaskClient, api: App, for_the_api: dict[str, Any]
) -> None:
    assert steps.introspected(client, api, for_the_api["access_token"])["active"] is True
    assert steps.introspected(client, api, for_the_api["refresh_token"]) == INACTIVE


def test_tokens_for_userinfo_are_shown_to_no_resource_server(
    client: FlaskClient, people: People, api: App, tokens: dict[str, Any]
) -> None:
    """Not even to one that calls itself the issuer, or is named by its client_id."""
    pretender = people.client(
        "pretender", resource_server=True, resource_uris=[steps.ISSUER, f"{steps.ISSUER}/admin/api/v1"]
    )

    for caller in (api, pretender):
        assert steps.introspected(client, caller, tokens["access_token"]) == INACTIVE


def test_without_authentication_nothing_is_told(
    client: FlaskClient, people: People, tokens: dict[str, Any]
) -> None:
    people.client("public", token_endpoint_auth_method="none")
    for credentials in ({}, {"client_id": "public"}, {"client_id": "asiointi"}):
        answer = client.post("/oauth2/introspect", data={"token": tokens["access_token"], **credentials})
        assert steps.refusal(answer) == (401, "invalid_client")
        assert "active" not in answer.get_json()


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token": ["a", "b"]}])
def test_exactly_one_token_is_needed(client: FlaskClient, service: App, form: dict[str, Any]) -> None:
    answer = client.post("/oauth2/introspect", data=form, auth=service.basic)

    assert steps.refusal(answer) == (400, "invalid_request")


def test_only_post_is_answered(client: FlaskClient, service: App, tokens: dict[str, Any]) -> None:
    answer = client.get(f"/oauth2/introspect?token={tokens['access_token']}", auth=service.basic)

    assert answer.status_code == 405


def test_scripts_of_other_origins_may_not_read_it(client: FlaskClient) -> None:
    answer = client.post("/oauth2/introspect", headers={"Origin": "https://asiointi.example.fi"})

    assert "Access-Control-Allow-Origin" not in answer.headers
