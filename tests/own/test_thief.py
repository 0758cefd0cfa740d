"""A thief knows the password and moves the account to a mailbox of their own: the owner wins, and stays the owner."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import housekeeping
from idp.accounts import support
from idp.accounts.roles import OPERATOR
from idp.accounts.rules import rules
from idp.policy.usernames import EmailAddress
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person

B, C = "b@example.fi", "c@example.fi"
NEW = "Talvi-8yötä"
THEIRS = "Syksy,9lehteä"


@pytest.fixture
def thief(app: Flask, moving_clock: MovableClock, me: FlaskClient, person: Person) -> FlaskClient:
    """A browser in which somebody else has logged in with the password; the owner is told."""
    browser = app.test_client()
    moving_clock.move(minutes=1)
    journey.log_in(browser, person)
    moving_clock.move(minutes=1)
    return browser


def newest(people: People, kind: str, to: str) -> str:
    return next(letter.link for letter in people.letters() if (letter.kind, letter.to) == (kind, to))


def move(
    browser: FlaskClient, people: People, clock: MovableClock, new: str, password: str = PASSWORD
) -> None:
    journey.submit(browser, "/account/email", new_email=new, new_email_confirm=new, password=password)
    clock.move(seconds=5)
    journey.submit(browser, newest(people, "address_confirmation", new))
    clock.move(seconds=5)


def choose_password(browser: FlaskClient, path: str, password: str = NEW) -> None:
    journey.submit(browser, path, new_password=password, new_password_confirm=password)


def steal_password(browser: FlaskClient) -> None:
    words = {"new_password": THEIRS, "new_password_confirm": THEIRS}
    journey.submit(browser, "/account/password", current_password=PASSWORD, **words)


def rescue(app: Flask, link: str) -> FlaskClient:
    """The owner presses the button of a link and chooses a new password."""
    owner = app.test_client()
    answer = journey.submit(owner, link)
    assert answer.status_code == 303
    choose_password(owner, answer.location)
    return owner


def is_dead(browser: FlaskClient, link: str) -> bool:
    return browser.get(link).status_code == 410


def belongs_to(app: Flask, person: Person, username: str) -> bool:
    """Whether the account opens with the owner's new password under that name."""
    answer = journey.log_in(app.test_client(), Person(person.id, username, NEW))
    return answer.location == "/account"


def test_undoing_the_first_change_undoes_all_that_followed(
    app: Flask, moving_clock: MovableClock, thief: FlaskClient, person: Person, people: People
) -> None:
    move(thief, people, moving_clock, B)
    move(thief, people, moving_clock, C)

    rescue(app, newest(people, "address_changed", person.username))

    assert is_dead(thief, newest(people, "address_changed", B))
    assert belongs_to(app, person, person.username)


def test_a_letter_that_went_to_the_thief_is_worth_nothing_afterwards(
    app: Flask, moving_clock: MovableClock, thief: FlaskClient, person: Person, people: People
) -> None:
    move(thief, people, moving_clock, B)
    steal_password(thief)
    journey.log_in(app.test_client(), Person(person.id, B, THEIRS))
    letters = [newest(people, kind, B) for kind in ("password_changed", "new_device")]

    rescue(app, newest(people, "address_changed", person.username))

    assert [is_dead(thief, link) for link in letters] == [True, True]
    assert belongs_to(app, person, person.username)


def test_the_thiefs_own_rescue_leaves_the_owner_theirs(
    app: Flask, moving_clock: MovableClock, thief: FlaskClient, person: Person, people: People
) -> None:
    move(thief, people, moving_clock, B)
    steal_password(thief)
    moving_clock.move(minutes=1)
    journey.submit(thief, newest(people, "password_changed", B))

    rescue(app, newest(people, "address_changed", person.username))

    assert belongs_to(app, person, person.username)


def test_this_was_not_me_from_the_mailbox_that_lost_the_account_brings_it_back_there(
    app: Flask, moving_clock: MovableClock, thief: FlaskClient, person: Person, people: People
) -> None:
    move(thief, people, moving_clock, B)
    link = newest(people, "new_device", person.username)
    page = journey.soup(app.test_client().get(link)).get_text()
    assert person.username in page
    assert B not in page

    rescue(app, link)

    assert belongs_to(app, person, person.username)
    journey.submit(thief, "/forgot", email=B)
    assert [letter.to for letter in people.letters() if letter.kind == "reset"] == []


def test_this_was_not_me_kills_its_sisters_in_the_same_mailbox(
    app: Flask, moving_clock: MovableClock, thief: FlaskClient, person: Person, people: People
) -> None:
    older = newest(people, "new_device", person.username)
    steal_password(thief)

    rescue(app, newest(people, "password_changed", person.username))

    assert is_dead(thief, older)


def test_this_was_not_me_brings_nothing_back_once_the_change_can_no_more_be_undone(
    app: Flask, moving_clock: MovableClock, me: FlaskClient, person: Person, people: People
) -> None:
    """A mailbox that the owner has given up long ago."""
    other = app.test_client()
    journey.log_in(other, person)
    moving_clock.move(minutes=1)
    move(me, people, moving_clock, B)
    steal_password(me)
    old, new = newest(people, "new_device", person.username), newest(people, "password_changed", B)
    assert me.get(new).status_code == 200
    moving_clock.move(days=7)

    assert is_dead(me, old)


def delete(browser: FlaskClient, password: str = PASSWORD) -> None:
    journey.submit(browser, "/account/delete", password=password, confirm="y")


@pytest.mark.parametrize("kind", ["address_changed", "new_device"])
def test_the_rescue_cancels_the_deletion_that_the_thief_has_ordered(
    app: Flask, moving_clock: MovableClock, thief: FlaskClient, person: Person, people: People, kind: str
) -> None:
    move(thief, people, moving_clock, B)
    delete(thief)
    moving_clock.move(days=6)
    link = newest(people, kind, person.username)
    assert "Käyttäjätunnusta ei myöskään poisteta." in journey.soup(thief.get(link)).get_text()

    rescue(app, link)

    assert belongs_to(app, person, person.username)
    moving_clock.move(days=8, seconds=1)
    with app.app_context():
        assert housekeeping.deletion.erase_due() == 0
    assert belongs_to(app, person, person.username)


def test_the_thiefs_link_does_not_cancel_a_deletion_of_the_owners(
    app: Flask, moving_clock: MovableClock, thief: FlaskClient, person: Person, people: People
) -> None:
    move(thief, people, moving_clock, B)
    delete(thief)
    theirs = newest(people, "deletion_ordered", B)
    owner = rescue(app, newest(people, "address_changed", person.username))
    journey.log_in(owner, Person(person.id, person.username, NEW))
    delete(owner, NEW)

    assert is_dead(thief, theirs)
    assert owner.get(newest(people, "deletion_ordered", person.username)).status_code == 200


SHUT = {
    "disabled": lambda account_id: support.disable(account_id, OPERATOR, "Fraud"),
    "deleted": lambda account_id: support.delete(account_id, OPERATOR, "Fraud", rules()),
}


@pytest.mark.parametrize("how", SHUT)
def test_what_support_has_shut_no_letter_opens_and_the_link_is_not_spent(
    app: Flask, moving_clock: MovableClock, thief: FlaskClient, person: Person, people: People, how: str
) -> None:
    move(thief, people, moving_clock, B)
    undo, disown = (newest(people, kind, person.username) for kind in ("address_changed", "new_device"))
    pages = [thief.get(link) for link in (undo, disown)]
    with app.app_context():
        SHUT[how](person.id)

    for link, page in zip((undo, disown), pages, strict=True):
        answer = thief.post(link, data={"csrf_token": journey.csrf_token(page)})
        assert (answer.status_code, journey.page_name(answer)) == (410, "link-expired")
        assert "Palvelun ylläpitäjä on sulkenut käyttäjätunnuksen" in journey.soup(answer).get_text()

    with app.app_context():
        (support.enable if how == "disabled" else support.keep)(person.id, OPERATOR, "An error")
    rescue(app, undo)
    assert belongs_to(app, person, person.username)


@pytest.mark.parametrize(("logs_in", "tries"), [(False, True), (True, False)])
def test_support_takes_the_account_back_for_good(
    app: Flask,
    moving_clock: MovableClock,
    thief: FlaskClient,
    person: Person,
    people: People,
    logs_in: bool,
    tries: bool,
) -> None:
    """Secured, given another address: the thief's gets a notice, and no letter of theirs counts."""
    move(thief, people, moving_clock, B)
    steal_password(thief)
    moving_clock.move(minutes=1)
    with app.app_context():
        support.start_reset(person.id, OPERATOR, rules(), secure=True)
    moving_clock.move(minutes=1)
    reset = newest(people, "reset", B)  # to the account's address, which is still the thief's
    if logs_in:
        choose_password(thief, reset, THEIRS)
        journey.log_in(thief, Person(person.id, B, THEIRS))
    with app.app_context():
        support.change_address(
            person.id, EmailAddress.parse(person.username), OPERATOR, "Came to the office", rules()
        )
    link = newest(people, "address_confirmation", person.username)
    if tries:
        assert is_dead(thief, reset)
        journey.submit(thief, "/forgot", email=B)
        assert is_dead(thief, newest(people, "reset", B))
        assert is_dead(thief, newest(people, "password_changed", B))
    moving_clock.move(minutes=1)

    rescue(app, link)

    told = next(letter for letter in people.letters() if letter.kind == "address_changed")
    assert told.to == B
    assert "undo-address" not in told.text + told.html
    assert person.username not in told.text + told.html
    assert is_dead(thief, newest(people, "password_changed", B))
    assert thief.get("/account").location == "/login"
    assert belongs_to(app, person, person.username)
    assert not belongs_to(app, person, B)


def test_a_change_by_support_can_be_undone_where_nobody_was_shut_out(
    app: Flask, moving_clock: MovableClock, me: FlaskClient, person: Person, people: People
) -> None:
    with app.app_context():
        support.change_address(person.id, EmailAddress.parse(B), OPERATOR, "Asked by phone", rules())
    moving_clock.move(minutes=1)
    journey.submit(me, newest(people, "address_confirmation", B))

    rescue(app, newest(people, "address_changed", person.username))

    assert belongs_to(app, person, person.username)


def test_a_change_back_is_undone_by_the_first_mailbox_alone(
    app: Flask, moving_clock: MovableClock, thief: FlaskClient, person: Person, people: People
) -> None:
    """The owner confirmed the way back by mistake, and the thief undoes it: the owner's first letter still counts."""
    move(thief, people, moving_clock, B)
    move(thief, people, moving_clock, person.username)
    journey.submit(thief, newest(people, "address_changed", B))
    moving_clock.move(minutes=1)

    rescue(app, newest(people, "address_changed", person.username))

    assert belongs_to(app, person, person.username)
