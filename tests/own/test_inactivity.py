"""Accounts that nobody uses: warned, closed, erased."""

from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp import clock, housekeeping
from idp.accounts import inactivity
from idp.accounts.models import Account
from idp.accounts.rules import rules
from idp.database import writing
from tests.grants.racing import at_once
from tests.pages.steps import accounts
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People, Person


def purge(app: Flask) -> None:
    with app.app_context():
        housekeeping.purge()


def unused_for_long(app: Flask, clock: MovableClock, people: People) -> Person:
    """An account that the next purge closes."""
    person = people.resident()
    clock.move(days=701)
    purge(app)
    clock.move(days=31)
    return person


def close_due(app: Flask) -> int:
    with app.app_context():
        return inactivity.close_due(rules())


def kinds(people: People) -> list[str]:
    return [letter.kind for letter in people.letters()]


def test_an_unused_account_is_warned_then_closed_then_erased(
    app: Flask, moving_clock: MovableClock, people: People
) -> None:
    people.resident()
    moving_clock.move(days=699)
    purge(app)
    assert kinds(people) == []

    moving_clock.move(days=2)
    purge(app)
    purge(app)
    assert kinds(people) == ["inactive_warning"]

    moving_clock.move(days=31)
    purge(app)
    assert kinds(people)[0] == "deletion_ordered"
    assert "ei ole kirjauduttu pitkään aikaan" in people.letters()[0].text
    assert people.letters()[0].link.startswith("/cancel-deletion")

    moving_clock.move(days=14, seconds=1)
    purge(app)
    assert accounts(app) == []


def test_a_login_after_the_warning_keeps_the_account(
    app: Flask, moving_clock: MovableClock, people: People, client: FlaskClient
) -> None:
    person = people.resident()
    moving_clock.move(days=701)
    purge(app)

    journey.log_in(client, person)
    moving_clock.move(days=60)
    purge(app)

    assert kinds(people) == ["inactive_warning"]


def test_an_account_is_never_closed_without_its_thirty_days_of_warning(
    app: Flask, moving_clock: MovableClock, people: People
) -> None:
    people.resident()
    moving_clock.move(days=1000)

    purge(app)

    assert kinds(people) == ["inactive_warning"]


@pytest.mark.parametrize("event", ["login", "erasure"])
def test_what_happens_at_this_very_moment_comes_first(
    app: Flask, moving_clock: MovableClock, people: People, event: str
) -> None:
    person = unused_for_long(app, moving_clock, people)
    mine = sa.update(Account).values(last_login_at=clock.now(), warned_at=None)
    statement = mine.where(Account.id == person.id) if event == "login" else sa.delete(Account)

    with ThreadPoolExecutor(1) as pool:
        with app.app_context(), writing() as session:
            session.execute(statement)
            closing = pool.submit(close_due, app)
            wait([closing], timeout=1)  # PostgreSQL passes the row by, SQLite waits for its turn
        assert closing.result(30) == 0

    assert kinds(people) == ["inactive_warning"]


def test_two_purges_at_once_close_an_account_once(
    app: Flask, moving_clock: MovableClock, people: People
) -> None:
    unused_for_long(app, moving_clock, people)

    closed = at_once(4, lambda _: close_due(app))

    assert sum(closed) == 1
    assert kinds(people) == ["deletion_ordered", "inactive_warning"]
