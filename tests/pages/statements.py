"""What SQLite is asked to do: every statement of a request, through either door."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import event

from idp.database import db, lean

_LITERALS = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b|\bNULL\b")


@contextmanager
def recorded(app: Flask) -> Iterator[list[str]]:
    """The statements that run within the block, in order, their values replaced by `?`."""
    statements: list[str] = []

    def note(statement: str) -> None:
        statements.append(_LITERALS.sub("?", statement))

    connections: list[sqlite3.Connection] = []

    def trace(connection: Any, *_: Any) -> None:
        assert isinstance(connection, sqlite3.Connection)
        connections.append(connection)
        connection.set_trace_callback(note)

    with app.app_context():
        engine = db.engine
        for runner in list(lean()._idle):
            if runner is not None:
                trace(runner)
    event.listen(engine, "checkout", trace)  # a request may hold more than one
    try:
        yield statements
    finally:
        event.remove(engine, "checkout", trace)
        for each in connections:
            each.set_trace_callback(None)
