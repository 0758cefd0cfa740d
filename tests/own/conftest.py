"""A person who is logged in, for the tests of own details."""

import pytest
from flask.testing import FlaskClient

from tests.support import journey
from tests.support.databases import database_url, lent_databases, sqlite_with_keys
from tests.support.people import People, Person

__all__ = ["database_url", "lent_databases", "sqlite_with_keys"]


@pytest.fixture
def person(people: People) -> Person:
    return people.resident()


@pytest.fixture
def me(client: FlaskClient, person: Person) -> FlaskClient:
    """The browser of `person`, logged in."""
    journey.log_in(client, person)
    return client
