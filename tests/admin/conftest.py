"""People with roles, at their browsers, and a resident whom they help."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts import roles
from idp.accounts.roles import OPERATOR, Actor, Role
from tests.support import journey
from tests.support.databases import database_url, lent_databases, sqlite_with_keys
from tests.support.people import People, Person

__all__ = ["database_url", "lent_databases", "sqlite_with_keys"]

Colleague = Callable[..., Person]


@pytest.fixture
def colleague(app: Flask, people: People) -> Colleague:
    """Makes somebody with roles."""

    def make(*given: Role, username: str = "") -> Person:
        name = username or f"{'-'.join(given) or 'nobody'}@example.fi"
        person = people.resident(name, given_name="Työ", family_name="Toveri")
        with app.app_context():
            roles.choose(person.id, given, OPERATOR)
        return person

    return make


@pytest.fixture
def at_desk(app: Flask, colleague: Colleague) -> Callable[..., FlaskClient]:
    """The browser of somebody with roles, logged in a moment ago."""

    def sit(*given: Role) -> FlaskClient:
        browser = app.test_client()
        journey.log_in(browser, colleague(*given))
        return browser

    return sit


@pytest.fixture
def admin(at_desk: Callable[..., FlaskClient]) -> FlaskClient:
    """The browser of an admin."""
    return at_desk(Role.ADMIN)


@pytest.fixture
def support(at_desk: Callable[..., FlaskClient]) -> FlaskClient:
    """The browser of somebody who helps residents."""
    return at_desk(Role.SUPPORT)


@pytest.fixture
def resident(people: People) -> Person:
    return people.resident("maija@example.fi")


def acting(person: Person, *given: Role) -> Actor:
    """Somebody as the domain knows who acts."""
    return Actor(person.id, frozenset(given), "192.0.2.7")
