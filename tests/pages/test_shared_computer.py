"""At a shared computer the next person learns nothing of the one before: not from a page, not from the cookie."""

import base64
import zlib

import pytest
from flask.testing import FlaskClient

from tests.pages.steps import EMAIL, letter, press, register, sign_up, text
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person

DETAILS = {"phone": "040 123 4567", "street_address": "Kirkkokatu 1", "postal_code": "00100"}
FIELDS = {"new_password": "Talvi-8yötä", "new_password_confirm": "Talvi-8yötä"}


@pytest.fixture
def other(people: People) -> Person:
    return people.resident("liisa@example.fi")


def values(browser: FlaskClient) -> set[str]:
    """What the form for correcting a wrong address has filled in."""
    page = journey.soup(browser.get("/create-account?correct=1"))
    return {str(each["value"]) for each in page.select("main form input[name]:not([type=hidden])[value]")}


def tells_nothing(browser: FlaskClient) -> bool:
    return (
        not values(browser) & {EMAIL, "Uusi", "Asukas", *DETAILS.values()}
        and browser.get("/created").location == "/login"
        and browser.get("/forgot/sent").location == "/forgot"
    )


def applied(browser: FlaskClient) -> None:
    """Somebody has registered and asked for a new password."""
    register(browser, **DETAILS)
    journey.submit(browser, "/forgot", email=EMAIL)
    assert {EMAIL, "Uusi", "Asukas", *DETAILS.values()} <= values(browser)
    assert EMAIL in text(browser.get("/forgot/sent")).replace(" ", "")


def test_activating_elsewhere_and_a_login_of_somebody_else(
    client: FlaskClient, people: People, other: Person
) -> None:
    applied(client)
    press(people.app.test_client(), letter(people, "activation").link, password=PASSWORD)

    journey.log_in(client, other)

    assert tells_nothing(client)
    journey.submit(client, "/logout")
    assert tells_nothing(client)


def test_a_logout(client: FlaskClient, other: Person) -> None:
    journey.log_in(client, other)
    applied(client)

    journey.submit(client, "/logout")

    assert tells_nothing(client)


def test_a_logout_of_a_login_that_time_has_ended(
    moving_clock: MovableClock, client: FlaskClient, other: Person
) -> None:
    journey.log_in(client, other)
    token = journey.csrf_token(client.get("/logout"))
    moving_clock.move(hours=12)
    applied(client)

    assert client.post("/logout", data={"csrf_token": token}).location == "/logged-out"

    assert tells_nothing(client)


def test_a_logout_by_an_e_service(client: FlaskClient) -> None:
    applied(client)

    client.get("/oauth2/logout")

    assert tells_nothing(client)


def test_a_new_password(client: FlaskClient, people: People, other: Person) -> None:
    applied(client)

    press(client, people.forgetful(other.username), **FIELDS)

    assert tells_nothing(client)


def test_an_hour(moving_clock: MovableClock, client: FlaskClient) -> None:
    applied(client)

    moving_clock.move(minutes=59)
    assert not tells_nothing(client)
    moving_clock.move(minutes=1)
    assert tells_nothing(client)


def test_who_logs_in_too_early_does_not_get_what_another_person_has_typed(
    client: FlaskClient, people: People
) -> None:
    register(client, **DETAILS)
    people.applicant("liisa@example.fi")

    page = journey.log_in(client, Person("", "liisa@example.fi", PASSWORD))

    assert journey.errors(page) == ["Käyttäjätunnusta ei ole aktivoitu."]
    assert "liisa@example.fi" in text(client.get("/created")).replace(" ", "")
    assert not values(client) & {EMAIL, "Uusi", *DETAILS.values()}


def test_who_logs_in_too_early_keeps_what_they_have_typed(client: FlaskClient, people: People) -> None:
    sign_up(client, people, **DETAILS)

    journey.log_in(client, Person("", EMAIL, PASSWORD))

    assert {EMAIL, "Uusi", *DETAILS.values()} <= values(client)


def test_a_wrong_password_of_somebody_else_does_not_speak_of_an_activation(
    client: FlaskClient, other: Person
) -> None:
    register(client)

    page = journey.log_in(client, Person("", other.username, "Väärä-1salasana"))

    assert "aktivoitu" not in text(page)


def test_the_cookie_shows_nothing_that_was_typed(client: FlaskClient) -> None:
    applied(client)

    cookie = client.get_cookie("tunnus_browser")
    assert cookie is not None
    payload = cookie.value.lstrip(".").split(".")[0]
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    shown = (zlib.decompress(raw) if cookie.value.startswith(".") else raw).decode()

    assert "csrf_token" in shown
    assert not [typed for typed in (EMAIL, "Uusi", "Asukas", *DETAILS.values()) if typed in shown]
