"""Mails that protect: login from a new device, "this wasn't me"."""

from flask.testing import FlaskClient

from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People, Person


def kinds(people: People) -> list[str]:
    return [letter.kind for letter in people.letters()]


def test_the_first_login_ever_is_no_news(me: FlaskClient, people: People) -> None:
    assert kinds(people) == []


def test_a_login_from_another_device_is_told_once(me: FlaskClient, person: Person, people: People) -> None:
    other = me.application.test_client()
    journey.log_in(other, person)
    journey.submit(other, "/logout")
    journey.log_in(other, person)

    assert kinds(people) == ["new_device"]


def test_this_was_not_me_ends_everything_and_begins_a_reset(
    me: FlaskClient, person: Person, people: People
) -> None:
    thief = me.application.test_client()
    journey.log_in(thief, person)
    owner = me.application.test_client()

    answer = journey.submit(owner, people.letters()[0].link)

    assert answer.location.startswith("/reset?token=")
    assert thief.get("/account").location == "/login"
    assert journey.log_in(thief, person).status_code == 422  # the known password is worth nothing now
    journey.submit(owner, answer.location, new_password="Talvi-8yötä", new_password_confirm="Talvi-8yötä")
    back = Person(person.id, person.username, "Talvi-8yötä")
    assert journey.log_in(owner, back).location == "/account"


def test_looking_at_the_link_does_nothing(me: FlaskClient, person: Person, people: People) -> None:
    thief = me.application.test_client()
    journey.log_in(thief, person)

    me.application.test_client().get(people.letters()[0].link)

    assert thief.get("/account").status_code == 200


def test_the_link_works_for_seven_days(
    moving_clock: MovableClock, me: FlaskClient, person: Person, people: People
) -> None:
    journey.log_in(me.application.test_client(), person)
    link = people.letters()[0].link
    moving_clock.move(days=6, hours=23)
    assert me.get(link).status_code == 200

    moving_clock.move(hours=2)

    assert me.get(link).status_code == 410
