"""Accounts that nobody uses: warned, closed, erased."""

from flask import Flask
from flask.testing import FlaskClient

from idp import housekeeping
from tests.pages.steps import accounts
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People


def purge(app: Flask) -> None:
    with app.app_context():
        housekeeping.purge()


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
