"""Everything in one file and out of it again: from SQLite to PostgreSQL and back, no value changed, or nothing done."""

import gzip
import json
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from idp import audit, clock, create_app, transfer
from idp.accounts.models import Account
from idp.accounts.roles import OPERATOR, Actor, NotAllowed, Role
from idp.audit import AuditEvent, Event
from idp.crypto import random_token
from idp.database import Instant, db, writing
from idp.transfer import NotEmpty, UnusableFile
from tests.conftest import SECRET_KEY, AppFactory, make_settings
from tests.support import journey
from tests.support.people import People

Rows = dict[str, list[tuple[Any, ...]]]


def quiet(_done: int, _total: int) -> None:
    """Nobody looks."""


@pytest.fixture
def sqlite_app(sqlite_template: Path, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Makes apps, each on a SQLite database of its own."""
    made: list[Flask] = []

    def make(name: str, **sections: Any) -> Flask:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(sqlite_template, folder / "tunnus.db")
        url = f"sqlite:///{folder / 'tunnus.db'}"
        made.append(create_app(make_settings(database={"url": url}, folders={"data": folder}, **sections)))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()
            app.extensions["lean"].close_idle()


def everything(app: Flask) -> Rows:
    with app.app_context(), db.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in transfer.tables()
        }


def fill_every_table(app: Flask) -> None:
    """Two rows of made-up values for each table: one with all columns, one with as few as it takes."""
    with app.app_context(), writing() as session:
        first: dict[tuple[str, str], Any] = {}
        for table in transfer.tables():
            session.execute(sa.delete(table))
        for table in transfer.tables():
            for number in (1, 2):
                row = {
                    column.name: value_of(column, number, first)
                    for column in table.columns
                    if number == 1 or not column.nullable
                }
                session.execute(sa.insert(table).values(row))
                if number == 1:
                    first |= {(table.name, name): value for name, value in row.items()}


def value_of(column: sa.Column[Any], number: int, first: dict[tuple[str, str], Any]) -> Any:
    for key in column.foreign_keys:
        if number == 1 or column.primary_key:
            return first[key.column.table.name, key.column.name] if number == 1 else of_second(key.column)
        return first[key.column.table.name, key.column.name]
    kind = column.type
    if isinstance(kind, Instant):
        return datetime(2026, 1, number, 23, 59, 59, 123456, tzinfo=UTC)
    if isinstance(kind, sa.JSON):
        return {"teksti": "Ä\u2028", "luvut": [1, 2.5, None, True]} if number == 1 else []
    if isinstance(kind, sa.Boolean):
        return number == 1
    if isinstance(kind, sa.Integer):
        return number
    if isinstance(kind, sa.LargeBinary):
        return bytes([0, 255, number])
    return text_of(column, number)


def text_of(column: sa.Column[Any], number: int) -> str:
    length = getattr(column.type, "length", None) or 60
    return f"{number}åä {column.table.name}.{column.name} 'x'"[:length]


def of_second(column: sa.Column[Any]) -> Any:
    return text_of(column, 2)


def moved(source: Flask, target: Flask, file: Path) -> None:
    with source.app_context():
        transfer.write(file, OPERATOR, quiet)
    with target.app_context():
        transfer.read(file, OPERATOR, quiet)


def but_for_the_move(rows: Rows) -> Rows:
    """Without what each move adds: its events, and the versions' numbers, by which running workers notice."""
    moves = {Event.ALL_EXPORTED.value, Event.ALL_IMPORTED.value}
    return {
        name: [row for row in found if name != "audit_events" or moves.isdisjoint(map(str, row))]
        for name, found in rows.items()
        if name != "versions"
    }


def test_nothing_is_changed_on_the_way_and_back(
    app: Flask, sqlite_app: Callable[..., Flask], tmp_path: Path
) -> None:
    source, last = sqlite_app("source"), sqlite_app("last")
    fill_every_table(source)
    before = everything(source)
    assert all(len(rows) == 2 for rows in before.values())

    moved(source, app, tmp_path / "there")
    assert but_for_the_move(everything(app)) == but_for_the_move(before)
    moved(app, last, tmp_path / "back")
    assert but_for_the_move(everything(last)) == but_for_the_move(before)


def test_an_installation_goes_on_where_it_was(
    app: Flask, sqlite_app: Callable[..., Flask], tmp_path: Path
) -> None:
    source = sqlite_app("source")
    people = People(source)
    maija, service = people.resident("maija@example.fi"), people.client()
    tokens = journey.tokens_for(source.test_client(), service, maija, scope="openid offline_access")

    moved(source, app, tmp_path / "file")

    browser = app.test_client()
    assert journey.refresh(browser, service, tokens["refresh_token"]).status_code == 200
    assert journey.tokens_for(browser, service, maija)["id_token"]
    with app.app_context(), writing() as session:  # numbers go on after those that came
        audit.record(session, Event.LOGGED_OUT, at=clock.now())
    with app.app_context():
        numbers = db.session.scalars(sa.select(AuditEvent.id)).all()
    assert len(numbers) == len(set(numbers))


def test_the_file_is_its_owners_alone_and_appears_whole(
    sqlite_app: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = sqlite_app("source")
    People(source).resident("maija@example.fi")
    file = tmp_path / "file"
    with source.app_context():
        transfer.write(file, OPERATOR, quiet)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def fail(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    before = file.read_bytes()
    with source.app_context(), pytest.raises(KeyboardInterrupt):
        transfer.write(file, OPERATOR, fail)
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "source"]


def test_what_happens_while_it_is_written_is_not_half_in_it(app: Flask, tmp_path: Path) -> None:
    people = People(app)
    people.resident("maija@example.fi")
    file = tmp_path / "file"

    def meanwhile(_done: int, _total: int) -> None:
        people.resident(f"{random_token()[:8]}@example.fi".lower())

    with app.app_context():
        rows = transfer.write(file, OPERATOR, meanwhile)
    with gzip.open(file) as packed:
        lines = [json.loads(line) for line in packed]
    assert sum(lines[-1]["end"].values()) == rows == sum(isinstance(line, list) for line in lines)
    assert lines[-1]["end"]["accounts"] == 1


def test_that_everything_was_written_and_read_is_in_the_audit_log(
    app: Flask, sqlite_app: Callable[..., Flask], tmp_path: Path
) -> None:
    source = sqlite_app("source")
    People(source).resident()

    moved(source, app, tmp_path / "file")

    with app.app_context():
        events = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id)).all()
        assert [(event.event, event.actor) for event in events[-2:]] == [
            ("installation.exported", "operator"),
            ("installation.imported", "operator"),
        ]
        assert set(events[-1].changes or {}) == {"rows", "issuer", "revision"}


def test_only_who_may_everything_writes_and_reads_everything(app: Flask, tmp_path: Path) -> None:
    auditor = Actor("somebody", frozenset({Role.AUDITOR, Role.SUPPORT, Role.CLIENTS}))
    with app.app_context():
        with pytest.raises(NotAllowed):
            transfer.write(tmp_path / "file", auditor, quiet)
        with pytest.raises(NotAllowed):
            transfer.read(tmp_path / "file", auditor, quiet)
    assert not (tmp_path / "file").exists()


# -- what is not taken


@pytest.fixture
def export(sqlite_app: Callable[..., Flask], tmp_path: Path) -> Path:
    source = sqlite_app("source")
    People(source).resident("maija@example.fi")
    with source.app_context():
        transfer.write(tmp_path / "export", OPERATOR, quiet)
    return tmp_path / "export"


@contextmanager
def unchanged(app: Flask) -> Iterator[None]:
    before = everything(app)
    yield
    assert everything(app) == before


def rewritten(export: Path, change: Callable[[list[Any]], None]) -> Path:
    with gzip.open(export, "rt") as lines:
        content = [json.loads(line) for line in lines]
    change(content)
    with gzip.open(export, "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in content)
    return export


def header(**members: Any) -> Callable[[list[Any]], None]:
    return lambda lines: lines[0].update(members)


def drop_a_row(lines: list[Any]) -> None:
    del lines[max(number for number, line in enumerate(lines) if isinstance(line, list))]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (header(tunnus=2), "format is 2"),
        (header(revision="0001"), "revision 0001"),
        (header(keys="0" * 16), r"other secrets\.keys"),
        (lambda lines: lines.pop(), "was cut"),
        (drop_a_row, "another number of rows"),
        (lambda lines: lines.append(["x"]), "goes on after its end"),
        (lambda lines: lines.insert(1, {"table": "elsewhere", "columns": []}), "no table elsewhere"),
        (lambda lines: lines[1]["columns"].append("more"), "no column more"),
        (lambda lines: lines.insert(1, "x"), "no row of its table"),
        (lambda lines: lines.clear(), "not an export"),
        (lambda lines: lines.__setitem__(0, {"table": "x"}), "not an export"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(
    app: Flask, export: Path, change: Callable[[list[Any]], None], reason: str
) -> None:
    rewritten(export, change)
    with unchanged(app), app.app_context(), pytest.raises(UnusableFile, match=reason):
        transfer.read(export, OPERATOR, quiet)


def test_a_file_that_was_cut_in_the_middle_changes_nothing(app: Flask, export: Path) -> None:
    export.write_bytes(export.read_bytes()[:-200])
    with unchanged(app), app.app_context(), pytest.raises(UnusableFile):
        transfer.read(export, OPERATOR, quiet)
    export.write_bytes(b"PK something else")
    with unchanged(app), app.app_context(), pytest.raises(UnusableFile):
        transfer.read(export, OPERATOR, quiet)


def test_people_and_clients_are_never_replaced(make_app: AppFactory, export: Path) -> None:
    app = make_app()
    People(app).client()
    with unchanged(app), app.app_context(), pytest.raises(NotEmpty):
        transfer.read(export, OPERATOR, quiet)


def test_an_older_key_that_is_still_among_the_keys_will_do(
    sqlite_app: Callable[..., Flask], export: Path
) -> None:
    app = sqlite_app("newer", secrets={"keys": [random_token(), SECRET_KEY]})
    with app.app_context():
        transfer.read(export, OPERATOR, quiet)
        assert db.session.scalar(sa.select(Account.username)) == "maija@example.fi"
