"""What tokens tell of how somebody logged in is what happened in that very login, and when."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import clock
from tests.conftest import AppFactory
from tests.oidc import steps as protocol
from tests.oidc.test_device import codes_of, tv
from tests.pages.test_identify import STRONG, WEAK, ask_strongly, essential, stepped_up
from tests.support import journey
from tests.support.identification import SETTINGS, Desk, open_desk
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    return make_app(upstream=SETTINGS)


@pytest.fixture
def desk(app: Flask) -> Desk:
    return open_desk(app)


@pytest.fixture
def service(people: People) -> App:
    return people.client()


@pytest.fixture
def maija(people: People) -> Person:
    return people.resident("maija@example.fi")


def tokens(browser: FlaskClient, service: App, asked: Any) -> dict[str, Any]:
    code = protocol.redirected(asked, service)["code"]
    return dict(journey.redeem(browser, service, code).get_json())


def refreshed(browser: FlaskClient, service: App, found: dict[str, Any]) -> dict[str, Any]:
    answer = journey.refresh(browser, service, found["refresh_token"]).get_json()
    return journey.claims_of(answer["id_token"])


def test_a_grant_from_before_a_step_up_stays_one_of_a_password(
    client: FlaskClient, desk: Desk, service: App, maija: Person, moving_clock: MovableClock
) -> None:
    journey.log_in(client, maija)
    began = clock.timestamp()
    before = tokens(client, service, protocol.ask(client, service, scope="openid offline_access"))
    moving_clock.move(minutes=1)
    stepped_up(client, service, ask_strongly(client, service, None))

    claims = refreshed(client, service, before)

    assert (claims["acr"], claims["auth_time"]) == (WEAK, began)


def test_a_strong_grant_keeps_its_moment(
    client: FlaskClient, desk: Desk, service: App, maija: Person, moving_clock: MovableClock
) -> None:
    journey.log_in(client, maija)
    moving_clock.move(minutes=1)
    stepped_up(client, service, ask_strongly(client, service, None))
    identified = clock.timestamp()
    found = tokens(client, service, protocol.ask(client, service, scope="openid offline_access"))
    moving_clock.move(hours=13)

    claims = refreshed(client, service, found)

    assert (claims["acr"], claims["auth_time"]) == (STRONG, identified)


def test_logging_in_anew_is_a_password_again(
    client: FlaskClient, desk: Desk, service: App, maija: Person
) -> None:
    stepped_up(client, service, ask_strongly(client, service, maija))
    asked = protocol.ask(client, service, prompt="login")
    back = journey.log_in(client, maija, asked.location)
    assert protocol.finish(client, service, client.get(back.location))["acr"] == WEAK


def test_a_device_is_told_the_level_of_the_session_that_allowed_it(
    app: Flask, client: FlaskClient, desk: Desk, service: App, maija: Person, people: People
) -> None:
    television = tv(people)
    codes = codes_of(app.test_client(), television)
    stepped_up(client, service, ask_strongly(client, service, maija))
    identified = clock.timestamp()
    journey.submit(client, "/device", user_code=codes["user_code"])
    journey.submit(client, "/device/allow", decision="allow", user_code=codes["user_code"])

    data = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": codes["device_code"]}
    answer = journey.token_request(app.test_client(), television, data)

    claims = journey.claims_of(answer.get_json()["id_token"])
    assert claims["acr"] == STRONG
    assert abs(claims["auth_time"] - identified) <= 2


def test_a_demand_for_a_password_alone_is_told_the_password(
    client: FlaskClient, desk: Desk, service: App, maija: Person, moving_clock: MovableClock
) -> None:
    """Core 5.5.1.1: an essential acr is one of its values, also in a session that has had more."""
    journey.log_in(client, maija)
    began = clock.timestamp()
    moving_clock.move(minutes=1)
    stepped_up(client, service, ask_strongly(client, service, None))

    for more in ({}, {"acr_values": STRONG}):
        claims = protocol.finish(
            client, service, protocol.ask(client, service, claims=essential(WEAK), **more)
        )
        assert (claims["acr"], claims["amr"], claims["auth_time"]) == (WEAK, ["pwd"], began)
    assert protocol.finish(client, service, protocol.ask(client, service))["acr"] == STRONG


def test_when_the_identification_is_over_the_moment_is_the_passwords(
    client: FlaskClient, desk: Desk, service: App, maija: Person, moving_clock: MovableClock
) -> None:
    journey.log_in(client, maija, remember="y")
    began = clock.timestamp()
    moving_clock.move(hours=1)
    stepped_up(client, service, ask_strongly(client, service, None))
    moving_clock.move(seconds=timedelta(hours=12, seconds=1).total_seconds())

    claims = protocol.finish(client, service, protocol.ask(client, service))

    assert (claims["acr"], claims["auth_time"]) == (WEAK, began)
    asked = protocol.ask(client, service, max_age=str(13 * 3600))
    assert protocol.page_of(asked) == "/login"
