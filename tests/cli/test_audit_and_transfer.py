"""The audit log by the command line, and everything in one file."""

import csv
import io
import json
import re
import stat
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from idp import create_app, database, housekeeping, settings
from idp.cli import main
from tests.cli.conftest import Idp
from tests.conftest import AppFactory
from tests.support import journey
from tests.support.people import People, Person

EMAIL = "maija.meikalainen@example.fi"


@pytest.fixture
def browser(make_app: AppFactory, settings_file: Path) -> FlaskClient:
    """At a provider that runs beside the command line."""
    return make_app().test_client()


@pytest.fixture
def maija(browser: FlaskClient) -> Person:
    """Who has failed to log in once, and logged in once."""
    person = People(browser.application).resident(EMAIL)
    journey.log_in(browser, Person(person.id, EMAIL, "Väärä-1salasana"))
    journey.log_in(browser, person)
    return person


def listed(idp: Idp, *filters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(idp("audit", "list", "--json", *filters).output)
    return found


def test_each_filter_lets_through_what_it_names(idp: Idp, maija: Person) -> None:
    logins = listed(idp, "--event", "login", "--account", EMAIL)
    assert [event["outcome"] for event in logins] == ["success", "failure"]
    assert listed(idp, "--account", maija.id, "--event", "login") == logins
    assert [event["outcome"] for event in listed(idp, "--event", "login", "--outcome", "failure")] == [
        "failure"
    ]
    assert listed(idp, "--client", "nobody") == []
    assert {event["event"] for event in listed(idp, "--actor", "operator")} == {"account.created_by_admin"}
    day = logins[0]["at"][:10]
    assert listed(idp, "--event", "login", "--since", "2026-01-01") == logins
    assert listed(idp, "--until", "2026-01-01") == []
    assert listed(idp, "--event", "login", "--since", day, "--until", "9998-12-31") in (logins, [])


def test_a_slip_of_the_pen_is_helped(idp: Idp, maija: Person) -> None:
    assert "login" in idp("audit", "list", "--event", "logn").output
    for arguments in (("--since", "yesterday"), ("--limit", "0"), ("--until", "9999-12-31")):
        assert idp("audit", "list", *arguments).exit_code == 2, arguments
    assert (
        "there is no account nobody@example.fi"
        in idp("audit", "list", "--account", "nobody@example.fi").output
    )


def test_more_than_are_shown_is_said(idp: Idp, maija: Person) -> None:
    result = idp("audit", "list", "--limit", "1")

    assert "There are more than these 1" in result.stderr


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_the_log_is_written_out(idp: Idp, maija: Person, tmp_path: Path, kind: str) -> None:
    assert idp("audit", "export", "log", "--format", kind, "--event", "login").exit_code == 0

    file = tmp_path / "log"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text(encoding="utf-8").lstrip("\ufeff")
    rows = json.loads(text) if kind == "json" else list(csv.DictReader(io.StringIO(text)))
    assert [row["outcome"] for row in rows] == ["success", "failure"]
    assert "exists already" in idp("audit", "export", "log").output
    assert listed(idp, "--event", "audit.exported")[0]["actor"] == "operator"


def test_everything_moves_into_another_database(
    idp: Idp, browser: FlaskClient, maija: Person, tmp_path: Path, settings_file: Path
) -> None:
    exported = idp("export", "all.gz")
    assert exported.exit_code == 0
    assert "exists already" in idp("export", "all.gz").output
    assert "it is left as it is" in idp("import", "all.gz").output

    elsewhere = tmp_path / "elsewhere.toml"
    text = settings_file.read_text()
    url = next(line for line in text.splitlines() if line.startswith("url = "))
    elsewhere.write_text(text.replace(url, f'url = "sqlite:///{tmp_path / "elsewhere.db"}"'))
    there = ("--config", "elsewhere.toml")
    assert "run `idp migrate` first" in idp(*there, "import", "all.gz").output
    assert idp(*there, "migrate").exit_code == 0
    assert idp(*there, "import", "all.gz").exit_code == 0
    assert json.loads(idp(*there, "account", "show", EMAIL, "--json").output)["id"] == maija.id


def test_a_file_that_is_none_is_told_in_one_line(idp: Idp, browser: FlaskClient, tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_text("no export")

    result = idp("import", "x.gz")

    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert result.output.startswith("Error:")
    assert idp("export", "no-such-folder/x.gz").exit_code == 1


def test_an_event_is_read_on_a_narrow_terminal(
    idp: Idp, maija: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    idp("account", "edit", EMAIL, "--family-name", "Virtanen", "--note", "Asked by phone")

    lines = idp("audit", "list", "--event", "account.details_changed").output.splitlines()

    assert lines[0].endswith("  account.details_changed  success")
    assert lines[1:] == [
        f"    account {maija.id}, by operator",
        "    family_name: Meikäläinen -> Virtanen",
        "    note: Asked by phone",
    ]
    assert all(len(line) <= 80 for line in idp("audit", "list").output.splitlines())


def test_everything_goes_through_a_pipe(
    idp: Idp, browser: FlaskClient, maija: Person, settings_file: Path, tmp_path: Path
) -> None:
    idp("export", "all")
    settings_file.write_text(
        re.sub(r"(?m)^url = .*$", f'url = "sqlite:///{tmp_path}/other.db"', settings_file.read_text())
    )
    idp("migrate")

    result = CliRunner().invoke(main, ["import", "-"], input=(tmp_path / "all").read_bytes())

    assert result.exit_code == 0, result.output
    assert json.loads(idp("account", "show", EMAIL, "--json").output)["id"] == maija.id
    again = CliRunner().invoke(main, ["import", "-"], input=b"no export")
    assert (again.exit_code, again.output.count("\n")) == (1, 1)


def test_a_backup_is_reminded_of(idp: Idp, browser: FlaskClient, maija: Person, tmp_path: Path) -> None:
    assert "no `idp export` yet" in idp("doctor").output

    assert "secrets.keys" in idp("export", "all").output

    assert "the last `idp export` was on" in idp("doctor").output


@pytest.mark.parametrize(("tables", "warned"), [("none", False), ("older", True), ("current", False)])
def test_before_tables_change_a_backup_is_reminded_of(
    idp: Idp, settings_file: Path, tmp_path: Path, tables: str, warned: bool
) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    settings_file.write_text(re.sub(r"(?m)^url = .*$", f'url = "{url}"', settings_file.read_text()))
    if tables == "current":
        idp("migrate")
    elif tables == "older":
        app = create_app(settings.load(settings_file))
        with app.app_context():
            database.migrations()
            flask_migrate.upgrade(revision="0001")
            database.close(app)

    assert ("no way back but a backup" in idp("migrate").output) is warned


def test_work_that_takes_long_tells_how_far_it_is(app: Flask) -> None:
    told: list[tuple[int, int]] = []
    with app.app_context():
        housekeeping.purge(lambda done, total: told.append((done, total)))

    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert {total for _, total in told} == {len(told)}
