"""Changing the e-mail address (R-37): pending until its link is used, told to the old address, undone from there."""

from flask.testing import FlaskClient

from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person

NEW = "maija.uusi@example.fi"


def ask(browser: FlaskClient, new: str = NEW, password: str = PASSWORD) -> object:
    return journey.submit(browser, "/account/email", new_email=new, new_email_confirm=new, password=password)


def letter(people: People, kind: str) -> object:
    return next(found for found in people.letters() if found.kind == kind)


def test_the_old_address_works_until_the_link_is_used(
    me: FlaskClient, person: Person, people: People
) -> None:
    ask(me)

    assert letter(people, "address_confirmation").to == NEW
    assert journey.log_in(me.application.test_client(), person).location == "/account"
    unknown = journey.log_in(me.application.test_client(), Person("", NEW, PASSWORD))
    assert unknown.status_code == 422


def test_the_link_makes_the_new_address_the_username_and_sub_stays(
    me: FlaskClient, person: Person, people: People
) -> None:
    ask(me)
    link = letter(people, "address_confirmation").link
    elsewhere = me.application.test_client()

    assert elsewhere.get(link).status_code == 200  # a mail scanner looks
    journey.submit(elsewhere, link)

    moved = Person(person.id, NEW, PASSWORD)
    assert journey.log_in(me.application.test_client(), person).status_code == 422
    tokens = journey.tokens_for(me.application.test_client(), people.client(), moved)
    assert journey.claims_of(tokens["id_token"])["sub"] == person.id


def test_the_claim_changes_only_with_the_link(me: FlaskClient, person: Person, people: People) -> None:
    app = people.client()
    tokens = journey.tokens_for(me, app, person)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    ask(me)

    before = me.get("/oauth2/userinfo", headers=bearer).get_json()
    journey.submit(me, letter(people, "address_confirmation").link)
    after = me.get("/oauth2/userinfo", headers=bearer).get_json()

    assert (before["email"], after["email"]) == (person.username, NEW)
    assert after["email_verified"] is True


def test_the_password_is_asked_again(me: FlaskClient, people: People) -> None:
    response = ask(me, password="wrong")

    assert response.status_code == 422
    assert people.letters() == []


def test_the_link_works_for_thirty_minutes(
    moving_clock: MovableClock, me: FlaskClient, people: People
) -> None:
    ask(me)
    link = letter(people, "address_confirmation").link
    moving_clock.move(minutes=29, seconds=59)
    assert me.get(link).status_code == 200

    moving_clock.move(seconds=2)

    assert me.get(link).status_code == 410


def test_an_address_with_an_account_is_answered_alike_and_its_owner_is_told(
    me: FlaskClient, person: Person, people: People
) -> None:
    people.resident("matti@example.fi")

    taken, free = ask(me, "matti@example.fi"), ask(me)

    assert (taken.status_code, taken.location) == (free.status_code, free.location)
    told = letter(people, "address_taken")
    assert told.to == "matti@example.fi"
    assert "confirm-address" not in told.text
    assert person.username not in told.text


def test_the_old_address_can_undo_the_change_for_seven_days(
    moving_clock: MovableClock, me: FlaskClient, person: Person, people: People
) -> None:
    ask(me)
    journey.submit(me, letter(people, "address_confirmation").link)
    told = letter(people, "address_changed")
    assert told.to == person.username
    moving_clock.move(days=6, hours=23)
    owner = me.application.test_client()

    undone = journey.submit(owner, told.link)

    assert undone.location.startswith("/reset?token=")
    assert me.get("/account").location == "/login"
    journey.submit(owner, undone.location, new_password="Talvi-8yötä", new_password_confirm="Talvi-8yötä")
    back = Person(person.id, person.username, "Talvi-8yötä")
    assert journey.log_in(me.application.test_client(), back).location == "/account"
    assert journey.log_in(me.application.test_client(), Person("", NEW, PASSWORD)).status_code == 422


def test_the_undo_link_ends_after_seven_days(
    moving_clock: MovableClock, me: FlaskClient, people: People
) -> None:
    ask(me)
    journey.submit(me, letter(people, "address_confirmation").link)

    moving_clock.move(days=7, seconds=1)

    assert me.get(letter(people, "address_changed").link).status_code == 410


def test_the_undo_link_survives_a_password_change(me: FlaskClient, people: People) -> None:
    ask(me)
    journey.submit(me, letter(people, "address_confirmation").link)
    link = letter(people, "address_changed").link
    new = "Syksy,9lehteä"
    journey.submit(
        me, "/account/password", current_password=PASSWORD, new_password=new, new_password_confirm=new
    )

    assert me.get(link).status_code == 200


def test_a_newer_request_kills_the_older_link(me: FlaskClient, people: People) -> None:
    ask(me, "eka@example.fi")
    older = letter(people, "address_confirmation").link
    ask(me, "toka@example.fi")

    assert me.get(older).status_code == 410
    assert "toka@example.fi" in journey.soup(me.get("/account/email")).get_text()


def test_a_pending_change_can_be_cancelled(me: FlaskClient, people: People) -> None:
    ask(me)
    link = letter(people, "address_confirmation").link

    journey.submit(me, "/account/email", cancel="1")

    assert me.get(link).status_code == 410
    assert NEW not in journey.soup(me.get("/account/email")).get_text()


def test_an_address_taken_meanwhile_is_not_taken_over(me: FlaskClient, people: People) -> None:
    ask(me)
    people.resident(NEW)

    response = journey.submit(me, letter(people, "address_confirmation").link)

    assert response.status_code == 410
