"""Resource indicators (RFC 8707) at the token endpoint: tokens are for what was granted, or for less of it."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.clients import registry
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.people import App, People, Person

ONE, TWO, THREE = (f"https://{name}.example.fi/api" for name in ("yksi", "kaksi", "kolme"))
OFFLINE = "openid email offline_access"


@pytest.fixture
def apis(people: People) -> dict[str, App]:
    """Resource servers by their address."""
    return {
        uri: people.client(f"api-{number}", resource_server=True, resource_uris=[uri])
        for number, uri in enumerate((ONE, TWO, THREE))
    }


@pytest.fixture
def service(people: People) -> App:
    return people.client(allowed_resources=[ONE, TWO, THREE])


@pytest.fixture
def code(app: Flask, service: App, person: Person, apis: dict[str, App]) -> str:
    """A code of a person who lets the client use two of them."""
    return steps.granted(app, service, person, scope=OFFLINE, resource=f"{ONE} {TWO}")


def redeem(browser: FlaskClient, service: App, code: str, *resources: str) -> TestResponse:
    form: dict[str, Any] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": service.redirect_uri,
        "code_verifier": journey.VERIFIER,
        "resource": list(resources),
    }
    return browser.post("/oauth2/token", data=form, auth=service.basic)


def audience(tokens: dict[str, Any]) -> Any:
    return journey.claims_of(tokens["access_token"])["aud"]


# -- with the code


@pytest.mark.parametrize(
    ("asked", "aud"),
    [((), [ONE, TWO]), ((ONE,), ONE), ((TWO, ONE, TWO), [TWO, ONE]), (("",), [ONE, TWO]), (("", TWO), TWO)],
)
def test_the_token_is_for_all_that_was_granted_or_for_what_is_asked_of_it(
    client: FlaskClient, service: App, code: str, asked: tuple[str, ...], aud: Any
) -> None:
    tokens = redeem(client, service, code, *asked).get_json()

    assert audience(tokens) == aud
    assert journey.claims_of(tokens["id_token"])["aud"] == service.client_id


@pytest.mark.parametrize(
    "asked", [(THREE,), (ONE, THREE), ("https://unknown.example.fi",), (steps.ISSUER,), (ONE + "/",)]
)
def test_what_was_not_granted_is_an_invalid_target_and_uses_nothing_up(
    client: FlaskClient, service: App, code: str, asked: tuple[str, ...]
) -> None:
    assert steps.refusal(redeem(client, service, code, *asked)) == (400, "invalid_target")

    assert redeem(client, service, code).status_code == 200


def test_without_any_resource_the_token_is_for_userinfo(
    app: Flask, client: FlaskClient, service: App, person: Person, apis: dict[str, App]
) -> None:
    code = steps.granted(app, service, person)
    assert steps.refusal(redeem(client, service, code, ONE)) == (400, "invalid_target")

    tokens = redeem(client, service, code, steps.ISSUER).get_json()

    assert audience(tokens) == steps.ISSUER
    assert steps.userinfo(client, tokens)["sub"] == person.id


def test_other_parameters_may_still_not_be_repeated(client: FlaskClient, service: App, code: str) -> None:
    form = {"grant_type": "authorization_code", "code": [code, code], "resource": [ONE, TWO]}

    answer = client.post("/oauth2/token", data=form, auth=service.basic)

    assert steps.refusal(answer) == (400, "invalid_request")


# -- with a refresh token


def test_a_refresh_may_ask_for_another_part_of_what_was_granted_each_time(
    client: FlaskClient, service: App, code: str
) -> None:
    first = redeem(client, service, code, ONE).get_json()

    second = journey.refresh(client, service, first["refresh_token"], resource=TWO).get_json()
    third = journey.refresh(client, service, second["refresh_token"]).get_json()
    refused = journey.refresh(client, service, third["refresh_token"], resource=THREE)

    assert (audience(second), audience(third)) == (TWO, [ONE, TWO])
    assert steps.refusal(refused) == (400, "invalid_target")
    assert journey.refresh(client, service, third["refresh_token"]).status_code == 200


# -- what such a token opens


def test_userinfo_refuses_a_token_that_is_not_meant_for_the_issuer(
    app: Flask, client: FlaskClient, service: App, person: Person, apis: dict[str, App]
) -> None:
    for resource, status in (
        (ONE, 401),
        (f"{ONE} {TWO}", 401),
        (f"{ONE} {steps.ISSUER}", 200),
        (steps.ISSUER, 200),
    ):
        tokens = steps.tokens_of(app, service, person, resource=resource)
        answer = client.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"]))
        assert answer.status_code == status, resource


def test_only_the_resource_servers_that_it_is_for_see_it(
    client: FlaskClient, service: App, code: str, apis: dict[str, App]
) -> None:
    token = redeem(client, service, code).get_json()["access_token"]

    seen = {uri: steps.introspected(client, api, token)["active"] for uri, api in apis.items()}

    assert seen == {ONE: True, TWO: True, THREE: False}
    assert steps.introspected(client, service, token)["aud"] == [ONE, TWO]


def test_it_dies_with_its_grant(client: FlaskClient, service: App, code: str, apis: dict[str, App]) -> None:
    narrow, wide = (
        redeem(client, service, code, ONE).get_json(),
        None,
    )
    wide = journey.refresh(client, service, narrow["refresh_token"]).get_json()

    client.post("/oauth2/revoke", data={"token": wide["access_token"]}, auth=service.basic)

    assert steps.introspected(client, apis[ONE], narrow["access_token"]) == {"active": False}
    assert steps.introspected(client, apis[TWO], wide["access_token"]) == {"active": False}


# -- which APIs a client may have tokens for


def test_at_the_login_a_client_names_only_what_an_operator_lets_it(
    app: Flask, client: FlaskClient, service: App, person: Person, apis: dict[str, App]
) -> None:
    steps.log_in(client, person)
    steps.allow_resources(app, service, TWO, "https://unknown.example.fi/")

    found = {
        uri: steps.silently(client, service, resource=uri).get("error")
        for uri in (ONE, TWO, steps.ISSUER, "https://unknown.example.fi/", f"{steps.ISSUER}/admin/api/v1")
    }

    assert found == {
        ONE: "invalid_target",
        TWO: None,
        steps.ISSUER: None,
        "https://unknown.example.fi/": "invalid_target",
        f"{steps.ISSUER}/admin/api/v1": "invalid_target",
    }


def test_what_a_client_may_not_have_any_more_is_left_out_of_new_tokens(
    app: Flask, client: FlaskClient, service: App, code: str
) -> None:
    first = redeem(client, service, code).get_json()
    steps.allow_resources(app, service, TWO)

    refused = journey.refresh(client, service, first["refresh_token"], resource=ONE)
    second = journey.refresh(client, service, first["refresh_token"]).get_json()
    steps.allow_resources(app, service)
    nothing = journey.refresh(client, service, second["refresh_token"])

    assert (audience(first), audience(second)) == ([ONE, TWO], TWO)
    assert steps.refusal(refused) == (400, "invalid_target")
    assert steps.refusal(nothing) == (400, "invalid_target")  # and no token for the issuer instead


def test_a_client_that_registers_itself_cannot_allow_itself_anything(
    make_app: AppFactory, people: People
) -> None:
    app = make_app(clients={"dynamic_registration": "open"})
    people.client("rajapinta", resource_server=True, resource_uris=[ONE])
    wanted = {"redirect_uris": ["https://asiointi.example.fi/cb"], "allowed_resources": [ONE]}

    made = app.test_client().post("/oauth2/register", json=wanted).get_json()

    assert "allowed_resources" not in made
    with app.app_context():
        found = registry.find(made["client_id"])
    assert found is not None
    assert found.options.allowed_resources is None
