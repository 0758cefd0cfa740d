"""A provider and the demo's broker, both really running."""

from collections.abc import Iterator

import pytest

from tests.conftest import AppFactory
from tests.support.broker import Bench, bench
from tests.support.databases import database_url, lent_databases, sqlite_with_keys

__all__ = ["database_url", "lent_databases", "sqlite_with_keys"]


@pytest.fixture
def place(make_app: AppFactory) -> Iterator[Bench]:
    with bench(make_app) as made:
        yield made
