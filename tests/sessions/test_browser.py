"""Browser sessions: a new secret per login, idle and absolute ends, remembered logins (R-11), and their cookies."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.crypto import hash_token
from idp.database import db
from idp.sessions.models import BrowserSession
from tests.conftest import AppFactory
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People, Person

DAY = 86_400


@pytest.fixture
def person(people: People) -> Person:
    return people.resident()


def is_in(browser: FlaskClient) -> bool:
    return browser.get("/account").status_code == 200


def cookie_of(response: TestResponse, name: str = "tunnus_session") -> dict[str, str]:
    """The attributes of a cookie that a response sets, by lower-case name; its value under its own name."""
    header = next(value for value in response.headers.getlist("Set-Cookie") if value.startswith(f"{name}="))
    parts = [part.strip().partition("=") for part in header.split(";")]
    return {parts[0][0]: parts[0][2]} | {key.lower(): value for key, _, value in parts[1:]}


def session_value(browser: FlaskClient) -> str:
    cookie = browser.get_cookie("tunnus_session")
    assert cookie is not None
    return cookie.value


# -- the secret


def test_each_login_has_a_new_secret(client: FlaskClient, person: Person) -> None:
    journey.log_in(client, person)
    first = session_value(client)
    journey.submit(client, "/logout")
    journey.log_in(client, person)

    assert len(first) >= 43
    assert session_value(client) != first


def test_the_secret_of_before_a_login_is_dead_after_it(
    client: FlaskClient, app: Flask, person: Person, people: People
) -> None:
    """Session fixation: whoever planted or copied the older cookie has nothing."""
    service = people.client()
    journey.log_in(client, person)
    older = session_value(client)

    journey.log_in(client, person, client.get(journey.authorize_url(service, prompt="login")).location)

    thief = app.test_client()
    thief.set_cookie("tunnus_session", older)
    assert is_in(client)
    assert not is_in(thief)


def test_a_planted_secret_becomes_nobodys_session(client: FlaskClient, person: Person) -> None:
    client.set_cookie("tunnus_session", "a" * 43)

    journey.log_in(client, person)

    assert session_value(client) != "a" * 43


def test_somebody_elses_login_in_the_same_browser_ends_the_first(
    client: FlaskClient, app: Flask, person: Person, people: People
) -> None:
    service, other = people.client(), people.resident("liisa@example.fi")
    journey.log_in(client, person)
    copy = app.test_client()
    copy.set_cookie("tunnus_session", session_value(client))

    journey.log_in(client, other, client.get(journey.authorize_url(service, prompt="login")).location)

    assert not is_in(copy)
    assert "liisa@example.fi" in client.get("/account").text


def test_the_database_keeps_its_hash_alone(client: FlaskClient, app: Flask, person: Person) -> None:
    journey.log_in(client, person)

    with app.app_context():
        rows = repr(db.session.execute(sa.select(BrowserSession.__table__)).all())
    assert session_value(client) not in rows
    assert hash_token(session_value(client)) in rows


def test_a_logout_ends_the_session_in_the_database(client: FlaskClient, app: Flask, person: Person) -> None:
    journey.log_in(client, person)
    copy = app.test_client()
    copy.set_cookie("tunnus_session", session_value(client))

    answer = journey.submit(client, "/logout")

    assert answer.location == "/logged-out"
    assert client.get_cookie("tunnus_session") is None
    assert not is_in(copy)


def test_looking_at_the_logout_page_logs_nobody_out(client: FlaskClient, person: Person) -> None:
    journey.log_in(client, person)

    page = client.get("/logout")

    assert journey.page_name(page) == "log-out"
    assert is_in(client)


def test_logging_out_twice_is_no_error(client: FlaskClient, person: Person) -> None:
    journey.log_in(client, person)
    token = journey.csrf_token(client.get("/logout"))
    client.post("/logout", data={"csrf_token": token})

    assert client.post("/logout", data={"csrf_token": token}).location == "/logged-out"
    assert "Sinut on kirjattu ulos." in client.get("/logged-out").text


# -- its end


@pytest.mark.parametrize(("seconds", "still_in"), [(29 * 60 + 59, True), (30 * 60 + 1, False)])
def test_half_an_hour_without_use_ends_it(
    moving_clock: MovableClock, client: FlaskClient, person: Person, seconds: int, still_in: bool
) -> None:
    journey.log_in(client, person)

    moving_clock.move(seconds=seconds)

    assert is_in(client) is still_in


def test_use_keeps_it_for_twelve_hours_at_most(
    moving_clock: MovableClock, client: FlaskClient, person: Person
) -> None:
    journey.log_in(client, person)
    for _ in range(35):
        moving_clock.move(minutes=20)
        assert is_in(client)
    moving_clock.move(minutes=19, seconds=59)
    assert is_in(client)

    moving_clock.move(seconds=2)

    assert not is_in(client)


@pytest.mark.parametrize(("seconds", "still_in"), [(30 * DAY - 1, True), (30 * DAY + 1, False)])
def test_a_remembered_login_lasts_thirty_days_without_use(
    moving_clock: MovableClock, client: FlaskClient, person: Person, seconds: int, still_in: bool
) -> None:
    journey.log_in(client, person, remember="y")
    cookie = client.get_cookie("tunnus_session")
    assert cookie is not None

    moving_clock.move(seconds=seconds)

    assert is_in(client) is still_in


def test_how_long_are_settings(moving_clock: MovableClock, make_app: AppFactory, person: Person) -> None:
    app = make_app(sessions={"idle_minutes": 5, "absolute_hours": 1, "remembered_days": 1})
    idle, remembered = app.test_client(), app.test_client()
    journey.log_in(idle, person)
    answer = journey.log_in(remembered, person, remember="y")

    assert cookie_of(answer)["max-age"] == str(DAY)
    moving_clock.move(minutes=6)
    assert (is_in(idle), is_in(remembered)) == (False, True)
    moving_clock.move(days=1)
    assert not is_in(remembered)


def test_being_used_is_written_down_once_a_minute_at_most(
    moving_clock: MovableClock, client: FlaskClient, app: Flask, person: Person
) -> None:
    journey.log_in(client, person)

    def last_seen() -> object:
        with app.app_context():
            return db.session.scalar(sa.select(BrowserSession.last_seen_at))

    began = last_seen()
    moving_clock.move(seconds=59)
    client.get("/account")
    assert last_seen() == began
    moving_clock.move(seconds=2)
    client.get("/account")
    assert last_seen() == moving_clock()


# -- cookies


def test_an_ordinary_login_is_forgotten_with_the_browser(client: FlaskClient, person: Person) -> None:
    cookie = cookie_of(journey.log_in(client, person))

    assert "max-age" not in cookie
    assert "expires" not in cookie


def test_a_remembered_login_is_kept_for_thirty_days(client: FlaskClient, person: Person) -> None:
    cookie = cookie_of(journey.log_in(client, person, remember="y"))

    assert cookie["max-age"] == str(30 * DAY)


def test_the_device_is_known_for_thirteen_months(client: FlaskClient, person: Person) -> None:
    cookie = cookie_of(journey.log_in(client, person), "tunnus_device")

    assert cookie["max-age"] == str(395 * DAY)


def test_a_logout_forgets_the_login_but_not_the_device(client: FlaskClient, person: Person) -> None:
    journey.log_in(client, person)
    device = client.get_cookie("tunnus_device")

    journey.submit(client, "/logout")

    assert client.get_cookie("tunnus_device") == device


def test_every_cookie_is_for_us_alone(client: FlaskClient, person: Person) -> None:
    answers = [
        client.get("/login?lang=sv"),
        journey.log_in(client, person),
        journey.submit(client, "/logout"),
    ]

    cookies = [cookie for answer in answers for cookie in answer.headers.getlist("Set-Cookie")]
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert names == {
        *("tunnus_browser", "tunnus_session", "tunnus_device", "tunnus_language", "tunnus_state")
    }
    for cookie in cookies:
        if cookie.startswith("tunnus_state="):  # for our own script: tests/oidc/test_session_management.py
            continue
        attributes = {part.strip() for part in cookie.split(";")[1:]}
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= attributes
        assert "Secure" not in attributes  # the issuer is http
        assert not any(attribute.startswith("Domain") for attribute in attributes)


def test_with_an_https_issuer_they_are_secure_and_bound_to_the_host(
    make_app: AppFactory, person: Person
) -> None:
    app = make_app(issuer="https://tunnus.example.fi")
    browser = app.test_client()
    https = {"base_url": "https://tunnus.example.fi"}
    page = browser.get("/login", **https)  # type: ignore[arg-type]
    fields = {
        "csrf_token": journey.csrf_token(page),
        "username": person.username,
        "password": person.password,
    }
    answer = browser.post("/login", data=fields, **https)  # type: ignore[arg-type]

    assert answer.location == "/account"
    cookies = [*page.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")]
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert names == {
        *("__Host-tunnus_browser", "__Host-tunnus_session", "__Host-tunnus_device", "__Host-tunnus_state")
    }
    for cookie in cookies:
        if cookie.startswith("__Host-tunnus_state="):
            assert {"Secure", "SameSite=None", "Path=/"} <= {part.strip() for part in cookie.split(";")}
            continue
        attributes = {part.strip() for part in cookie.split(";")[1:]}
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= attributes
    assert browser.get("/account", **https).status_code == 200  # type: ignore[arg-type]


def test_without_the_prefix_a_cookie_is_not_read_there(
    make_app: AppFactory, client: FlaskClient, person: Person
) -> None:
    """A sibling host can set `tunnus_session` for the whole domain, but not `__Host-tunnus_session`."""
    journey.log_in(client, person)
    browser = make_app(issuer="https://tunnus.example.fi").test_client()
    browser.set_cookie("tunnus_session", session_value(client), domain="tunnus.example.fi")

    answer = browser.get("/account", base_url="https://tunnus.example.fi")

    assert answer.location == "/login"
