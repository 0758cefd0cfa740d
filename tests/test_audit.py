"""What the audit log keeps, and for how long."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from idp import audit, clock, housekeeping
from idp.audit import AuditEvent, Event
from idp.database import db, writing
from tests.conftest import AppFactory
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People


def events(app: Flask) -> list[AuditEvent]:
    with app.app_context():
        return list(db.session.scalars(sa.select(AuditEvent)))


def test_events_are_deleted_after_their_time(make_app: AppFactory, moving_clock: MovableClock) -> None:
    app = make_app(audit={"kept_months": 12})
    with app.app_context(), writing() as session:
        audit.record(session, Event.LOGGED_IN, at=clock.now())
        audit.record(session, Event.LOGGED_OUT, at=clock.now() + timedelta(seconds=2))

    moving_clock.move(seconds=timedelta(days=365, seconds=1).total_seconds())
    with app.app_context():
        assert housekeeping.purge()["audit_events"] == 1
    assert [event.event for event in events(app)] == ["logout"]


@pytest.mark.parametrize(
    ("setting", "kept"), [("whole", "127.0.0.1"), ("truncated", "127.0.0.0"), ("none", None)]
)
def test_addresses_are_kept_as_the_settings_say(make_app: AppFactory, setting: str, kept: str | None) -> None:
    app = make_app(audit={"addresses": setting})
    browser = app.test_client()
    journey.log_in(browser, People(app).resident("maija@example.fi"))

    logins = [event.address for event in events(app) if event.event == "login"]
    assert logins == [kept]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::ffff:192.0.2.77", "192.0.2.0"),
        ("fe80::1%eth0", "fe80::"),
        ("unknown", None),
    ],
)
def test_a_truncated_address_is_that_of_its_network(address: str, network: str | None) -> None:
    assert audit.truncated(address) == network
