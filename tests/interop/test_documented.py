"""Each page of docs/relying-parties/ works: registered and started by its own words, it logs people in and out."""

import re
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from bs4 import BeautifulSoup

from idp import clock
from idp.keys import keyring
from tests.interop.browser import Browser
from tests.interop.documented import FOLDER, Documented, page_text, run
from tests.support import apache
from tests.support.browser import chromium
from tests.support.installation import Installation
from tests.support.people import Person
from tests.support.ports import LOOPBACK, free_port
from tests.support.processes import Program

Start = Callable[[str, str, Path], Documented]


@pytest.fixture
def start(place: Installation) -> Iterator[Start]:
    """Register and start what a page describes; it is stopped at the end."""
    with ExitStack() as running:

        def run(page: str, beginning: str, folder: Path) -> Documented:
            party = Documented.register(page, place)
            party.lay(folder)
            program: Program = party.start(beginning, folder)
            running.callback(program.stop)
            return party

        yield run


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)


def everything_works(party: Documented, browser: Browser, person: Person) -> None:
    """Login and the claims, logout at both ends, and a logout elsewhere of which the provider tells."""
    assert "Log in" in browser.visit(f"{party.address}/").text
    page = browser.visit(f"{party.address}/login", person)
    assert str(page.url) == f"{party.address}/"
    assert "Hello, Maija Meikäläinen!" in page.text
    assert person.username in page.text
    assert browser.is_logged_in()

    page = browser.press(page)
    assert str(page.url).startswith(f"{party.address}/")
    assert "Log in" in page.text
    assert not browser.is_logged_in()


def a_logout_elsewhere_ends_it(party: Documented, browser: Browser, person: Person) -> None:
    """By back-channel: the provider's server tells the party's."""
    browser.visit(f"{party.address}/login", person)
    browser.log_out()
    wait_until(lambda: "Log in" in browser.visit(f"{party.address}/").text)


# What turns a right logout token into a wrong one (Back-Channel Logout 2.6): its claims, its type.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "of another provider": ({"iss": "https://other.example.fi"}, "logout+jwt"),
    "for another client": ({"aud": "another"}, "logout+jwt"),
    "expired": ({"exp": 1}, "logout+jwt"),
    "an ID token": ({}, "JWT"),
    "with a nonce": ({"nonce": "n-1"}, "logout+jwt"),
    "of another event": ({"events": {"https://other.example.fi/": {}}}, "logout+jwt"),
    "about nobody": ({"sub": None}, "logout+jwt"),
}


def only_a_logout_token_logs_out(party: Documented, browser: Browser, person: Person) -> None:
    browser.visit(f"{party.address}/login", person)
    right = {
        "iss": party.place.provider,
        "aud": party.app.client_id,
        "sub": person.id,
        "iat": clock.timestamp(),
        "exp": clock.timestamp() + 60,
        "jti": "jti-1",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }

    def answer(changed: dict[str, Any], typ: str) -> int:
        claims = {name: value for name, value in {**right, **changed}.items() if value is not None}
        with party.place.people.app.app_context():
            token = keyring().signing("RS256").sign(claims, typ)
        form = {"logout_token": token}
        return httpx.post(f"{party.address}/backchannel-logout", data=form, trust_env=False).status_code

    assert {why: answer(*token) for why, token in WRONG.items()} == dict.fromkeys(WRONG, 400)
    assert httpx.post(f"{party.address}/backchannel-logout", trust_env=False).status_code == 400
    assert "Hello" in browser.visit(f"{party.address}/").text
    assert answer({}, "logout+jwt") == 200
    assert "Log in" in browser.visit(f"{party.address}/").text


@pytest.mark.interop
def test_openid_client(start: Start, node_folder: Path, browser: Browser, resident: Person) -> None:
    party = start("openid-client", "node server.mjs", node_folder)

    everything_works(party, browser, resident)
    a_logout_elsewhere_ends_it(party, browser, resident)
    only_a_logout_token_logs_out(party, browser, resident)


@pytest.mark.interop
def test_oauth4webapi(start: Start, node_folder: Path, browser: Browser, resident: Person) -> None:
    party = start("oauth4webapi", "node server.mjs", node_folder)

    everything_works(party, browser, resident)


@pytest.mark.interop
@pytest.mark.browser
def test_oidc_client_ts(start: Start, node_folder: Path, resident: Person) -> None:
    party = start("oidc-client-ts", "python3 -m http.server", node_folder)

    with chromium() as browser:
        page = browser.new_page(locale="fi-FI")
        page.goto(f"{party.address}/")
        page.click("#log-in")
        page.wait_for_selector("main[data-page=login]")
        page.fill("#username", resident.username)
        page.fill("#password", resident.password)
        page.click("#log-in")
        page.wait_for_selector("#log-out:visible")
        assert page.url == f"{party.address}/"
        assert page.inner_text("#greeting") == f"Hello, Maija Meikäläinen! {resident.username}"

        page.click("#log-out")
        page.wait_for_selector("#log-in:visible")
        assert page.url == f"{party.address}/"
        assert page.inner_text("#greeting") == ""
        page.goto(f"{party.place.provider}/account")
        page.wait_for_selector("main[data-page=login]")  # at both ends


def test_authlib(start: Start, tmp_path: Path, browser: Browser, resident: Person) -> None:
    party = start("authlib", "flask run", tmp_path)

    everything_works(party, browser, resident)
    a_logout_elsewhere_ends_it(party, browser, resident)
    only_a_logout_token_logs_out(party, browser, resident)


USERS = """
from django.contrib.auth.models import User
for user in User.objects.all(): print(user.username)
"""
A_QUARTER_OF_AN_HOUR_LATER = """
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
for row in Session.objects.all():
    session = SessionStore(row.session_key)
    session["oidc_id_token_expiration"] = 0
    session.save()
"""


def in_django(party: Documented, folder: Path, code: str) -> str:
    """What Python code prints inside the site."""
    manage = party.command("python manage.py migrate").removesuffix("migrate")
    return run(f"{manage} shell --verbosity 0 -c {shlex.quote(code)}", folder)


def test_mozilla_django_oidc(place: Installation, tmp_path: Path, browser: Browser, resident: Person) -> None:
    party = Documented.register("mozilla-django-oidc", place)
    run(party.command("django-admin startproject"), tmp_path)
    party.lay(tmp_path)
    run(party.command("python manage.py migrate"), tmp_path)
    server = party.start("python manage.py runserver", tmp_path)
    try:
        assert "Log in" in browser.visit(f"{party.address}/").text
        page = browser.visit(f"{party.address}/oidc/authenticate/", resident)
        assert str(page.url) == f"{party.address}/"
        assert f"Hello, Maija Meikäläinen! <small>{resident.username}</small>" in page.text
        assert in_django(party, tmp_path, USERS).strip() == resident.id

        page = browser.press(page)
        assert "Log in" in page.text
        assert not browser.is_logged_in()

        browser.visit(f"{party.address}/oidc/authenticate/", resident)
        in_django(party, tmp_path, A_QUARTER_OF_AN_HOUR_LATER)
        assert "Hello" in browser.visit(f"{party.address}/").text
        browser.log_out()
        in_django(party, tmp_path, A_QUARTER_OF_AN_HOUR_LATER)
        assert browser.visit(f"{party.address}/").status_code == 400
        assert "Log in" in browser.visit(f"{party.address}/").text
    finally:
        server.stop()


APACHE_PAGES = {"index.html": "<p>For everybody", "own/index.html": "<p>Own pages"}


@pytest.mark.apache
def test_mod_auth_openidc(place: Installation, browser: Browser, resident: Person) -> None:
    party = Documented.register("mod_auth_openidc", place)
    own = f"{party.address}/own/"
    with apache.serving(party.file("asiointi.conf"), APACHE_PAGES, party.port):
        assert "For everybody" in browser.visit(f"{party.address}/").text

        page = browser.visit(own, resident)
        assert (str(page.url), page.text) == (own, "<p>Own pages")
        assert page.headers["X-Remote-User"] == resident.id
        assert page.headers["X-Claim-Email"] == resident.username
        assert (b"X-Claim-Name", "Maija Meikäläinen".encode()) in page.headers.raw

        back = quote(f"{party.address}/", safe="")
        page = browser.visit(f"{party.address}/oidc/callback?logout={back}")
        assert "For everybody" in page.text
        assert not browser.is_logged_in()
        assert str(browser.visit(own).url).startswith(place.provider)

        browser.visit(own, resident)
        browser.log_out()
        wait_until(lambda: str(browser.visit(own).url).startswith(place.provider))


@pytest.mark.apache
def test_mod_auth_openidc_ends_a_session_in_a_frame_without_a_cookie(
    place: Installation, browser: Browser, resident: Person
) -> None:
    port = free_port()
    callback = f"http://{LOOPBACK}:{port}/oidc/callback"
    [query] = re.findall(
        r'"frontchannel_logout_uri": "[^"]+/oidc/callback([^"]+)"', page_text("mod_auth_openidc")
    )
    app = place.people.client(
        "apache-frames", redirect_uris=[callback], frontchannel_logout_uri=f"{callback}{query}"
    )
    party = Documented("mod_auth_openidc", place, port, app)
    own = f"{party.address}/own/"
    with apache.serving(party.file("asiointi.conf"), APACHE_PAGES, port):
        assert str(browser.visit(own, resident).url) == own
        page = browser.log_out()
        assert str(browser.visit(own).url) == own

        [frame] = BeautifulSoup(page.text, "html.parser").select("iframe")
        assert str(frame["src"]).startswith(f"{callback}?logout=get&iss=")
        assert httpx.get(str(frame["src"]), trust_env=False).status_code == 200
        assert str(browser.visit(own).url).startswith(place.provider)


def test_every_page_is_tried() -> None:
    pages = {path.stem.replace("-", "_") for path in FOLDER.glob("*.md")} - {"README"}
    assert {f"test_{page}" for page in pages} <= globals().keys()
