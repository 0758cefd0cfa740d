"""The log: a line per request worth one, and never a password, a token, a code or an address of a person."""

import json
import logging
import re
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
import structlog
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from idp.accounts.rules import rules
from idp.database import db, writing
from idp.mail import delivery
from idp.web import logs
from tests.conftest import AppFactory, make_settings
from tests.pages.steps import EMAIL, letter, press, register, sign_up
from tests.support import journey
from tests.support.people import PASSWORD, People, Person
from tests.support.smtp import smtp_server

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOKEN = re.compile(r"[\w-]{40,}")


@pytest.fixture
def configure() -> Iterator[Callable[..., None]]:
    """Sets logging up as `idp serve` does, for one test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda **log: logs.configure(make_settings(log=log))
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def whole_life(app: Flask) -> set[str]:
    """A registration, an activation, logins right and wrong, tokens, a reset, errors; every secret that occurred."""
    people, browser = People(app), app.test_client()
    service = people.client()
    login = browser.get(journey.authorize_url(service)).location
    link = sign_up(browser, people, login.replace("/login", "/create-account"))
    press(browser, link)
    person = Person("", EMAIL, PASSWORD)
    journey.log_in(browser, Person("", EMAIL, "Väärä-1salasana"), login)
    tokens = journey.tokens_for(browser, service, person, scope="openid email offline_access")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    browser.get("/oauth2/userinfo", headers=bearer)
    browser.get("/oauth2/userinfo", headers={"Authorization": "Bearer nonsense-secret"})
    fresh = journey.refresh(browser, service, tokens["refresh_token"]).get_json()
    journey.redeem(browser, service, "wrong-code-secret")
    session, device = (browser.get_cookie(name) for name in ("tunnus_session", "tunnus_device"))
    assert session is not None
    assert device is not None
    elsewhere = app.test_client()
    for _ in range(6):
        journey.log_in(elsewhere, Person("", "tuntematon@example.fi", "Väärä-2salasana"))
    journey.submit(elsewhere, "/forgot", email=EMAIL)
    reset = letter(people, "reset").link
    press(elsewhere, reset, new_password="Talvi-8yötä", new_password_confirm="Talvi-8yötä")
    elsewhere.get(reset)
    elsewhere.get(f"/nowhere?secret={PASSWORD}")
    secrets = {found for path in (link, reset, login) for found in TOKEN.findall(path)}
    return secrets | {
        *(EMAIL, "tuntematon@example.fi", PASSWORD, "Väärä-1salasana", "Väärä-2salasana", "Talvi-8yötä"),
        *(tokens["access_token"], tokens["refresh_token"], tokens["id_token"], fresh["refresh_token"]),
        *(session.value, device.value, service.secret or "", "nonsense-secret", "wrong-code-secret"),
        *("Uusi", "Asukas"),
    }


def test_a_whole_life_leaves_no_secret_and_no_person_in_the_log(
    make_app: AppFactory, configure: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    configure(format="json", level="debug")
    with smtp_server() as server:
        mail = {"host": server.host, "port": server.port, "security": "none"}
        app = make_app(log={"requests": "all", "level": "debug"}, mail=mail)
        secrets = whole_life(app)
        server.refuse_with("550 5.1.1 no such user uusi@example.fi")
        register(app.test_client())
        with app.app_context():
            delivery.deliver_due(app, rules().vault, rules().settings)

    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.err.splitlines()]
    assert len(lines) > 30
    assert {"request", "mail delivered"} <= {line["event"] for line in lines}
    assert [secret for secret in secrets if secret in printed.err + printed.out] == []


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_fault_of_ours_tells_where_but_no_secret(
    client: FlaskClient,
    people: People,
    configure: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    form: str,
) -> None:
    register(people.app.test_client(), email="eka@example.fi")
    with people.app.app_context(), writing() as session:  # the second one fails in the middle
        session.execute(sa.text("CREATE UNIQUE INDEX only_one ON registrations (language)"))
    configure(format=form)

    answer = register(client)

    assert answer.status_code == 500
    printed = capsys.readouterr().err
    assert "unexpected error" in printed
    assert "idp/accounts/registration.py" in printed
    with people.app.app_context():
        stored = db.session.scalar(sa.text("SELECT password_hash FROM registrations"))
    assert [secret for secret in (EMAIL, PASSWORD, "Asukas", stored) if secret in printed] == []


# -- lines


def lines(app: Flask, *paths: str) -> list[str]:
    """The paths of the requests that got a line."""
    browser = app.test_client()
    with capture_logs() as entries:
        for path in paths:
            browser.get(path)
    return [entry["path"] for entry in entries if entry["event"] == "request"]


@SQLITE
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("all", ["/login", "/oauth2/jwks", "/healthz", "/nowhere"]),
        ("pages", ["/login", "/nowhere"]),
        ("errors", []),
    ],
)
def test_which_requests_get_a_line_is_a_setting(
    make_app: AppFactory, wanted: str, expected: list[str]
) -> None:
    app = make_app(log={"requests": wanted})

    assert lines(app, "/login", "/oauth2/jwks", "/healthz", "/nowhere") == expected


@SQLITE
def test_a_line_tells_method_path_status_time_and_reference(make_app: AppFactory) -> None:
    browser = make_app(log={"requests": "all"}).test_client()
    with capture_logs() as entries:
        browser.get("/login?username=maija@example.fi")

    line = next(entry for entry in entries if entry["event"] == "request")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/login", 200)
    assert line["ms"] >= 0
    assert re.fullmatch(r"\w{4}-\w{4}", line["reference"])


@SQLITE
def test_in_json_every_line_is_one_object_with_time_and_level(
    make_app: AppFactory, configure: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    browser = make_app(log={"requests": "all"}).test_client()
    configure(format="json")
    browser.get("/login")
    logging.getLogger("some.library").warning("äö\nsecond line")

    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (ours["event"], ours["level"]) == ("request", "info")
    assert ours["timestamp"].endswith("Z")
    assert theirs["event"] == "äö\nsecond line"


@SQLITE
def test_a_line_break_in_an_address_makes_no_second_line(
    make_app: AppFactory, configure: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    browser = make_app(log={"requests": "all"}).test_client()
    for form in ("json", "text"):
        configure(format=form)
        browser.get("/x%0a2026-11-24%20[info]%20forged")

        assert len(capsys.readouterr().err.splitlines()) == 1


@SQLITE
def test_what_is_below_the_level_is_left_out(
    make_app: AppFactory, configure: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    browser = make_app(log={"requests": "all"}).test_client()
    configure(level="error")
    browser.get("/login")

    assert capsys.readouterr().err == ""
