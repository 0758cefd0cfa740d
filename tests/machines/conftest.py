"""Machines in small: real server programs on one database, with a mail server of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.databases import database_url, lent_databases, sqlite_with_keys
from tests.support.machines import Installation, installation
from tests.support.smtp import SmtpServer, smtp_server

__all__ = ["database_url", "lent_databases", "sqlite_with_keys"]

PlaceFactory = Callable[..., Installation]


@pytest.fixture
def mail() -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


@pytest.fixture
def make_place(database_url: str, tmp_path: Path, mail: SmtpServer) -> Iterator[PlaceFactory]:
    """Makes installations on the test's database, with settings of their own."""
    with ExitStack() as until_the_end:
        yield lambda **values: until_the_end.enter_context(
            installation(tmp_path, database_url, mail, **values)
        )


@pytest.fixture
def place(make_place: PlaceFactory) -> Installation:
    return make_place()
