"""init, migrate, doctor, purge: what an operator types first, and what it answers."""

import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from idp import audit, housekeeping, settings
from idp.accounts.models import LoginCounter, MailedLink, Registration
from idp.cli import main
from idp.database import db, writing
from idp.grants.models import AuthorizationRequest, Grant, RefreshToken
from idp.mail.models import OutboxMessage
from idp.sessions.models import BrowserSession
from tests.cli.conftest import Idp
from tests.conftest import ISSUER, AppFactory
from tests.pages.steps import register
from tests.support import journey
from tests.support.mail import refuse_all_mail
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person
from tests.support.smtp import smtp_server

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ANSWERS = {
    "--issuer": "https://tunnus.example.fi/",
    "--name": "Esimerkkikunta",
    "--contact": "tuki@example.fi",
    "--smtp": "smtp.example.fi",
}


def options(**changes: str) -> list[str]:
    answers = ANSWERS | {f"--{name}": value for name, value in changes.items()}
    return [part for pair in answers.items() for part in pair]


# -- init


def test_init_writes_settings_that_work_and_only_their_owner_can_read(idp: Idp, tmp_path: Path) -> None:
    usual = os.umask(0o022)
    try:
        result = idp("init", *options())
    finally:
        os.umask(usual)

    file = tmp_path / "tunnus.toml"
    assert result.exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    written = settings.load(file)
    assert written.mode == "production"
    assert written.issuer == "https://tunnus.example.fi"
    assert written.site.name == dict.fromkeys(("fi", "sv", "en"), "Esimerkkikunta")
    assert (written.site.contact_email, written.mail.sender) == ("tuki@example.fi", "noreply@example.fi")
    assert written.secrets.keys[0] not in result.output


def test_init_asks_for_what_is_not_given(idp: Idp, tmp_path: Path) -> None:
    result = idp("init", stdin="https://tunnus.example.fi\nKunta\ntuki@example.fi\nsmtp.example.fi\n")

    assert result.exit_code == 0
    assert settings.load(tmp_path / "tunnus.toml").site.name["fi"] == "Kunta"


def test_init_makes_another_key_each_time(idp: Idp, tmp_path: Path) -> None:
    keys = set()
    for number in range(2):
        idp("init", *options(), "--output", f"{number}.toml")
        keys.add(settings.load(tmp_path / f"{number}.toml").secrets.keys[0])

    assert len(keys) == 2


def test_init_leaves_a_file_as_it_is(idp: Idp, tmp_path: Path) -> None:
    (tmp_path / "tunnus.toml").write_text("# mine\n")

    result = idp("init", *options())

    assert result.exit_code == 1
    assert "exists already" in result.output
    assert (tmp_path / "tunnus.toml").read_text() == "# mine\n"


@pytest.mark.parametrize("name", ['Kunta "K"', "Kunta \\ x", "Enontekiö – Eanodat", "{kunta}", "a\tb"])
def test_init_writes_any_name(idp: Idp, tmp_path: Path, name: str) -> None:
    idp("init", *options(name=name))

    assert settings.load(tmp_path / "tunnus.toml").site.name["fi"] == name


# -- init with the first administrator


def _link(output: str) -> str:
    found = re.search(r"https?://\S+/reset\?token=\S+", output)
    assert found, output
    return found[0]


def test_init_in_an_empty_folder_ends_with_the_first_administrators_link(idp: Idp, tmp_path: Path) -> None:
    result = idp("init", *options(), "--admin", "maija@example.fi")

    assert result.exit_code == 0, result.output
    assert _link(result.output).startswith("https://tunnus.example.fi/reset?token=")
    assert [holder["roles"] for holder in json.loads(idp("admin", "list", "--json").output)] == [["admin"]]
    assert "idp migrate" not in result.output
    assert "idp admin invite EMAIL" not in result.output


def test_the_link_of_init_sets_the_password(idp: Idp, settings_file: Path, make_app: AppFactory) -> None:
    """On a file that is there, with its tables: only the administrator is missing."""
    before = settings_file.read_text()

    result = idp("init", "--admin", "maija@example.fi")

    assert result.exit_code == 0, result.output
    assert settings_file.read_text() == before
    browser = make_app().test_client()
    link = _link(result.output).removeprefix(ISSUER)
    fields = {"new_password": PASSWORD, "new_password_confirm": PASSWORD}
    assert journey.submit(browser, link, **fields).location == "/reset/done"
    assert journey.log_in(browser, Person("", "maija@example.fi", PASSWORD)).location == "/account"

    again = idp("init", "--admin", "maija@example.fi")
    assert (again.exit_code, "the account's own password" in again.output) == (0, True)


def test_init_makes_tables_that_are_missing_in_the_database_that_is_given(idp: Idp, tmp_path: Path) -> None:
    result = idp("init", *options(database=f"sqlite:///{tmp_path}/own.db"), "--admin", "maija@example.fi")

    assert "The tables are made" in result.output
    assert (tmp_path / "own.db").is_file()


def test_what_init_could_not_finish_is_gone_on_with(idp: Idp, tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "own.db"
    failed = idp("init", *options(database=f"sqlite:///{nowhere}"), "--admin", "maija@example.fi")
    assert failed.exit_code == 1
    assert "1. idp migrate" in failed.output
    key = settings.load(tmp_path / "tunnus.toml").secrets.keys[0]

    nowhere.parent.mkdir()
    result = idp("init", "--admin", "maija@example.fi")

    assert result.exit_code == 0, result.output
    assert _link(result.output)
    assert settings.load(tmp_path / "tunnus.toml").secrets.keys[0] == key


def test_init_leaves_tables_of_an_older_version_to_who_makes_a_backup_first(
    idp: Idp, settings_file: Path, make_app: AppFactory
) -> None:
    with make_app().app_context(), writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))

    result = idp("init", "--admin", "maija@example.fi")

    assert (result.exit_code, "run `idp migrate`" in result.output) == (1, True)


def test_without_an_administrator_the_steps_are_in_their_order(idp: Idp) -> None:
    output = idp("init", *options()).output

    steps = [
        "idp migrate",
        "idp admin invite EMAIL --role admin",
        "write your terms",
        "idp doctor",
        "idp serve",
    ]
    assert sorted(steps, key=output.index) == steps


def test_before_the_texts_are_written_all_but_serving_works(idp: Idp) -> None:
    """Production shows nobody our placeholders; whoever sets it up is not kept from it."""
    idp("init", *options(), "--admin", "maija@example.fi")

    assert idp("admin", "list").exit_code == 0
    report = idp("doctor")
    assert (report.exit_code, "still placeholder texts" in report.output) == (1, True)
    refused = idp("serve")
    assert (refused.exit_code, "placeholder" in refused.output) == (1, True)


# -- migrate


def test_migrate_makes_the_tables_and_may_be_run_again(idp: Idp, settings_file: Path, tmp_path: Path) -> None:
    text = settings_file.read_text()
    start = text.index("url = ")
    line = text[start : text.index("\n", start)]
    settings_file.write_text(text.replace(line, f'url = "sqlite:///{tmp_path}/new.db"'))

    results = [idp("doctor"), idp("migrate"), idp("migrate"), idp("doctor")]

    assert [result.exit_code for result in results] == [1, 0, 0, 0]
    assert "run `idp migrate`" in results[0].output
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        assert connection.execute("SELECT count(*) FROM accounts").fetchone() == (0,)


@SQLITE
def test_serve_refuses_older_tables(idp: Idp, settings_file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tunnus.db")) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.commit()

    result = idp("serve")

    assert result.exit_code == 1
    assert "idp migrate" in result.output


# -- doctor


def test_doctor_finds_a_good_installation_good(idp: Idp, settings_file: Path) -> None:
    with smtp_server() as server:
        settings_file.write_text(
            settings_file.read_text().replace("[mail]", f'[mail]\nhost = "127.0.0.1"\nport = {server.port}')
        )
        result = idp("doctor")

    assert result.exit_code == 0, result.output
    assert "wrong" not in result.output
    for subject in ("settings", "database", "tables", "signing keys", "passwords", "statements", "mail"):
        assert subject in result.output
    assert "ES256, RS256" in result.output


@SQLITE
def test_doctor_shows_no_secret(idp: Idp, settings_file: Path) -> None:
    key = settings.load(settings_file).secrets.keys[0]
    settings_file.write_text(
        settings_file.read_text()
        .replace(
            "[mail]", '[mail]\nhost = "127.0.0.1"\nport = 1\nusername = "tunnus"\npassword = "smtp-secret"'
        )
        .replace("sqlite:///", "postgresql+psycopg://tunnus:db-secret@127.0.0.1:1/")
    )

    result = idp("doctor")

    assert result.exit_code == 1
    assert not any(secret in result.output for secret in (key, "smtp-secret", "db-secret"))


@SQLITE
def test_doctor_finds_a_mail_server_that_does_not_answer(idp: Idp, settings_file: Path) -> None:
    settings_file.write_text(
        settings_file.read_text().replace(
            "[mail]", '[mail]\nhost = "127.0.0.1"\nport = 1\ntimeout_seconds = 1'
        )
    )

    result = idp("doctor")

    assert result.exit_code == 1
    assert "127.0.0.1:1" in result.output


def test_doctor_tells_of_mail_that_was_refused(
    idp: Idp, settings_file: Path, app: Flask, people: People
) -> None:
    before = idp("doctor").output
    people.applicant("odottaja@example.fi")
    refuse_all_mail(app)

    after = idp("doctor").output

    assert re.search("undeliverable mail +none in the last 24 hours", before)
    assert re.search("advice.*undeliverable mail +1 in the last 24 hours", after)


@SQLITE
def test_doctor_finds_a_database_that_does_not_answer(idp: Idp, settings_file: Path) -> None:
    text = settings_file.read_text()
    settings_file.write_text(text.replace("sqlite:///", "postgresql+psycopg://127.0.0.1:1/"))

    result = idp("doctor")

    assert result.exit_code == 1
    assert "does not answer" in result.output
    assert "Traceback" not in result.output


@SQLITE
def test_doctor_finds_signing_keys_of_another_secret(idp: Idp, settings_file: Path) -> None:
    idp("doctor")
    key = settings.load(settings_file).secrets.keys[0]
    settings_file.write_text(
        settings_file.read_text().replace(key, "b3RoZXIta2V5LW9mLXR1bm51cy10ZXN0cy1vbmx5LTA")
    )

    result = idp("doctor")

    assert result.exit_code == 1
    assert "encrypted with another key" in result.output


@SQLITE
def test_doctor_notices_a_municipality_that_is_still_called_by_the_examples_name(
    idp: Idp, settings_file: Path
) -> None:
    assert "site.name is still the example's" in idp("doctor").output

    name = '[site]\nname = { fi = "Mallilan kunta", sv = "Mallby kommun", en = "Municipality of Mallila" }\n'
    settings_file.write_text(settings_file.read_text() + name, encoding="utf-8")
    assert "Mallilan kunta / Mallby kommun / Municipality of Mallila" in idp("doctor").output


@SQLITE
def test_doctor_advises_redis_for_several_workers(idp: Idp, settings_file: Path) -> None:
    settings_file.write_text(settings_file.read_text() + "[server]\nworkers = 2\n")
    assert "counted in each worker by itself" in idp("doctor").output

    settings_file.write_text(settings_file.read_text() + '[limits]\nstorage = "redis://127.0.0.1:1/0"\n')
    result = idp("doctor")
    assert result.exit_code == 1
    assert "does not answer" in result.output


@SQLITE
def test_unusable_settings_are_one_line(idp: Idp, settings_file: Path) -> None:
    settings_file.write_text(settings_file.read_text() + "[lockout]\nattempt = 3\n")

    result = idp("doctor")

    assert result.exit_code == 1
    assert result.output.startswith("Error: lockout.attempt")
    assert result.output.count("\n") == 1


@SQLITE
def test_without_tables_a_command_is_one_line_too(idp: Idp, settings_file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tunnus.db")) as connection:
        connection.execute("DROP TABLE clients")

    result = idp("client", "list")

    assert result.exit_code == 1
    assert result.output.startswith("Error: database:")
    assert result.output.count("\n") == 1


def test_the_settings_file_may_be_named(idp: Idp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no settings file at nowhere.toml" in idp("--config", "nowhere.toml", "doctor").output
    monkeypatch.setenv("IDP_CONFIG", "elsewhere.toml")
    assert "no settings file at elsewhere.toml" in idp("doctor").output


def test_every_command_explains_itself(idp: Idp) -> None:
    for name, command in main.commands.items():
        result = idp(name, "--help")
        assert result.exit_code == 0
        assert command.help
    assert "0.1.0" in idp("--version").output


# -- purge


def rows(app: Flask) -> dict[str, int]:
    tables = (
        *(Registration, MailedLink, AuthorizationRequest, BrowserSession, LoginCounter),
        *(RefreshToken, Grant, OutboxMessage),
    )
    with app.app_context():
        return {
            model.__tablename__: db.session.scalar(sa.select(sa.func.count()).select_from(model)) or 0
            for model in tables
        }


def a_day_of_a_town(app: Flask) -> None:
    """Something in every table: registrations, links, requests, sessions, counters, tokens, mail."""
    people = People(app)
    name = journey.random_email()
    person, service = people.resident(name), people.client(f"palvelu-{name[8:16]}")
    browser = app.test_client()
    register(app.test_client(), email=f"uusi-{name}")
    journey.submit(app.test_client(), "/forgot", email=name)
    journey.tokens_for(browser, service, person, scope="openid offline_access")
    journey.log_in(app.test_client(), Person("", f"tuntematon-{name}", "Väärä-1salasana"))


def test_purge_deletes_what_is_over_and_nothing_else(
    moving_clock: MovableClock, idp: Idp, settings_file: Path, make_app: AppFactory
) -> None:
    app = make_app()
    a_day_of_a_town(app)
    of_one_day = rows(app)
    assert all(of_one_day.values())
    assert idp("purge").output == "Done.\n"
    assert rows(app) == of_one_day

    moving_clock.move(days=100)
    a_day_of_a_town(app)
    result = idp("purge")

    assert result.exit_code == 0
    assert "registrations: 1" in result.output
    left = rows(app)
    waiting_mail = of_one_day["outbox"]  # never delivered here, so never over
    assert left == of_one_day | {"outbox": left["outbox"]}
    assert waiting_mail <= left["outbox"] <= 2 * waiting_mail
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(audit.AuditEvent)) or 0 > 0


def test_purge_keeps_a_lock_that_lasts_longer(
    moving_clock: MovableClock, idp: Idp, settings_file: Path, make_app: AppFactory
) -> None:
    app = make_app(lockout={"hours": 100})
    for _ in range(5):
        journey.log_in(app.test_client(), Person("", "tuntematon@example.fi", "Väärä-1salasana"))

    moving_clock.move(hours=99)
    idp("purge")
    assert rows(app)["login_counters"] == 1
    moving_clock.move(hours=2)
    idp("purge")
    assert rows(app)["login_counters"] == 0


def test_an_account_never_activated_is_gone_after_thirty_days(
    moving_clock: MovableClock, idp: Idp, settings_file: Path, make_app: AppFactory
) -> None:
    app = make_app()
    register(app.test_client())

    moving_clock.move(days=29, hours=23)
    idp("purge")
    assert rows(app)["registrations"] == 1
    moving_clock.move(hours=2)
    idp("purge")
    assert rows(app)["registrations"] == 0


@SQLITE
def test_purge_counts_sent_and_discarded_mail_together(
    moving_clock: MovableClock, settings_file: Path, make_app: AppFactory
) -> None:
    app = make_app()
    for name in ("maija@example.fi", "liisa@example.fi"):
        journey.submit(app.test_client(), "/forgot", email=name)  # for nobody: given up at once
    register(app.test_client())
    with app.app_context():
        sent = sa.update(OutboxMessage).where(OutboxMessage.given_up_at.is_(None))
        db.session.execute(sent.values(sent_at=moving_clock()))
        db.session.commit()
        moving_clock.move(days=31)

        assert housekeeping.purge()["outbox"] == 3


@SQLITE
def test_large_tables_are_purged_in_batches(
    moving_clock: MovableClock, idp: Idp, settings_file: Path, make_app: AppFactory
) -> None:
    app = make_app()
    with app.app_context():
        columns = {"failures": 1, "reserved": 0, "updated_at": moving_clock()}
        db.session.execute(sa.insert(LoginCounter), [{"key": f"{n:064}", **columns} for n in range(2_500)])
        db.session.commit()

    moving_clock.move(days=2)
    assert "login_counters: 2500" in idp("purge").output
    assert json.dumps(rows(app)["login_counters"]) == "0"
