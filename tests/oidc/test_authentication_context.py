"""`acr`, as a wish or as a demand (Core 3.1.2.1, 5.5.1.1; unmet_authentication_requirements 1.0)."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.oidc import steps
from tests.support.people import App, Person

PASSWORD = "urn:tunnus:acr:password"
STRONG = "urn:example:strong"


def acr_request(**wish: Any) -> str:
    return json.dumps({"id_token": {"acr": wish}})


def claims_after(browser: FlaskClient, service: App, **parameters: str) -> dict[str, Any]:
    return steps.finish(browser, service, steps.ask(browser, service, **parameters))


@pytest.mark.parametrize("wanted", [PASSWORD, f"{STRONG} {PASSWORD}", STRONG, "1 2"])
def test_acr_values_are_a_wish_and_the_token_tells_the_truth(
    client: FlaskClient, service: App, person: Person, wanted: str
) -> None:
    steps.log_in(client, person)

    assert claims_after(client, service, acr_values=wanted)["acr"] == PASSWORD


@pytest.mark.parametrize(
    "wish",
    [
        {"essential": True},
        {"essential": True, "value": PASSWORD},
        {"essential": True, "values": [STRONG, PASSWORD]},
        {"essential": False, "value": STRONG},
        {"value": STRONG},
    ],
)
def test_a_demand_that_is_met_or_none_is_answered(
    client: FlaskClient, service: App, person: Person, wish: dict[str, Any]
) -> None:
    steps.log_in(client, person)

    assert claims_after(client, service, claims=acr_request(**wish))["acr"] == PASSWORD


@pytest.mark.parametrize("prompt", [None, "none", "login"])
@pytest.mark.parametrize(
    "wish", [{"essential": True, "value": STRONG}, {"essential": True, "values": [STRONG]}]
)
def test_a_demand_that_no_login_here_meets_is_an_error_before_anybody_is_asked(
    client: FlaskClient, service: App, person: Person, wish: dict[str, Any], prompt: str | None
) -> None:
    steps.log_in(client, person)

    response = steps.ask(client, service, claims=acr_request(**wish), prompt=prompt)

    assert steps.error_of(response, service) == "unmet_authentication_requirements"


# -- the person that the request is about


def about(person_id: str, member: str = "id_token") -> str:
    return json.dumps({member: {"sub": {"value": person_id}}})


@pytest.mark.parametrize("member", ["id_token", "userinfo"])
def test_a_request_about_the_person_who_is_here_is_answered(
    client: FlaskClient, service: App, person: Person, member: str
) -> None:
    steps.log_in(client, person)

    assert claims_after(client, service, claims=about(person.id, member))["sub"] == person.id


def test_a_silent_request_about_somebody_else_is_not(
    client: FlaskClient, service: App, person: Person
) -> None:
    """Core 5.5.1: no answer about another person than the one asked for."""
    steps.log_in(client, person)

    assert steps.silently(client, service, claims=about("somebody"))["error"] == "login_required"


def test_somebody_else_is_asked_to_log_in(client: FlaskClient, service: App, person: Person) -> None:
    steps.log_in(client, person)

    assert steps.page_of(steps.ask(client, service, claims=about("somebody"))) == "/login"
