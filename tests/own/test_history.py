"""Login history: what happened, from where, by which device."""

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp import audit
from idp.audit import AuditEvent, Event
from idp.database import db, writing
from tests.pages.steps import letter
from tests.support import journey
from tests.support.people import PASSWORD, People, Person

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


def rows(browser: FlaskClient) -> list[tuple[str, str]]:
    """Event and place of each row, newest first."""
    table = journey.soup(browser.get("/account/history")).select(".history tbody tr")
    cells = [[cell.get_text(" ", strip=True) for cell in row.select("td")] for row in table]
    return [(event, place) for _, event, place in cells]


def with_firefox(app: Flask) -> FlaskClient:
    browser = app.test_client()
    browser.environ_base["HTTP_USER_AGENT"] = FIREFOX
    return browser


def test_logins_tell_their_device(app: Flask, person: Person) -> None:
    browser = with_firefox(app)
    journey.submit(browser, "/login", username=person.username, password="wrong")
    journey.log_in(browser, person)

    assert rows(browser)[:2] == [
        ("Kirjautuminen", "127.0.0.1 Firefox, Windows"),
        ("Epäonnistunut kirjautuminen", "127.0.0.1 Firefox, Windows"),
    ]


def test_a_lock_tells_the_device_that_caused_it_here_and_in_the_letter(
    me: FlaskClient, app: Flask, person: Person, people: People
) -> None:
    for _ in range(5):
        journey.submit(with_firefox(app), "/login", username=person.username, password="wrong")

    assert ("Käyttäjätunnus lukittu", "127.0.0.1 Firefox, Windows") in rows(me)
    locked = letter(people, "locked")
    assert "Laite: Firefox, Windows" in locked.text
    assert "Laite: Firefox, Windows" in locked.html


def test_a_cancelled_deletion_is_told_with_its_order(me: FlaskClient, person: Person, people: People) -> None:
    journey.submit(me, "/account/delete", password=PASSWORD, confirm="y")
    journey.submit(me, people.letters()[0].link)
    journey.log_in(me, person)

    told = [event for event, _ in rows(me)]
    assert told[1:3] == ["Käyttäjätunnuksen poisto peruttu", "Käyttäjätunnuksen poisto tilattu"]


def test_the_device_goes_with_the_account(app: Flask, person: Person) -> None:
    journey.log_in(with_firefox(app), person)

    def devices() -> list[str | None]:
        with app.app_context():
            query = sa.select(AuditEvent).where(AuditEvent.event == Event.LOGGED_IN)
            return [event.device for event in db.session.scalars(query)]

    assert devices() == ["Firefox, Windows"]
    with app.app_context(), writing() as session:
        audit.forget_person(session, person.id)
    assert devices() == [None]
