"""OpenID Connect Session Management 1.0: `session_state`, the cookie behind it, the page for frames.

What the page's script does is tried in a browser: tests/journeys/test_logouts.py.
"""

import hashlib
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.oidc.session_management import session_state, web_origin
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, REDIRECT_URI, App, People, Person

COOKIE = "tunnus_state"


@pytest.fixture
def me(client: FlaskClient, person: Person) -> FlaskClient:
    steps.log_in(client, person)
    return client


def state_in(browser: FlaskClient) -> str | None:
    cookie = browser.get_cookie(COOKIE)
    return cookie.value if cookie else None


def set_cookie(response: TestResponse, name: str = COOKIE) -> str:
    """The header that sets the cookie."""
    return next(header for header in response.headers.getlist("Set-Cookie") if header.startswith(f"{name}="))


def state_for(
    browser: FlaskClient, client_id: str = "asiointi", redirect_uri: str = REDIRECT_URI
) -> str | None:
    """What the authorization endpoint would add for this browser."""
    session = browser.get_cookie("tunnus_session")
    cookies = f"tunnus_session={session.value}; {COOKIE}={state_in(browser)}" if session else ""
    with browser.application.test_request_context("/oauth2/authorize", headers={"Cookie": cookies}):
        return session_state(client_id, redirect_uri)


def expected(client_id: str, origin: str, state: str | None, salt: str) -> str:
    """As a frame's script computes it."""
    return hashlib.sha256(f"{client_id} {origin} {state} {salt}".encode()).hexdigest() + "." + salt


# -- the cookie


def test_a_login_sets_a_cookie_that_scripts_can_read(client: FlaskClient, person: Person) -> None:
    header = set_cookie(journey.log_in(client, person))

    assert re.fullmatch(rf"{COOKIE}=[0-9a-f]{{64}}; Path=/; SameSite=Lax", header)


def test_over_https_frames_on_other_sites_can_read_it_too(make_app: AppFactory) -> None:
    app = make_app(issuer="https://tunnus.example.fi")
    person = People(app).resident()
    browser = app.test_client()
    page = browser.get("/login", base_url="https://tunnus.example.fi")
    form = {"username": person.username, "password": PASSWORD, "csrf_token": journey.csrf_token(page)}
    headers = {"Referer": "https://tunnus.example.fi/login"}

    answer = browser.post("/login", data=form, base_url="https://tunnus.example.fi", headers=headers)

    header = set_cookie(answer, f"__Host-{COOKIE}")
    assert header.endswith("; Secure; Path=/; SameSite=None")
    assert "HttpOnly" not in header
    assert "HttpOnly" in set_cookie(answer, "__Host-tunnus_session")


def test_a_remembered_login_keeps_it_as_long(client: FlaskClient, person: Person) -> None:
    answer = journey.log_in(client, person, remember="y")

    def lifetime(header: str) -> str:
        return re.search(r"Max-Age=(\d+)", header)[1]  # type: ignore[index]

    assert lifetime(set_cookie(answer)) == lifetime(set_cookie(answer, "tunnus_session"))


def test_it_opens_nothing(app: Flask, me: FlaskClient) -> None:
    state = state_in(me)
    assert state is not None
    assert state not in steps.everything_stored(app)
    thief = app.test_client()
    thief.set_cookie("tunnus_session", state)

    assert thief.get("/account").location == "/login"


def test_it_is_another_one_at_each_login_and_for_each_person(
    client: FlaskClient, person: Person, people: People
) -> None:
    seen = []
    for who in (person, person, people.resident("matti@example.fi")):
        journey.log_in(client, who)
        seen.append(state_in(client))
        client.delete_cookie("tunnus_session")

    assert len(set(seen)) == 3


@pytest.mark.parametrize("way", ["/logout", "/account/delete"])
def test_a_logout_erases_it(me: FlaskClient, way: str) -> None:
    journey.submit(me, way, password=PASSWORD, confirm="y")

    assert state_in(me) is None


def test_a_session_that_ended_elsewhere_or_by_time_is_noticed_at_the_next_visit(
    moving_clock: MovableClock, app: Flask, me: FlaskClient, person: Person, service: App
) -> None:
    other = app.test_client()
    steps.log_in(other, person)
    journey.submit(other, "/account/sessions", end_others="1")
    assert steps.silently(me, service)["error"] == "login_required"
    assert state_in(me) is None

    assert state_in(other) is not None
    moving_clock.move(minutes=31)
    assert steps.silently(other, service)["error"] == "login_required"
    assert state_in(other) is None


def test_a_login_in_place_of_a_session_that_is_over_sets_it_anew(
    moving_clock: MovableClock, me: FlaskClient, person: Person
) -> None:
    before = state_in(me)
    token = journey.csrf_token(me.get("/account/password"))
    moving_clock.move(minutes=31)

    form = {"csrf_token": token, "username": person.username, "password": PASSWORD}
    me.post("/login", data=form)

    assert state_in(me) not in {None, before}


# -- session_state


def test_the_state_is_a_hash_for_this_client_this_origin_and_this_login(me: FlaskClient) -> None:
    found = state_for(me, redirect_uri="https://asiointi.example.fi:443/callback?x=1")

    assert found is not None
    salt = found.partition(".")[2]
    assert len(salt) >= 22
    assert found == expected("asiointi", "https://asiointi.example.fi", state_in(me), salt)
    assert " " not in found


def test_two_answers_have_nothing_in_common(me: FlaskClient) -> None:
    assert len({state_for(me) for _ in range(3)}) == 3


def test_without_a_session_there_is_none(client: FlaskClient) -> None:
    assert state_for(client) is None


def test_a_browser_that_has_lost_the_cookie_gets_it_again(me: FlaskClient, service: App) -> None:
    before = state_in(me)
    me.delete_cookie(COOKIE)

    session = me.get_cookie("tunnus_session")
    assert session is not None
    with me.application.test_request_context(
        "/", headers={"Cookie": f"tunnus_session={session.value}"}
    ) as request:
        session_state("asiointi", REDIRECT_URI)
        response = me.application.process_response(me.application.make_response(""))
        assert request is not None

    assert set_cookie(response).startswith(f"{COOKIE}={before};")


ORIGINS = {
    "https://asiointi.example.fi/callback": "https://asiointi.example.fi",
    "https://asiointi.example.fi:443/": "https://asiointi.example.fi",
    "https://asiointi.example.fi:8443/": "https://asiointi.example.fi:8443",
    "HTTPS://Asiointi.Example.FI/x": "https://asiointi.example.fi",
    "http://localhost:8401/callback": "http://localhost:8401",
    "http://[::1]:80/callback": "http://[::1]",
    "fi.example.asiointi:/callback": None,
}


@pytest.mark.parametrize("uri", ORIGINS)
def test_the_origin_is_written_as_browsers_do(uri: str) -> None:
    assert web_origin(uri) == ORIGINS[uri]


# -- the page for frames


def test_the_page_may_be_framed_and_kept_and_does_nothing_else(client: FlaskClient) -> None:
    found = client.get("/.well-known/openid-configuration").get_json()["check_session_iframe"]

    page = client.get(found.removeprefix(steps.ISSUER))

    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"
    )
    assert "X-Frame-Options" not in page.headers
    assert page.headers["Cache-Control"] == "public, max-age=3600"
    assert "Set-Cookie" not in page.headers
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_it_is_the_same_for_everybody(client: FlaskClient, me: FlaskClient) -> None:
    stranger = client.application.test_client()

    assert stranger.get("/oauth2/check-session").data == me.get("/oauth2/check-session").data


def test_its_script_is_told_which_cookie_to_read(client: FlaskClient) -> None:
    script = journey.soup(client.get("/oauth2/check-session")).script
    assert script is not None

    assert script["data-cookie"] == COOKIE
    with client.get(str(script["src"])) as found:
        assert found.status_code == 200
    assert not script.string


def test_no_other_page_may_be_framed(client: FlaskClient) -> None:
    for path in ("/login", "/device", "/logged-out", "/oauth2/logout", "/oauth2/authorize", "/help"):
        page = client.get(path, follow_redirects=True)
        assert page.headers["X-Frame-Options"] == "DENY", path
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"], path
