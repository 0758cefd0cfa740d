"""The database: SQLite or PostgreSQL, two doors to one set of tables.

`writing` and `db.session` are SQLAlchemy, for everything that is not hot. `Statement` is a lean path to the driver for
what runs at every protocol request: one SQL text, one round trip, no Session. Both raise `DatabaseUnavailable` (or
SQLAlchemy's OperationalError) when the database is gone; faces answer 503.
"""

import fcntl
import json
import os
import re
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from idp.settings import Settings, UnusableSettings

Row = tuple[Any, ...]


class Spent(threading.local):
    """Time that this thread has spent on the database, waiting for a connection or for its turn included."""

    seconds = 0.0
    since: float | None = None  # when the statement or commit began that is under way

    def begin(self) -> None:
        self.since = time.perf_counter()

    def end(self) -> None:
        if self.since is not None:
            self.seconds += time.perf_counter() - self.since
            self.since = None

    def take(self) -> float:
        """The seconds since the last time that they were taken."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds


spent = Spent()


class DatabaseUnavailable(Exception):
    """The database does not answer; the same request may succeed a little later."""


class Base(DeclarativeBase):
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: `timestamptz` on PostgreSQL, sortable ISO 8601 text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.String(32))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return _sqlite_text(value)

    def process_result_value(self, value: Any, _dialect: sa.Dialect) -> datetime | None:
        moment: datetime | None = instant(value)
        return moment


Json = sa.JSON().with_variant(JSONB(), "postgresql")
JsonOrNull = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers only INTEGER keys


def _sqlite_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


sqlite3.register_adapter(datetime, _sqlite_text)


def instant(value: Any) -> Any:
    """A moment as a Statement returned it (text on SQLite), as an aware datetime. None stays None."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value


def json_value(value: Any) -> Any:
    """A JSON column as a Statement returned it: text on SQLite, decoded on PostgreSQL."""
    return json.loads(value) if isinstance(value, str) else value


def init_app(app: Flask, settings: Settings) -> None:
    """Open engine and lean pool for this app; nothing connects before the first use. Raises UnusableSettings."""
    url = _checked(settings.database_url)
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        settings.folders.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    wait = settings.database.timeout_seconds
    quiet = {"hide_parameters": True}  # an error's text gets into the log; what people typed must not
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = (
        {"connect_args": {"timeout": wait}, **quiet}
        if sqlite
        else {
            **quiet,
            "pool_pre_ping": True,
            "pool_size": 4,
            "max_overflow": 12,
            "pool_timeout": wait,
            "connect_args": {"connect_timeout": wait},
        }
    )
    db.init_app(app)
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", lambda *_: spent.begin())
    event.listen(engine, "after_cursor_execute", lambda *_: spent.end())
    event.listen(engine, "handle_error", lambda _: spent.end())
    event.listen(engine, "commit", lambda _: spent.begin())  # `writing` ends it
    if sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    app.extensions["lean"] = LeanPool(url, wait, size=16)


def _checked(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise UnusableSettings("database.url: is not a database's URL") from error
    if url.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise UnusableSettings(
            f"database.url: must be empty or begin with postgresql+psycopg://, not {url.drivername}://"
        )
    return url


def migrations() -> Any:
    """Flask-Migrate for the running app. Loaded on demand: no worker needs Alembic, which is 8 MB."""
    from flask_migrate import Migrate

    if "migrate" not in current_app.extensions:
        batch = db.engine.dialect.name == "sqlite"
        Migrate(current_app, db, directory=str(Path(__file__).parent / "migrations"), render_as_batch=batch)
    return current_app.extensions["migrate"]


def upgrade() -> None:
    """Bring the tables to this version, by the migrations. Needs an app context."""
    import flask_migrate

    migrations()
    flask_migrate.upgrade()


def _prepare_sqlite(connection: sqlite3.Connection, _record: object = None) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # acknowledged means durable
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that will write takes its place in the queue at once, or it could fail half-way.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing() -> Iterator[Session]:
    """One transaction with a fresh session: committed at the end of the block, rolled back by an exception."""
    engine = db.engine.execution_options(writes=True)
    spent.begin()
    with lean().turn_to_write(), Session(engine, expire_on_commit=False) as session, session.begin():
        spent.end()
        yield session
    spent.end()


def insert_if_absent(session: Session, model: type[Base], **values: Any) -> None:
    """Add a row unless one of that key is there already, whoever else tries at the same time."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    insert = sqlite_dialect.insert if sqlite else postgresql_dialect.insert
    session.execute(insert(model).values(**values).on_conflict_do_nothing())


class Statement:
    """One SQL text for the lean path. Parameters are named `:so`; `sqlite` is the text there, where it must differ.

    Runs in autocommit, or inside `transaction()`. Times go in as aware datetimes; read them back through `instant`.
    """

    def __init__(self, sql: str, *, sqlite: str | None = None) -> None:
        self.postgresql = re.sub(r"(?<![:\w]):(\w+)", r"%(\1)s", sql.replace("%", "%%"))
        self.sqlite = sqlite if sqlite is not None else sql
        self.writes = not sql.startswith("SELECT")
        self.returns_rows = not self.writes or "RETURNING" in sql

    def one(self, **parameters: Any) -> Row | None:
        """The first row, or None."""
        rows = self.all(**parameters)
        return rows[0] if rows else None

    def all(self, **parameters: Any) -> list[Row]:
        return lean().run(self, parameters)


_NOT_DEFINED = {"42P01", "42703"}  # PostgreSQL's states for a missing table and a missing column
_MISSING = re.compile(
    r"no such (table|column)|has no column named"
)  # SQLite has no class of errors for these


class _Line:
    """Where the writers of a SQLite database wait, those of a process by a lock and the processes by a locked file.

    SQLite's own way of waiting is to sleep longer and longer, which a busy moment turns into seconds.
    """

    def __init__(self, database: str | None, wait_seconds: int) -> None:
        self._path = f"{database}-line" if database else os.devnull
        self._wait = wait_seconds
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn. Raises DatabaseUnavailable when it does not come."""
        deadline = time.monotonic() + self._wait
        if not self._lock.acquire(timeout=self._wait):
            raise DatabaseUnavailable("the database is being written to all the time")
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                while not _locked(file):
                    if time.monotonic() > deadline:
                        raise DatabaseUnavailable("the database is being written to all the time")
                    time.sleep(0.001)
                yield
            finally:
                os.close(file)  # and unlock
        finally:
            self._lock.release()


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class LeanPool:
    """A bounded number of driver connections in autocommit, opened when first needed, most recently used first.

    What goes in and out is what runs a statement at the least cost: a connection on SQLite, on PostgreSQL the one
    cursor of a connection.
    """

    def __init__(self, url: sa.URL, wait_seconds: int, size: int) -> None:
        self.sqlite = url.get_backend_name() == "sqlite"
        self._url = url
        self._driver: Any = url.get_dialect().import_dbapi()  # only the one that is needed
        self._gone = (
            (sqlite3.OperationalError,)
            if self.sqlite
            else (self._driver.OperationalError, self._driver.InterfaceError)
        )
        self._wait = wait_seconds
        self._idle: deque[Any] = deque([None] * size)
        self._returned = threading.Condition()
        self._waiting = 0
        self._held = threading.local()
        self._line = _Line(url.database, wait_seconds) if self.sqlite else None

    def run(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        began = time.perf_counter()
        try:
            return self._run(statement, parameters)
        finally:
            spent.seconds += time.perf_counter() - began

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        held = getattr(self._held, "runner", None)
        if held is not None:
            return self._execute(held, statement, parameters)
        runner = self._take()
        try:
            if self._line and statement.writes:
                with self.turn_to_write():
                    return self._execute(runner, statement, parameters)
            return self._execute(runner, statement, parameters)
        except self._gone as error:
            runner = self._after_loss(runner)
            raise DatabaseUnavailable(str(error)) from error
        finally:
            self._give_back(runner)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if getattr(self._held, "runner", None) is not None:
            raise RuntimeError("already inside a transaction")
        spent.begin()
        runner = self._take()
        try:
            self._held.runner = runner
            with self.turn_to_write():
                runner.execute("BEGIN IMMEDIATE" if self.sqlite else "BEGIN")
                spent.end()
                try:
                    yield
                except BaseException:
                    runner.execute("ROLLBACK")
                    raise
                spent.begin()
                runner.execute("COMMIT")
                spent.end()
        except self._gone as error:
            runner = self._after_loss(runner)
            raise DatabaseUnavailable(str(error)) from error
        finally:
            self._held.runner = None
            self._give_back(runner)

    @contextmanager
    def turn_to_write(self) -> Iterator[None]:
        """On SQLite, where one writes at a time, wait in line for it."""
        if self._line is None:
            yield
        else:
            with self._line.turn():
                yield

    def _take(self) -> Any:
        try:
            runner = self._idle.pop()
        except IndexError:
            runner = self._wait_for_one()
        if runner is not None:
            return runner
        try:
            return self._connect()
        except self._gone as error:
            self._give_back(None)
            raise DatabaseUnavailable(str(error)) from error

    def _wait_for_one(self) -> Any:
        deadline = time.monotonic() + self._wait
        with self._returned:
            self._waiting += 1
            try:
                while True:
                    with suppress(IndexError):
                        return self._idle.pop()
                    seconds = deadline - time.monotonic()
                    if seconds <= 0:
                        raise DatabaseUnavailable("every database connection is busy")
                    self._returned.wait(seconds)
            finally:
                self._waiting -= 1

    def _give_back(self, runner: Any) -> None:
        self._idle.append(runner)
        if self._waiting:  # only then: the condition costs more than the rest
            with self._returned:
                self._returned.notify()

    def _after_loss(self, runner: Any) -> Any:
        """What goes back into the pool after an error of `_gone`: on PostgreSQL nothing, the server went away."""
        if self.sqlite:
            return runner
        _close(runner)
        self.close_idle()  # the others are stale too
        return None

    def _connect(self) -> Any:
        if self.sqlite:
            connection = sqlite3.connect(
                self._url.database or ":memory:", timeout=self._wait, check_same_thread=False
            )
            _prepare_sqlite(connection)
            return connection
        # The dialect's own reading of the URL, so that options such as sslmode hold here too.
        arguments, options = self._url.get_dialect()().create_connect_args(self._url)
        options = {"connect_timeout": self._wait, **options, "autocommit": True, "prepare_threshold": 2}
        return self._driver.connect(*arguments, **options).cursor()

    def _execute(self, runner: Any, statement: Statement, parameters: dict[str, Any]) -> list[Row]:
        if self.sqlite:
            return cast("list[Row]", runner.execute(statement.sqlite, parameters).fetchall())
        runner.execute(statement.postgresql, parameters)
        return cast("list[Row]", runner.fetchall()) if statement.returns_rows else []

    def close_idle(self) -> None:
        """Close the connections that nobody uses; new ones are opened when needed."""
        for _ in range(len(self._idle)):
            try:
                _close(self._idle.popleft())
            except IndexError:
                return
            self._give_back(None)


def _close(runner: Any) -> None:
    if runner is not None:
        connection = runner if isinstance(runner, sqlite3.Connection) else runner.connection
        with suppress(Exception):  # it is gone, one way or another
            connection.close()


def lean() -> LeanPool:
    """The lean pool of the running app."""
    return cast("LeanPool", current_app.extensions["lean"])


@contextmanager
def transaction() -> Iterator[None]:
    """One transaction for the Statements inside the block: all of them or none."""
    with lean().transaction():
        yield


def close(app: Flask) -> None:
    """Close every connection of this app that is not in use. Needs its context."""
    db.session.remove()
    db.engine.dispose()
    cast("LeanPool", app.extensions["lean"]).close_idle()


_PING = Statement("SELECT 1")


def lacks_tables(error: BaseException | None) -> bool:
    """Whether the database answered that a table or a column is missing: its tables are older than this version."""
    while error is not None:
        if getattr(error, "sqlstate", None) in _NOT_DEFINED:
            return True
        if isinstance(error, sqlite3.OperationalError) and _MISSING.search(str(error)):
            return True
        error = error.__cause__
    return False


def ping() -> None:
    """Ask the database for a sign of life. Raises DatabaseUnavailable."""
    _PING.one()
