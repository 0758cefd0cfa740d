"""A client app whose accounts are strongly identified ones: no way around it leads to a login there."""

import json

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp import upstream
from idp.accounts.models import Account
from idp.upstream.models import StrongIdentity
from tests.conftest import AppFactory
from tests.oidc import steps as protocol
from tests.oidc.test_device import codes_of, tv
from tests.pages.steps import press, sign_up
from tests.pages.test_identify import STRONG, WEAK, rows, set_options, stepped_up
from tests.support import journey
from tests.support.identification import SETTINGS, Desk, identify, open_desk, state_of
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, App, People, Person


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    return make_app(upstream=SETTINGS)


@pytest.fixture
def desk(app: Flask) -> Desk:
    return open_desk(app)


@pytest.fixture
def strict(app: Flask, people: People) -> App:
    made = people.client("vahva")
    set_options(app, made, registration_assurance="strong")
    return made


@pytest.fixture
def newcomer(client: FlaskClient, desk: Desk, people: People) -> Person:
    """Somebody with an account that was created without an identification, on behalf of nobody."""
    press(client, sign_up(client, people, family_name="Meikäläinen"))
    return Person(rows(client.application, sa.select(Account.id))[0], "uusi@example.fi", PASSWORD)


def test_an_account_created_for_nobody_is_identified_at_the_first_login(
    client: FlaskClient, strict: App, newcomer: Person
) -> None:
    journey.log_in(client, newcomer)
    asked = protocol.ask(client, strict)
    assert protocol.page_of(asked) == "/identify"

    assert stepped_up(client, strict, asked)["acr"] == STRONG
    assert rows(client.application, sa.select(StrongIdentity.account_id)) == [newcomer.id]


def test_an_account_created_for_another_app_is_too(
    app: Flask, client: FlaskClient, strict: App, desk: Desk, people: People
) -> None:
    other = people.client("other")
    asked = protocol.ask(client, other).location.replace("/login", "/create-account")
    link = sign_up(client, people, asked, email="uusi@example.fi")
    press(client, link)

    asked_again = protocol.ask(client, strict)
    answer = journey.submit(client, asked_again.location, username="uusi@example.fi", password=PASSWORD)
    assert protocol.page_of(client.get(answer.location)) == "/identify"


def test_an_account_made_by_an_administrator_is_identified_too(
    client: FlaskClient, strict: App, desk: Desk, people: People
) -> None:
    journey.log_in(client, people.resident())
    assert protocol.page_of(protocol.ask(client, strict)) == "/identify"


def test_who_was_identified_once_logs_in_with_a_password_afterwards(
    app: Flask, client: FlaskClient, strict: App, newcomer: Person
) -> None:
    journey.log_in(client, newcomer)
    stepped_up(client, strict, protocol.ask(client, strict))
    other = app.test_client()
    journey.log_in(other, newcomer)
    assert protocol.finish(other, strict, protocol.ask(other, strict))["acr"] == WEAK


def test_nobody_declines(client: FlaskClient, strict: App, newcomer: Person) -> None:
    journey.log_in(client, newcomer)
    asked = protocol.ask(client, strict, acr_values=WEAK)
    page = journey.soup(client.get(asked.location))
    assert page.select_one("#decline").get_text(strip=True) == "Peruuta"  # type: ignore[union-attr]

    declined = journey.submit(client, asked.location, decision="decline")

    assert protocol.error_of(client.get(declined.location), strict) == "access_denied"


def test_nobody_is_asked_silently_and_nobody_gets_in_so(
    client: FlaskClient, strict: App, newcomer: Person
) -> None:
    journey.log_in(client, newcomer)
    assert protocol.silently(client, strict)["error"] == "interaction_required"


def test_a_demand_for_a_password_is_no_way_around(client: FlaskClient, strict: App, newcomer: Person) -> None:
    journey.log_in(client, newcomer)
    claims = json.dumps({"id_token": {"acr": {"essential": True, "value": WEAK}}})
    assert protocol.page_of(protocol.ask(client, strict, claims=claims)) == "/identify"


def test_a_device_is_allowed_by_identified_people_alone(
    app: Flask, client: FlaskClient, desk: Desk, people: People, newcomer: Person
) -> None:
    television = tv(people)
    set_options(app, television, registration_assurance="strong")
    codes = codes_of(app.test_client(), television)
    journey.log_in(client, newcomer)
    entered = journey.submit(client, "/device", user_code=codes["user_code"])
    assert protocol.page_of(entered) == "/device/allow"
    assert client.get("/device/allow").location == "/identify"

    back = identify(client, "/identify")

    assert back.location == "/device/allow"
    assert journey.page_name(client.get("/device/allow")) == "device-allow"
    assert rows(app, sa.select(StrongIdentity.account_id)) == [newcomer.id]


def test_who_would_not_for_a_device_goes_to_their_account(
    app: Flask, client: FlaskClient, desk: Desk, people: People, newcomer: Person
) -> None:
    television = tv(people)
    set_options(app, television, registration_assurance="strong")
    codes = codes_of(app.test_client(), television)
    journey.log_in(client, newcomer)
    journey.submit(client, "/device", user_code=codes["user_code"])
    client.get("/device/allow")
    assert journey.submit(client, "/identify", decision="decline").location == "/account"
    assert client.get("/identify").location == "/account"


def test_without_a_broker_any_more_the_app_is_told(
    app: Flask, client: FlaskClient, strict: App, newcomer: Person
) -> None:
    journey.log_in(client, newcomer)
    del app.extensions["upstream"]
    with app.app_context():
        assert not upstream.is_configured()
    assert protocol.error_of(protocol.ask(client, strict), strict) == "unmet_authentication_requirements"


# -- when the request is over


def test_an_identification_counts_though_its_request_has_expired(
    app: Flask, client: FlaskClient, desk: Desk, people: People, newcomer: Person, moving_clock: MovableClock
) -> None:
    service = people.client("hidas")
    journey.log_in(client, newcomer, remember="y")
    asked = protocol.ask(client, service, acr_values=STRONG)
    moving_clock.move(minutes=50)
    sent = journey.submit(client, asked.location, decision="identify")
    moving_clock.move(minutes=11)

    answer = client.get(f"/upstream/callback?state={state_of(sent)}&code=x")

    assert (answer.status_code, journey.page_name(answer)) == (400, "error")
    assert "kirjautunut" in answer.text
    assert protocol.finish(client, service, protocol.ask(client, service))["acr"] == STRONG
