"""Everything in one file: to keep it, or to move an installation between SQLite and PostgreSQL.

The file is gzipped JSON Lines. The first line is the header, then each table has a line with its name and columns and a
line for each of its rows, and the last line counts them: a file that was cut is noticed. What the database has
encrypted stays encrypted, so the file is of use only together with `secrets.keys`, which are not in it.
"""

import base64
import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts.models import Account
from idp.accounts.roles import Actor, Role
from idp.accounts.rules import rules
from idp.audit import Event
from idp.clients.models import ClientApp
from idp.database import Instant, Model, db, writing
from idp.versions import Version

FORMAT = 1
BATCH = 1000  # rows

Progress = Callable[[int, int], None]
"""Is told how many rows are done, and of how many."""


class UnusableFile(Exception):
    """The file cannot be imported; the message says why, for the operator."""


class NotEmpty(Exception):
    """The database has accounts or client apps already."""


@dataclass(frozen=True)
class Header:
    """What the first line tells. `revision` is that of the tables."""

    revision: str
    issuer: str
    at: datetime
    total: int  # rows


def tables() -> list[sa.Table]:
    """All tables of the installation, each after those that it refers to."""
    return list(Model.metadata.sorted_tables)


def revision() -> str:
    """The revision of the database's tables."""
    with db.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    return cast("str", found)


# -- out


def write(path: Path, by: Actor, progress: Progress) -> int:
    """Write everything into a file that its owner alone can read, as it stands at this moment. Returns how many rows.

    The file appears once it is complete; the server may run meanwhile. That it was done is written down, in the file
    too. Raises NotAllowed.
    """
    with _appearing(path) as stream:
        return write_to(stream, by, progress)


@contextmanager
def _appearing(path: Path) -> Iterator[IO[bytes]]:
    with tempfile.NamedTemporaryFile(
        dir=path.parent, prefix=f".{path.name}-", delete=False
    ) as stream:  # mode 0600
        unfinished = Path(stream.name)
        try:
            yield cast("IO[bytes]", stream)
            stream.flush()
            os.fsync(stream.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def write_to(stream: IO[bytes], by: Actor, progress: Progress) -> int:
    """As `write`, into a binary stream."""
    by.must_have(Role.ADMIN)
    with writing() as session:
        audit.record(session, Event.ALL_EXPORTED, at=clock.now(), actor=by.name, address=by.address)
    now, at = clock.now(), revision()
    with _snapshot() as connection, gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed:
        counts = {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables()
        }
        total, done = sum(counts.values()), 0

        def put(value: Any) -> None:
            packed.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

        put(
            {
                "tunnus": FORMAT,
                "revision": at,
                "issuer": rules().settings.issuer,
                "at": now.isoformat(),
                "keys": _fingerprint(rules().vault.derive("export")),
                "total": total,
            }
        )
        for table in tables():
            put({"table": table.name, "columns": [column.name for column in table.columns]})
            for batch in connection.execute(sa.select(table)).partitions(BATCH):
                for row in batch:
                    put([_told(column, value) for column, value in zip(table.columns, row, strict=True)])
                done += len(batch)
                progress(done, total)
        put({"end": counts})
    return total


@contextmanager
def _snapshot() -> Iterator[sa.Connection]:
    """A connection that sees the database as it is now, whatever others write."""
    options: dict[str, Any] = {"stream_results": True, "yield_per": BATCH}
    if db.engine.dialect.name == "postgresql":
        options["isolation_level"] = "REPEATABLE READ"
    with db.engine.connect().execution_options(**options) as connection:
        yield connection


# -- in


def read(path: Path, by: Actor, progress: Progress) -> Header:
    """Put everything of a file into this database, all of it or nothing.

    Its tables must be of the file's revision, and without accounts and client apps; what else is there (keys that a
    first start has made) is replaced. That it was done is written down. Raises UnusableFile, NotEmpty and NotAllowed.
    """
    by.must_have(Role.ADMIN)
    try:
        with path.open("rb") as stream:
            return read_from(stream, by, progress)
    except OSError as error:
        raise UnusableFile(f"{path} cannot be read: {error}") from error


def read_from(stream: IO[bytes], by: Actor, progress: Progress) -> Header:
    """As `read`, from a binary stream."""
    by.must_have(Role.ADMIN)
    try:
        with gzip.open(stream, "rt", encoding="utf-8") as lines:
            return _read(cast("IO[str]", lines), by, progress)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UnusableFile(f"it cannot be read: {error}") from error


def _read(lines: IO[str], by: Actor, progress: Progress) -> Header:
    values = _parsed(lines)
    header = _header(next(values, None))
    engine = db.engine.execution_options(writes=True)
    with engine.begin() as connection:
        if any(
            connection.execute(sa.select(model.__table__).limit(1)).first() for model in (Account, ClientApp)
        ):
            raise NotEmpty
        for table in reversed(tables()):
            connection.execute(sa.delete(table))
        filler = _Filler(connection, header.total, progress)
        for line in values:
            filler.take(line)
        filler.finish()
        if connection.dialect.name == "postgresql":
            _go_on_counting(connection)
        connection.execute(sa.update(Version).values(number=Version.number + 1))  # workers that run notice
        with Session(connection) as session:  # part of this transaction, which it does not end
            told = {"rows": header.total, "issuer": header.issuer, "revision": header.revision}
            audit.record(
                session,
                Event.ALL_IMPORTED,
                at=clock.now(),
                actor=by.name,
                address=by.address,
                changes=audit.difference({}, told),
            )
            session.commit()
    return header


def _parsed(lines: IO[str]) -> Iterator[Any]:
    for number, line in enumerate(lines, 1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise UnusableFile(f"line {number} is not JSON") from error


def _header(values: Any) -> Header:
    if not isinstance(values, dict) or "tunnus" not in values:
        raise UnusableFile("it is not an export of Tunnus")
    if values["tunnus"] != FORMAT:
        raise UnusableFile(f"its format is {values['tunnus']}, this version reads {FORMAT}")
    header = Header(
        values["revision"], values["issuer"], datetime.fromisoformat(values["at"]), values["total"]
    )
    if header.revision != (own := revision()):
        raise UnusableFile(
            f"its tables are of revision {header.revision}, this database's of {own}: use the version that wrote it"
        )
    if values["keys"] not in [_fingerprint(key) for key in rules().vault.derive_all("export")]:
        raise UnusableFile("it was written with other secrets.keys; put the key of then among them")
    return header


class _Filler:
    """Takes the lines after the header, one by one, and inserts rows in batches."""

    def __init__(self, connection: sa.Connection, total: int, progress: Progress) -> None:
        self._connection, self._total, self._progress = connection, total, progress
        self._known = {table.name: table for table in tables()}
        self._table: sa.Table | None = None
        self._columns: list[sa.Column[Any]] = []
        self._rows: list[dict[str, Any]] = []
        self._counts: dict[str, int] = {}
        self._promised: dict[str, int] | None = None

    def take(self, line: Any) -> None:
        """Raises UnusableFile."""
        if self._promised is not None:
            raise UnusableFile("it goes on after its end")
        if isinstance(line, list) and self._table is not None and len(line) == len(self._columns):
            values = (_found(column, value) for column, value in zip(self._columns, line, strict=True))
            self._rows.append(dict(zip((column.name for column in self._columns), values, strict=True)))
            if len(self._rows) == BATCH:
                self._insert()
        elif isinstance(line, dict) and "table" in line:
            self._insert()
            self._begin(line)
        elif isinstance(line, dict) and "end" in line:
            self._insert()
            self._promised = line["end"]
        else:
            raise UnusableFile("it has a line that is no row of its table")

    def _begin(self, line: dict[str, Any]) -> None:
        table = self._known.pop(line["table"], None)
        if table is None:
            raise UnusableFile(f"this version has no table {line['table']}, or the file has it twice")
        if unknown := set(line["columns"]) - set(table.columns.keys()):
            raise UnusableFile(f"this version has no column {min(unknown)} of {table.name}")
        self._table, self._columns = table, [table.columns[name] for name in line["columns"]]
        self._counts[table.name] = 0

    def _insert(self) -> None:
        if self._table is None or not self._rows:
            return
        self._connection.execute(sa.insert(self._table), self._rows)
        self._counts[self._table.name] += len(self._rows)
        self._rows = []
        self._progress(sum(self._counts.values()), self._total)

    def finish(self) -> None:
        """Raises UnusableFile when the file is not whole."""
        if self._promised is None:
            raise UnusableFile("it was cut: its end is missing")
        if self._promised != self._counts:
            raise UnusableFile("it has another number of rows than its end says")


def _go_on_counting(connection: sa.Connection) -> None:
    """Let PostgreSQL number new rows after those that came with numbers."""
    for table in tables():
        column = table.autoincrement_column
        if column is None:
            continue
        sequence = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
        last = connection.scalar(sa.select(sa.func.max(column)))
        if sequence is not None and last is not None:
            connection.execute(sa.select(sa.func.setval(sequence, last)))


# -- values


def _told(column: sa.Column[Any], value: Any) -> Any:
    """A value of the database as JSON: moments as texts, bytes as base64, JSON in a list of its own."""
    if value is None:
        return None
    if isinstance(column.type, Instant):
        return cast("datetime", value).isoformat()
    if isinstance(column.type, sa.LargeBinary):
        return base64.b64encode(value).decode()
    return [value] if isinstance(column.type, sa.JSON) else value


def _found(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        return None
    try:
        if isinstance(column.type, Instant):
            return datetime.fromisoformat(value)
        if isinstance(column.type, sa.LargeBinary):
            return base64.b64decode(value, validate=True)
        return value[0] if isinstance(column.type, sa.JSON) else value
    except (ValueError, TypeError, LookupError) as error:
        raise UnusableFile(f"{column.table.name}.{column.name} holds what it cannot hold") from error


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]
