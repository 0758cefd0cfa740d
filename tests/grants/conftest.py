"""Races: the same thing at the same moment, by ten threads of one process or by two processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import AppFactory
from tests.grants.racing import ByProcesses, ByThreads, Competition, Racers
from tests.support.databases import database_url, lent_databases, sqlite_with_keys
from tests.support.people import App, People, Person

__all__ = ["database_url", "lent_databases", "sqlite_with_keys"]


@pytest.fixture
def person(people: People) -> Person:
    return people.resident()


@pytest.fixture
def service(people: People) -> App:
    return people.client()


@pytest.fixture(scope="session")
def racers() -> Iterator[Racers]:
    """Two processes that are started once."""
    with Racers() as started:
        yield started


@pytest.fixture(params=["threads", "processes"])
def competition(
    request: pytest.FixtureRequest, make_app: AppFactory, database_url: str, tmp_path: Path
) -> Competition:
    """Lets ten do the same at the same moment; returns what each of them got."""
    if request.param == "threads":
        return ByThreads(make_app)
    return ByProcesses(request.getfixturevalue("racers"), database_url, tmp_path)
