"""What SQLite is asked to do: every statement of a request, through either door."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from idp.database import db, lean

_LITERALS = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b|\bNULL\b")


@contextmanager
def recorded(app: Flask) -> Iterator[list[str]]:
    """The statements that run within the block, in order, their values replaced by `?`."""
    statements: list[str] = []

    def note(statement: str) -> None:
        statements.append(_LITERALS.sub("?", statement))

    with app.app_context():
        pool = lean()
        with db.engine.connect() as connection:
            driver = connection.connection.driver_connection
        connections = [driver, *(runner for runner in list(pool._idle) if runner is not None)]
    assert all(isinstance(each, sqlite3.Connection) for each in connections)
    for each in connections:
        each.set_trace_callback(note)  # type: ignore[union-attr]
    try:
        yield statements
    finally:
        for each in connections:
            each.set_trace_callback(None)  # type: ignore[union-attr]
