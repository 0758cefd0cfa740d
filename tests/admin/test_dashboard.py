"""The front page, its counts and plots; terms and keys."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp import audit, clock, statistics
from idp.accounts.roles import Role
from idp.accounts.rules import rules
from idp.admin.plots import plot, scale_end
from idp.audit import AuditEvent, Event
from idp.database import db, writing
from idp.keys import ACTIVE, SigningKey, rotate
from idp.statistics import HourlyCount
from tests.admin.conftest import Colleague
from tests.conftest import AppFactory
from tests.support import journey
from tests.support.mail import refuse_all_mail
from tests.support.moments import MovableClock
from tests.support.people import People


def write(app: Flask, event: Event, times: int = 1, *, outcome: str = "success") -> None:
    with app.app_context(), writing() as session:
        for _ in range(times):
            audit.record(session, event, at=clock.now(), outcome=outcome)


def counts(app: Flask, event: Event) -> dict[str, int]:
    """How often it happened, by hour."""
    with app.app_context():
        found = statistics.since(clock.now() - timedelta(days=30))
    return {f"{hour:%d %H}": number for (hour, name, _), number in found.items() if name == event}


def test_hours_are_counted_once_and_the_running_one_live(moving_clock: MovableClock, app: Flask) -> None:
    write(app, Event.LOCKED, 3)
    moving_clock.move(hours=1)
    write(app, Event.LOCKED, 2)
    assert counts(app, Event.LOCKED) == {"24 12": 3, "24 13": 2}

    moving_clock.move(hours=1, minutes=5)
    with app.app_context():
        statistics.count()
        statistics.count()
        with writing() as session:
            session.execute(sa.delete(AuditEvent))  # the log is gone, the numbers stay
    write(app, Event.LOCKED)

    assert counts(app, Event.LOCKED) == {"24 12": 3, "24 13": 2, "24 14": 1}


def test_an_hour_is_counted_when_late_transactions_have_ended(moving_clock: MovableClock, app: Flask) -> None:
    moving_clock.move(minutes=59)
    write(app, Event.LOCKED)
    moving_clock.move(minutes=3)
    with app.app_context():
        statistics.count()
    moving_clock.move(minutes=-3)
    write(app, Event.LOCKED)  # began before the hour was over
    moving_clock.move(minutes=10)
    with app.app_context():
        statistics.count()

    assert counts(app, Event.LOCKED) == {"24 12": 2}


def test_counts_that_are_old_are_dropped(moving_clock: MovableClock, app: Flask) -> None:
    write(app, Event.LOCKED)
    moving_clock.move(hours=2)
    with app.app_context():
        statistics.count()
    moving_clock.move(days=401)
    write(app, Event.LOCKED)
    moving_clock.move(hours=2)
    with app.app_context():
        statistics.count()
        assert {row.hour.year for row in db.session.scalars(sa.select(HourlyCount))} == {2027}


def test_the_front_page_shows_numbers_as_plots_and_as_a_table(
    moving_clock: MovableClock, app: Flask, admin: FlaskClient
) -> None:
    write(app, Event.REGISTERED, 7)
    write(app, Event.LOGGED_IN, 4, outcome="failure")

    page = journey.soup(admin.get("/admin/"))
    labels = [str(svg["aria-label"]) for svg in page.select("svg[role=img]")]

    assert labels[:4] == [
        "Kirjautumiset: yhteensä 1, enimmillään 1 (14.00)",
        "Epäonnistuneet kirjautumiset: yhteensä 4, enimmillään 4 (14.00)",
        "Uudet rekisteröitymiset: yhteensä 7, enimmillään 7 (14.00)",
        "Lukitut käyttäjätunnukset: ei yhtään",
    ]
    first = [
        cell.get_text() for cell in page.select("details table")[0].select("tbody tr")[0].select("th, td")
    ]
    assert first == ["14.00", "1", "4", "7", "0"]
    assert len(page.select("details table")[1].select("tbody tr")) == 30


def test_mail_that_waits_too_long_is_seen(
    moving_clock: MovableClock, admin: FlaskClient, people: People
) -> None:
    admin.get("/oauth2/jwks")  # makes the keys
    people.applicant("odottaja@example.fi")
    assert "Vaatii huomiota" not in admin.get("/admin/").get_data(as_text=True)

    moving_clock.move(minutes=16)

    assert "Vaatii huomiota" in admin.get("/admin/").get_data(as_text=True)


def test_mail_that_was_refused_is_seen(app: Flask, admin: FlaskClient, people: People) -> None:
    admin.get("/oauth2/jwks")  # makes the keys
    people.applicant("odottaja@example.fi")
    assert "Ei yhtään viimeisten 24 tunnin aikana." in admin.get("/admin/").text

    refuse_all_mail(app)

    (bad,) = journey.soup(admin.get("/admin/")).select(".care-bad")
    assert bad.get_text().startswith("Viestit, joita ei saatu perille 1 viimeisten 24 tunnin aikana.")


@pytest.mark.parametrize(
    ("highest", "end"),
    [
        (0, 2),
        (1, 2),
        (2, 2),
        (3, 4),
        (7, 8),
        (9, 10),
        (11, 20),
        (21, 40),
        (99, 100),
        (101, 200),
        (12345, 20000),
    ],
)
def test_a_scale_ends_at_a_round_number(highest: int, end: int) -> None:
    assert scale_end(highest) == end


def test_bars_stay_in_the_picture_and_nothing_has_none() -> None:
    drawn = plot("Kirjautumiset", ["a", "b", "c"], [0, 5, 10])

    assert [bar.number for bar in drawn.bars] == [5, 10]
    for bar in drawn.bars:
        assert drawn.left <= bar.x
        assert bar.x + bar.width <= drawn.width
        assert bar.y + bar.height == pytest.approx(drawn.base)
    assert drawn.bars[1].height == pytest.approx(2 * drawn.bars[0].height, abs=0.2)
    assert plot("Kirjautumiset", ["a"], [0]).bars == []


def test_pictures_have_no_style_of_their_own(admin: FlaskClient) -> None:
    page = journey.soup(admin.get("/admin/"))

    assert page.select("[style], style, script:not([src])") == []


def test_terms_are_listed_with_who_has_accepted_them(admin: FlaskClient, people: People) -> None:
    people.resident("maija@example.fi")
    people.resident("matti@example.fi", terms_accepted=False)

    tables = journey.soup(admin.get("/admin/terms")).select("section")[0].select("table")

    assert len(tables[0].select("tbody tr")) == 3
    assert tables[1].select_one("tbody tr").get_text(" ", strip=True) == "1 Voimassa 2"  # type: ignore[union-attr]


def test_who_has_accepted_is_counted_every_ten_minutes_at_most(
    moving_clock: MovableClock, admin: FlaskClient, people: People
) -> None:
    def told() -> tuple[str, str]:
        page = journey.soup(admin.get("/admin/terms"))
        moment = re.search(r"laskettu kello (\d+\.\d+)", page.get_text())
        assert moment is not None
        return moment[1], page.select("section")[0].select("table")[1].select("td")[1].get_text()

    first = told()
    people.resident("maija@example.fi")

    moving_clock.move(minutes=9)
    assert told() == first
    moving_clock.move(minutes=2)
    later = told()
    assert later[0] != first[0]
    assert (first[1], later[1]) == ("1", "2")


# -- keys


def signing(app: Flask) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(sa.select(SigningKey.kid).where(SigningKey.state == ACTIVE)))


@pytest.mark.parametrize(
    ("signing_key_days", "days", "late"), [(90, 92, False), (90, 94, True), (0, 1000, False)]
)
def test_keys_that_did_not_change_by_themselves_are_seen(
    moving_clock: MovableClock,
    make_app: AppFactory,
    colleague: Colleague,
    signing_key_days: int,
    days: int,
    late: bool,
) -> None:
    app = make_app(tokens={"signing_key_days": signing_key_days})
    browser, person = app.test_client(), colleague(Role.ADMIN)
    browser.get("/oauth2/jwks")  # makes the keys, on a database without
    with app.app_context(), writing() as session:
        rotate(session, rules().vault)
    moving_clock.move(days=days)
    journey.log_in(browser, person)

    bad = [found.get_text() for found in journey.soup(browser.get("/admin/")).select(".care-bad")]

    assert len(bad) == late
    assert all(text.startswith("Allekirjoitusavaimet") and "idp keys rotate" in text for text in bad)


def test_keys_are_changed_after_a_confirmation(app: Flask, admin: FlaskClient) -> None:
    app.test_client().get("/oauth2/jwks")
    before = signing(app)

    hasty = journey.submit(admin, "/admin/keys/rotate", kind="usual")
    assert (hasty.status_code, signing(app)) == (422, before)
    journey.submit(admin, "/admin/keys/rotate", kind="usual", confirm="y")

    assert not before & signing(app)
    page = admin.get("/admin/keys").get_data(as_text=True)
    assert "Poistunut" in page
    assert "Peruttu" not in page
    with app.app_context():
        event = db.session.scalars(
            sa.select(AuditEvent).where(AuditEvent.event == Event.KEYS_ROTATED.value)
        ).one()
        assert event.actor
        told = list((event.changes or {}).values())
    assert {kid for kid, _ in told} == before
    assert {kid for _, kid in told} == signing(app)


def test_a_leaked_key_is_withdrawn(app: Flask, admin: FlaskClient) -> None:
    app.test_client().get("/oauth2/jwks")

    journey.submit(admin, "/admin/keys/rotate", kind="emergency", confirm="y")

    assert "Peruttu" in admin.get("/admin/keys").get_data(as_text=True)


def test_no_page_shows_a_private_key(app: Flask, admin: FlaskClient) -> None:
    app.test_client().get("/oauth2/jwks")
    with app.app_context():
        sealed = [*db.session.scalars(sa.select(SigningKey.sealed_private_key))]

    page = admin.get("/admin/keys").get_data(as_text=True)

    assert not [secret for secret in sealed if secret in page]
