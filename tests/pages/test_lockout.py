"""Too many wrong passwords (R-36): locked for 24 hours from the locking failure, and no weapon against the owner."""

import threading

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.accounts import support
from idp.accounts.models import LoginCounter
from idp.accounts.roles import OPERATOR
from idp.accounts.rules import rules
from idp.audit import AuditEvent, Event
from idp.database import db
from tests.conftest import AppFactory
from tests.pages.steps import kinds, letter, looks, text
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person

MAIJA = "maija@example.fi"
WRONG = "Väärä-1salasana"


def attempt(browser: FlaskClient, username: str = MAIJA, password: str = WRONG) -> TestResponse:
    return journey.log_in(browser, Person("", username, password))


def fail(app: Flask, times: int, username: str = MAIJA) -> None:
    """Wrong passwords, each from a browser of its own."""
    for _ in range(times):
        attempt(app.test_client(), username)


def gets_in(browser: FlaskClient) -> bool:
    return attempt(browser, password=PASSWORD).location == "/account"


@pytest.fixture
def person(people: People) -> Person:
    return people.resident(MAIJA)


def test_the_fifth_wrong_password_locks_the_account(client: FlaskClient, app: Flask, person: Person) -> None:
    fail(app, 4)

    page = attempt(client)

    assert (page.status_code, journey.page_name(page)) == (403, "locked")
    assert "Käyttäjätunnus on lukittu. Lukitus kestää 24 tuntia." in text(page)
    assert "tuki@example.fi" in text(page)


def test_four_wrong_passwords_do_not(client: FlaskClient, app: Flask, person: Person) -> None:
    fail(app, 4)

    assert gets_in(client)


def test_the_right_password_is_refused_during_the_lock_like_a_wrong_one(app: Flask, person: Person) -> None:
    fail(app, 5)

    wrong, right = attempt(app.test_client()), attempt(app.test_client(), password=PASSWORD)

    assert journey.page_name(right) == "locked"
    assert looks(wrong) == looks(right)


@pytest.mark.parametrize(
    ("hours", "minutes", "seconds", "open_again"), [(23, 59, 59, False), (24, 0, 1, True)]
)
def test_the_lock_ends_after_24_hours(
    moving_clock: MovableClock,
    client: FlaskClient,
    app: Flask,
    person: Person,
    hours: int,
    minutes: int,
    seconds: int,
    open_again: bool,
) -> None:
    fail(app, 5)
    moving_clock.move(hours=hours, minutes=minutes, seconds=seconds)

    assert gets_in(client) is open_again


def test_further_tries_never_extend_the_lock(
    moving_clock: MovableClock, client: FlaskClient, app: Flask, person: Person
) -> None:
    fail(app, 5)
    for _ in range(8):
        moving_clock.move(hours=2, minutes=59)
        fail(app, 2)
        assert not gets_in(client)
    moving_clock.move(minutes=8, seconds=1)

    assert gets_in(client)


def test_after_the_lock_there_are_five_tries_again(
    moving_clock: MovableClock, client: FlaskClient, app: Flask, person: Person
) -> None:
    fail(app, 5)
    moving_clock.move(hours=24, seconds=1)
    fail(app, 4)

    assert gets_in(client)


def test_a_success_starts_the_count_again(client: FlaskClient, app: Flask, person: Person) -> None:
    for _ in range(3):
        browser = app.test_client()
        for _ in range(4):
            attempt(browser)
        assert gets_in(browser)

    assert "locked" not in kinds(People(app))


def test_unknown_names_lock_alike(app: Flask, person: Person) -> None:
    for _ in range(7):
        known, unknown = attempt(app.test_client()), attempt(app.test_client(), "meija@example.fi")
        assert looks(known, MAIJA) == looks(unknown, "meija@example.fi")

    assert journey.page_name(unknown) == "locked"


def test_another_spelling_of_the_name_is_the_same_account(
    client: FlaskClient, app: Flask, person: Person
) -> None:
    for spelling in ("Maija@Example.fi", " maija@example.fi", "MAIJA@EXAMPLE.FI", "maija@EXAMPLE.FI ", MAIJA):
        attempt(app.test_client(), spelling)

    assert not gets_in(client)


def test_the_names_of_strangers_cannot_be_read_in_the_database(app: Flask) -> None:
    attempt(app.test_client(), "tuntematon@example.fi")

    with app.app_context():
        rows = repr(db.session.execute(sa.select(LoginCounter.__table__)).all())
    assert "tuntematon" not in rows


def test_how_many_and_how_long_are_settings(
    moving_clock: MovableClock, make_app: AppFactory, person: Person
) -> None:
    app = make_app(lockout={"attempts": 2, "hours": 1})
    fail(app, 1)
    page = attempt(app.test_client())
    assert "Lukitus kestää 1 tunnin." in text(page)
    moving_clock.move(hours=1, seconds=1)

    assert gets_in(app.test_client())


# -- the owner


def test_the_owner_gets_one_mail(app: Flask, person: Person, people: People) -> None:
    fail(app, 9)

    assert kinds(people) == ["locked"]
    assert letter(people, "locked").to == MAIJA
    assert "lukit" in letter(people, "locked").text


def test_nobody_gets_a_mail_for_a_name_that_is_nobodys(app: Flask, people: People) -> None:
    fail(app, 6, "tuntematon@example.fi")

    assert kinds(people) == []
    assert people.discarded() == 1  # the same work was done


def test_a_browser_that_has_logged_in_before_is_not_shut_out(
    client: FlaskClient, app: Flask, person: Person
) -> None:
    journey.log_in(client, person)
    journey.submit(client, "/logout")
    fail(app, 6)

    assert gets_in(client)


def test_such_a_browser_has_a_counter_of_its_own(client: FlaskClient, app: Flask, person: Person) -> None:
    journey.log_in(client, person)
    journey.submit(client, "/logout")
    for _ in range(5):
        locked = attempt(client)

    assert journey.page_name(locked) == "locked"
    assert not gets_in(client)
    assert gets_in(app.test_client())  # nobody else is shut out


def test_the_owner_reads_that_such_a_lock_holds_on_that_device_alone(
    client: FlaskClient, people: People, person: Person
) -> None:
    client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Firefox/140.0"
    journey.log_in(client, person)
    journey.submit(client, "/logout")
    for _ in range(7):
        attempt(client)

    assert kinds(people).count("locked") == 1
    told = letter(people, "locked")
    assert told.to == MAIJA
    assert told.subject == "Käyttäjätunnuksesi on lukittu yhdellä laitteella"
    assert "Muilla laitteilla voit kirjautua tavalliseen tapaan." in told.text
    assert "Firefox, Windows" in told.text


def test_a_device_cookie_of_another_account_is_worth_nothing(
    client: FlaskClient, app: Flask, person: Person, people: People
) -> None:
    journey.log_in(client, people.resident("liisa@example.fi"))
    journey.submit(client, "/logout")
    fail(app, 5)

    assert not gets_in(client)


def test_a_lock_ends_no_session_and_no_remembered_login(
    client: FlaskClient, app: Flask, person: Person
) -> None:
    journey.log_in(client, person, remember="y")
    fail(app, 5)

    assert client.get("/account").status_code == 200


# -- at the same time


@pytest.mark.parametrize("known", [False, True], ids=["a stranger's tries", "the owner's own tries"])
def test_an_operator_lifts_a_lock_and_it_is_noted(app: Flask, person: Person, known: bool) -> None:
    owner = app.test_client()
    if known:  # the lock of this device alone
        journey.log_in(owner, person)
        owner.post("/logout", data={"csrf_token": journey.csrf_token(owner.get("/logout"))})
    for _ in range(5):
        journey.log_in(owner, Person("", person.username, "Väärä-1salasana"))
    assert journey.log_in(owner, person).status_code == 403

    with app.app_context():
        support.unlock(person.id, OPERATOR, rules())
    with app.app_context():
        noted = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.event == Event.UNLOCKED)).one()
        assert (noted.account_id, noted.actor) == (person.id, "operator")

    assert journey.log_in(owner, person).location == "/account"
    assert "Käyttäjätunnuksen lukitus poistettu" in text(owner.get("/account/history"))


def test_parallel_guesses_are_not_more_than_five(app: Flask, person: Person) -> None:
    browsers = [app.test_client() for _ in range(12)]
    tokens = [journey.csrf_token(browser.get("/login")) for browser in browsers]
    together = threading.Barrier(len(browsers))

    def guess(browser: FlaskClient, token: str) -> None:
        together.wait()
        browser.post("/login", data={"csrf_token": token, "username": MAIJA, "password": WRONG})

    threads = [threading.Thread(target=guess, args=pair) for pair in zip(browsers, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with app.app_context():
        counted = sa.text(
            "SELECT count(*) FROM audit_events WHERE reason IN ('wrong_credentials', 'locking_failure')"
        )
        assert db.session.scalar(counted) <= 5  # the others were told to try again, or met the lock
    fail(app, 5)
    assert not gets_in(app.test_client())
