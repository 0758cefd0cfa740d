"""Administrators by the command line: the first one, inviting, listing, removing."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from idp.accounts.models import Account
from idp.audit import AuditEvent
from idp.database import db
from tests.cli.conftest import Idp
from tests.conftest import ISSUER, AppFactory
from tests.pages.steps import press
from tests.support import journey
from tests.support.people import PASSWORD, People, Person

ADMIN = "pirkko@example.fi"
INIT = (
    *("init", "--issuer", "https://tunnus.example.fi", "--name", "Esimerkkikunta"),
    *("--contact", "tuki@example.fi", "--smtp", "smtp.example.fi"),
)


@pytest.fixture
def browser(make_app: AppFactory, settings_file: Path) -> FlaskClient:
    """At a provider that runs beside the command line."""
    return make_app().test_client()


def link_in(text: str) -> str:
    return next(word for word in text.split() if "/reset?token=" in word).removeprefix(ISSUER)


def test_the_first_admin_sets_a_password_by_the_printed_link(idp: Idp, browser: FlaskClient) -> None:
    result = idp("admin", "invite", ADMIN, "--role", "admin")

    assert result.exit_code == 0, result.output
    link = link_in(result.output)
    fields = {"new_password": PASSWORD, "new_password_confirm": PASSWORD}
    assert journey.page_name(press(browser, link, **fields)) == "reset-done"
    browser.get("/admin/")
    logged_in = journey.log_in(browser, Person("", ADMIN, PASSWORD))
    assert browser.get(logged_in.location).location == "/accept-terms"
    assert journey.submit(browser, "/accept-terms", accept_terms="y").location == "/admin/"
    assert journey.page_name(browser.get("/admin/")) == "admin-dashboard"
    assert browser.get(link).status_code == 410


def test_nobody_can_log_in_before_the_link_is_used(idp: Idp, browser: FlaskClient) -> None:
    idp("admin", "invite", ADMIN, "--role", "admin")

    for password in ("", "admin", ADMIN, PASSWORD):
        assert journey.log_in(browser, Person("", ADMIN, password)).status_code == 422


def test_inviting_again_prints_a_new_link_until_somebody_has_come(idp: Idp, browser: FlaskClient) -> None:
    older = link_in(idp("admin", "invite", ADMIN, "--role", "admin").output)
    newer = link_in(idp("admin", "invite", ADMIN, "--role", "admin").output)

    assert browser.get(older).status_code == 410
    fields = {"new_password": PASSWORD, "new_password_confirm": PASSWORD}
    journey.submit(browser, newer, **fields)
    again = idp("admin", "invite", ADMIN, "--role", "support")
    assert "/reset?token=" not in again.output
    assert "own password" in again.output


def test_each_link_that_is_handed_over_is_noted(idp: Idp, browser: FlaskClient) -> None:
    for _ in range(2):
        idp("admin", "invite", ADMIN, "--role", "admin")

    with browser.application.app_context():
        found = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.event == "account.invited")).all()
        account = db.session.scalars(sa.select(Account)).one()
    told = [(event.actor, event.account_id, event.reason) for event in found]
    assert told == [("operator", account.id, "handed over")] * 2


def test_who_has_an_account_gets_the_role_alone(idp: Idp, browser: FlaskClient) -> None:
    person = People(browser.application).resident(ADMIN)
    journey.log_in(browser, person)

    result = idp("admin", "invite", ADMIN, "--role", "auditor", "--json")

    assert json.loads(result.output) == {"email": ADMIN, "role": "auditor", "link": None}
    assert browser.get("/admin/audit").status_code == 200


@pytest.mark.parametrize(
    "arguments",
    [
        ("invite", "ei osoite", "--role", "admin"),
        ("invite", ADMIN, "--role", "root"),
        ("invite", ADMIN),
        ("invite", ADMIN, "--role", "admin", "--language", "de"),
        ("remove", "nobody@example.fi"),
    ],
)
def test_what_cannot_be_says_so(idp: Idp, browser: FlaskClient, arguments: tuple[str, ...]) -> None:
    result = idp("admin", *arguments)

    assert result.exit_code in (1, 2)
    assert json.loads(idp("admin", "list", "--json").output) == []


def test_admins_are_listed_and_removed(idp: Idp, browser: FlaskClient) -> None:
    idp("admin", "invite", ADMIN, "--role", "admin")
    idp("admin", "invite", "apu@example.fi", "--role", "support")
    idp("admin", "invite", "apu@example.fi", "--role", "auditor")

    found = {row["username"]: row["roles"] for row in json.loads(idp("admin", "list", "--json").output)}
    table = idp("admin", "list").output
    idp("admin", "remove", "apu@example.fi", "--role", "support")
    one_left = {row["username"]: row["roles"] for row in json.loads(idp("admin", "list", "--json").output)}
    by_id = {row["username"]: row["sub"] for row in json.loads(idp("admin", "list", "--json").output)}
    idp("admin", "remove", by_id["apu@example.fi"])

    assert found == {ADMIN: ["admin"], "apu@example.fi": ["support", "auditor"]}
    assert "support, auditor" in table
    assert one_left["apu@example.fi"] == ["auditor"]
    assert [row["username"] for row in json.loads(idp("admin", "list", "--json").output)] == [ADMIN]
    assert "has not a role" in idp("admin", "remove", "apu@example.fi").output
    assert "there is no account" in idp("admin", "remove", "kukaan@example.fi").output


def test_the_last_admin_is_not_removed(idp: Idp, browser: FlaskClient) -> None:
    idp("admin", "invite", ADMIN, "--role", "admin")

    result = idp("admin", "remove", ADMIN)

    assert result.exit_code == 1
    assert "only admin" in result.output


def test_the_doctor_misses_an_admin(idp: Idp, browser: FlaskClient) -> None:
    before = idp("doctor").output
    idp("admin", "invite", ADMIN, "--role", "admin")

    assert "idp admin invite" in before
    assert "1 with the role admin" in idp("doctor").output


# -- idp init


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_init_invites_the_first_admin_when_the_database_is_there(
    idp: Idp, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDP_DATABASE_URL", database_url)
    monkeypatch.setenv("IDP_MODE", "test")

    result = idp(*INIT, "--admin", ADMIN)

    assert result.exit_code == 0, result.output
    assert "https://tunnus.example.fi/reset?token=" in result.output


def test_init_says_the_command_when_nobody_is_named(idp: Idp) -> None:
    assert "idp admin invite EMAIL --role admin" in idp(*INIT).output
