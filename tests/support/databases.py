"""Fresh databases at a low price: with the provider's keys already made, and on PostgreSQL emptied and lent again.

A folder of tests gets them by importing `database_url` in its conftest.py, in the place of the one that copies a whole
database for each test (0.3 s on PostgreSQL) and leaves it to each test to make its keys (0.1 s and more).
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from idp import create_app, keys
from idp.accounts.rules import rules
from idp.database import db
from tests.support import postgresql

PRISTINE = "pristine"  # the schema that keeps the rows which a fresh database has


@pytest.fixture(scope="session")
def sqlite_with_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template-with-keys")
    _prepare(f"sqlite:///{folder / 'tunnus.db'}", folder)
    return folder / "tunnus.db"


@pytest.fixture(scope="session")
def lent_databases(
    postgresql_server: postgresql.PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Lent"]:
    with ExitStack() as until_the_end:
        yield Lent(postgresql_server, tmp_path_factory.mktemp("lent"), until_the_end)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with its tables and signing keys and nothing else, on each engine."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_with_keys"), tmp_path / "tunnus.db")
        yield f"sqlite:///{tmp_path / 'tunnus.db'}"
        return
    lent: Lent = request.getfixturevalue("lent_databases")
    url = lent.take()
    yield url
    lent.give_back(url)


class Lent:
    """PostgreSQL databases of this run; what a test gives back is emptied for the next one."""

    def __init__(self, server: postgresql.PostgreSQL, folder: Path, until_the_end: ExitStack) -> None:
        self._server = server
        self._folder = folder
        self._until_the_end = until_the_end
        self._idle: list[str] = []

    def take(self) -> str:
        return self._idle.pop() if self._idle else self._new()

    def give_back(self, url: str) -> None:
        name = sa.make_url(url).database or ""
        self._server.disconnect_all(name)  # a test that failed may have left a transaction open
        with _connect(url) as connection:
            connection.execute(_restoring(connection))
        self._idle.append(url)

    def _new(self) -> str:
        url = self._until_the_end.enter_context(self._server.database())
        _prepare(url, self._folder)
        with _connect(url) as connection:
            connection.execute(f"CREATE SCHEMA {PRISTINE}")
            for table in _tables(connection):
                connection.execute(f"CREATE TABLE {PRISTINE}.{table} AS TABLE public.{table}")
        return url


def _prepare(url: str, folder: Path) -> None:
    """Make the tables and the signing keys."""
    from tests.conftest import make_settings, migrate

    migrate(url, folder)
    app = create_app(make_settings(database={"url": url}, folders={"data": folder}))
    with app.app_context():
        keys.ensure(rules().vault)
        db.engine.dispose()
        app.extensions["lean"].close_idle()


def _connect(url: str) -> psycopg.Connection:
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True, connect_timeout=10)


def _tables(connection: psycopg.Connection) -> list[str]:
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return [str(name) for (name,) in found]


def _restoring(connection: psycopg.Connection) -> str:
    """Statements that put every table back as it was, sent in one go; foreign keys do not look meanwhile."""
    statements = ["SET session_replication_role = replica"]
    for table in _tables(connection):
        statements.append(f"DELETE FROM public.{table}")
        statements.append(f"INSERT INTO public.{table} SELECT * FROM {PRISTINE}.{table}")
    return ";".join(statements)
