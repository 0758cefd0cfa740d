"""What became of the newest message to somebody: for helpers whom people tell that they got none."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp import clock
from idp.accounts import deletion, waiting
from idp.accounts import support as acts
from idp.accounts.models import Account, Registration
from idp.accounts.roles import OPERATOR
from idp.accounts.rules import rules
from idp.crypto import Vault
from idp.database import db, writing
from idp.mail import outbox
from idp.mail.outbox import Message, Waiting
from idp.policy.usernames import EmailAddress
from tests.admin.machine import Machine
from tests.support import journey
from tests.support.people import People, Person

WARNING = "sähköpostipalvelin ei tunne osoitetta"


def refused(waiting: Waiting) -> None:
    outbox.failed(waiting, "SMTPRecipientsRefused 550 5.1.1", clock.now(), for_good=True)


def relay_denied(waiting: Waiting) -> None:
    outbox.failed(waiting, "SMTPRecipientsRefused 554 5.7.1", clock.now(), for_good=True)


def given_up(waiting: Waiting) -> None:
    outbox.failed(waiting, "TimeoutError: timed out", clock.now(), for_good=True)


def full(waiting: Waiting) -> None:
    outbox.failed(waiting, "SMTPRecipientsRefused 452 4.2.2", clock.now())


def taken(waiting: Waiting) -> None:
    outbox.sent(waiting.id, clock.now())


def put_off(waiting: Waiting) -> None:
    outbox.failed(waiting, "ConnectionRefusedError: [Errno 111] Connection refused", clock.now())


def deliver(app: Flask, outcome: Callable[[Waiting], None]) -> None:
    with app.app_context():
        for leased in outbox.lease(rules().vault, clock.now()):
            outcome(leased)


def send_reset(app: Flask, person: Person) -> None:
    with app.app_context():
        acts.start_reset(person.id, OPERATOR, rules())


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
        (full, "se odottaa lähettämistä (452 4.2.2)", False),
        (refused, "sitä ei voitu toimittaa (550 5.1.1)", True),
        (relay_denied, "sitä ei voitu toimittaa (554 5.7.1)", False),  # not a fault of the address
        (given_up, "sitä ei voitu toimittaa", False),
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


def test_the_new_address_that_waits_to_be_confirmed_is_told_of_as_well(
    app: Flask, support: FlaskClient, resident: Person
) -> None:
    with app.app_context():
        new = EmailAddress.parse("uusi@exmaple.fi")
        acts.change_address(resident.id, new, OPERATOR, "Syy", rules())
    deliver(app, refused)

    page = journey.soup(support.get(f"/admin/accounts/{resident.id}"))

    row = page.find("dt", string="Viimeisin viesti osoitteeseen uusi@exmaple.fi")
    assert row is not None
    assert row.find_next("dd").get_text(strip=True).endswith("(550 5.1.1)")
    assert "osoitteeseen uusi@exmaple.fi ei voitu toimittaa" in page.get_text()


def test_who_was_never_written_to_is_told_of(support: FlaskClient, resident: Person) -> None:
    assert told(support, f"/admin/accounts/{resident.id}") == (
        "Ei viestejä viimeisten 30 päivän aikana",
        False,
    )


def test_it_is_part_of_the_owners_data_and_forgotten_with_the_account(
    app: Flask, client: FlaskClient, resident: Person
) -> None:
    send_reset(app, resident)
    deliver(app, taken)
    journey.log_in(client, resident)

    (message,) = client.get("/account/data.json").get_json()["messages"]
    page = journey.soup(client.get("/account/data")).get_text()

    assert message["kind"] == "reset"
    assert message["sent_at"] is not None
    assert "Sähköpostipalvelin otti vastaan" in page
    with app.app_context():
        acts.change_address(resident.id, EmailAddress.parse("uusi@example.fi"), OPERATOR, "Syy", rules())
        assert outbox.latest(rules().vault, "uusi@example.fi") is not None
        with writing() as session:
            deletion.erase(session, session.get_one(Account, resident.id))
        db.session.close()  # reads anew
        for address in ("maija@example.fi", "uusi@example.fi"):
            assert outbox.latest(rules().vault, address) is None


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
    assert row == "Ei viestejä viimeisten 30 päivän aikana"


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


def test_it_is_forgotten_with_a_registration_that_is_removed(app: Flask, people: People) -> None:
    people.applicant("matti@exmaple.fi")
    with app.app_context():
        registration = db.session.scalars(sa.select(Registration)).one()
        waiting.remove(registration.id, OPERATOR)
        db.session.close()  # reads anew

        assert outbox.latest(rules().vault, "matti@exmaple.fi") is None
