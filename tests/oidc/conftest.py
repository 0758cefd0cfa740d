"""A resident and an e-service, for every protocol test."""

import pytest

from tests.support.databases import database_url, lent_databases, sqlite_with_keys
from tests.support.people import App, People, Person

__all__ = ["database_url", "lent_databases", "sqlite_with_keys"]


@pytest.fixture
def person(people: People) -> Person:
    return people.resident()


@pytest.fixture
def service(people: People) -> App:
    """A usual e-service of the municipality: confidential, first-party, PKCE, refresh tokens."""
    return people.client()
