"""What became of the newest message to somebody: for helpers whom people tell that they got none."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import clock
from idp.accounts import support as helping
from idp.accounts.roles import OPERATOR
from idp.accounts.rules import rules
from idp.crypto import Vault
from idp.database import writing
from idp.mail import outbox
from idp.mail.outbox import Message, Waiting
from tests.admin.machine import Machine
from tests.support import journey
from tests.support.people import People, Person

WARNING = "Viimeisintä viestiä ei voitu toimittaa tähän sähköpostiosoitteeseen."


def refused(waiting: Waiting) -> None:
    outbox.failed(waiting, "SMTPRecipientsRefused 550 5.1.1", clock.now(), for_good=True)


def taken(waiting: Waiting) -> None:
    outbox.sent(waiting.id, clock.now())


def put_off(waiting: Waiting) -> None:
    outbox.failed(waiting, "ConnectionRefusedError: [Errno 111] Connection refused", clock.now())


def deliver(app: Flask, outcome: Callable[[Waiting], None]) -> None:
    with app.app_context():
        for waiting in outbox.lease(rules().vault, clock.now()):
            outcome(waiting)


def send_reset(app: Flask, person: Person) -> None:
    with app.app_context():
        helping.start_reset(person.id, OPERATOR, rules())


def told(browser: FlaskClient, path: str) -> tuple[str | None, bool]:
    """The row of the page, and whether it warns."""
    page = journey.soup(browser.get(path))
    row = page.find("dt", string="Viimeisin viesti")
    return (row.find_next("dd").get_text(strip=True) if row else None), WARNING in page.get_text()


@pytest.mark.parametrize(
    ("outcome", "became", "warns"),
    [
        (taken, "sähköpostipalvelin on ottanut sen vastaan", False),
        (put_off, "se odottaa lähettämistä", False),
        (refused, "sitä ei voitu toimittaa (550 5.1.1)", True),
    ],
)
def test_the_page_of_an_account_tells_it(
    app: Flask,
    support: FlaskClient,
    resident: Person,
    outcome: Callable[[Waiting], None],
    became: str,
    warns: bool,
) -> None:
    path = f"/admin/accounts/{resident.id}"
    deliver(app, taken)  # what the journey before has written
    send_reset(app, resident)
    deliver(app, outcome)

    row, warned = told(support, path)

    assert row is not None
    assert row.endswith(became)
    assert warned is warns


def test_the_page_of_a_registration_tells_it(app: Flask, support: FlaskClient, people: People) -> None:
    people.applicant("matti@exmaple.fi")
    deliver(app, refused)
    found = journey.soup(support.get("/admin/accounts?q=matti@exmaple.fi")).select_one(".table tbody a")
    assert found is not None

    row, warned = told(support, str(found["href"]))

    assert row is not None
    assert row.endswith("(550 5.1.1)")
    assert warned


def test_what_was_composed_for_nobody_is_not_told(app: Flask, support: FlaskClient, resident: Person) -> None:
    send_reset(app, resident)
    deliver(app, taken)
    before = told(support, f"/admin/accounts/{resident.id}")
    message = Message("test", "maija@example.fi", "Aihe", "Teksti", "<p>Teksti</p>")
    with app.app_context(), writing() as session:
        outbox.put(session, rules().vault, message, clock.now(), discard=True)

    assert told(support, f"/admin/accounts/{resident.id}") == before


def test_nothing_is_told_of_somebody_elses_message(
    app: Flask, support: FlaskClient, resident: Person, people: People
) -> None:
    other = people.resident("matti@example.fi")
    deliver(app, taken)
    send_reset(app, other)
    deliver(app, refused)

    row, warned = told(support, f"/admin/accounts/{resident.id}")

    assert not warned
    assert row is None or "550" not in row


def test_it_is_found_after_a_change_of_the_secret_keys_and_however_the_address_is_written(app: Flask) -> None:
    old, new = "o" * 43, "n" * 43
    message = Message("test", "Maija@Example.fi", "Aihe", "Teksti", "<p>Teksti</p>")
    with app.app_context():
        with writing() as session:
            outbox.put(session, Vault([old]), message, clock.now())

        assert outbox.latest(Vault([new, old]), "maija@example.fi") is not None
        assert outbox.latest(Vault([new]), "maija@example.fi") is None


@pytest.mark.parametrize(
    ("outcome", "state", "reply"),
    [(taken, "taken", None), (put_off, "waiting", None), (refused, "undeliverable", "550 5.1.1")],
)
def test_the_api_tells_it(
    app: Flask, resident: Person, outcome: Callable[[Waiting], None], state: str, reply: str | None
) -> None:
    machine = Machine(app, "admin:accounts", "admin:audit")
    deliver(app, taken)
    send_reset(app, resident)
    deliver(app, outcome)

    answer: dict[str, Any] = machine.get(f"/accounts/{resident.id}/message")

    assert (answer["state"], answer["reply"]) == (state, reply)
    assert answer["written_at"] is not None
    assert machine.get(f"/audit?account={resident.id}&limit=1")["items"][0]["event"] == "account.looked_at"
