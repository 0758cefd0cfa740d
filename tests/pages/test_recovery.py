"""Forgotten username or password (R-13, R-33): one mail with both, and what a new password ends."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp.crypto import hash_token
from idp.database import db
from idp.sessions.models import KnownDevice
from tests.conftest import AppFactory
from tests.pages.full_pool import full_pool
from tests.pages.steps import kinds, letter, link_to, press, text
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People, Person

CHOSEN = "Talvi-8yötä"
FIELDS = {"new_password": CHOSEN, "new_password_confirm": CHOSEN}


@pytest.fixture
def person(people: People) -> Person:
    return people.resident()


def with_chosen(person: Person) -> Person:
    return Person(person.id, person.username, CHOSEN)


def ask(browser: FlaskClient, people: People, name: str = "maija@example.fi", path: str = "/forgot") -> str:
    """The link that was mailed."""
    journey.submit(browser, path, email=name)
    return letter(people, "reset").link


def test_the_mail_has_the_username_and_a_link(client: FlaskClient, people: People, person: Person) -> None:
    journey.submit(client, "/forgot", email=" Maija@EXAMPLE.fi")

    mail = letter(people, "reset")
    assert mail.to == person.username
    assert f"Käyttäjätunnus: {person.username}" in mail.text
    assert "http://localhost:8400/reset?token=" in mail.text
    assert "Linkki on voimassa 30 minuuttia." in mail.text


def test_the_link_sets_a_new_password(client: FlaskClient, people: People, person: Person) -> None:
    page = press(client, ask(client, people), **FIELDS)

    assert journey.page_name(page) == "reset-done"
    assert "Salasanasi on vaihdettu." in text(page)
    assert journey.log_in(client, person).status_code == 422
    assert journey.log_in(client, with_chosen(person)).location == "/account"


def test_the_page_says_so_in_other_languages_and_leads_on_to_the_e_service(
    client: FlaskClient, people: People, person: Person
) -> None:
    login = client.get(journey.authorize_url(people.client())).location
    page = press(client, ask(client, people, path=login.replace("/login", "/forgot")), **FIELDS)

    other = client.get("/reset/done?lang=sv")

    assert journey.page_name(page) == journey.page_name(other) == "reset-done"
    assert "Ditt lösenord har bytts." in text(other)
    assert link_to(page, "Jatka palveluun Asiointipalvelu") == "https://asiointi.example.fi/"


def test_password_managers_learn_whose_password_it_is(
    client: FlaskClient, people: People, person: Person
) -> None:
    fields = journey.soup(client.get(ask(client, people))).select("main input:not([name=csrf_token])")
    assert [(field["autocomplete"], field.get("value")) for field in fields] == [
        ("username", person.username),
        ("new-password", ""),
        ("new-password", ""),
    ]


def test_it_logs_nobody_in(client: FlaskClient, people: People, person: Person) -> None:
    press(client, ask(client, people), **FIELDS)

    assert client.get("/account").location == "/login"


def test_it_works_in_another_browser(client: FlaskClient, people: People, person: Person) -> None:
    link = ask(client, people)

    assert journey.page_name(press(people.app.test_client(), link, **FIELDS)) == "reset-done"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_link_uses_nothing_up(
    client: FlaskClient, people: People, person: Person, method: str
) -> None:
    link = ask(client, people)
    for _ in range(3):
        assert client.open(link, method=method).status_code == 200

    assert journey.page_name(press(client, link, **FIELDS)) == "reset-done"


def test_it_works_once(client: FlaskClient, people: People, person: Person) -> None:
    link = ask(client, people)
    press(client, link, **FIELDS)

    page = client.get(link)

    assert (page.status_code, journey.page_name(page)) == (410, "link-used")
    assert link_to(page, "Tilaa salasanan vaihtolinkki") == "/forgot"


@pytest.mark.parametrize(("seconds", "status"), [(29 * 60 + 59, 200), (30 * 60 + 1, 410)])
def test_it_works_for_half_an_hour(
    moving_clock: MovableClock, client: FlaskClient, people: People, person: Person, seconds: int, status: int
) -> None:
    link = ask(client, people)

    moving_clock.move(seconds=seconds)

    assert client.get(link).status_code == status


def test_a_newer_link_kills_the_older_one(client: FlaskClient, people: People, person: Person) -> None:
    older = ask(client, people)
    newer = ask(client, people)

    assert client.get(older).status_code == 410
    assert client.get(newer).status_code == 200


def test_the_new_password_follows_the_rules(client: FlaskClient, people: People, person: Person) -> None:
    link = ask(client, people)

    weak = press(client, link, new_password="abc", new_password_confirm="abc")
    different = press(client, link, new_password=CHOSEN, new_password_confirm="Talvi-9yötä")
    own_name = press(client, link, new_password="Meikäläinen;1", new_password_confirm="Meikäläinen;1")

    assert journey.errors(weak) == ["Salasana ei täytä vaatimuksia."]
    assert journey.errors(different) == ["Salasanat eivät täsmää."]
    assert "nimesi" in journey.errors(own_name)[0]
    assert CHOSEN not in different.text
    assert journey.log_in(client, person).location == "/account"


def test_it_ends_sessions_remembered_logins_and_refresh_tokens(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client()
    remembered = people.app.test_client()
    tokens = journey.tokens_for(client, service, person, scope="openid offline_access")
    journey.log_in(remembered, person, remember="y")

    press(people.app.test_client(), ask(people.app.test_client(), people), **FIELDS)

    assert client.get("/account").location == "/login"
    assert remembered.get("/account").location == "/login"
    answer = journey.refresh(client, service, tokens["refresh_token"])
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")


def test_the_owner_is_told(client: FlaskClient, people: People, person: Person) -> None:
    press(client, ask(client, people), **FIELDS)

    assert kinds(people)[0] == "password_changed"
    assert letter(people, "password_changed").to == person.username


def test_it_does_not_lift_a_lock(client: FlaskClient, people: People, person: Person) -> None:
    lock(people.app, person)

    press(client, ask(client, people), **FIELDS)

    assert journey.page_name(journey.log_in(client, with_chosen(person))) == "locked"


def test_by_setting_it_does(make_app: AppFactory, people: People, person: Person) -> None:
    app = make_app(lockout={"reset_unlocks": True})
    lock(app, person)
    browser = app.test_client()

    press(browser, ask(browser, people), **FIELDS)

    assert journey.log_in(browser, with_chosen(person)).location == "/account"


def lock(app: Flask, person: Person) -> None:
    for _ in range(5):
        journey.log_in(app.test_client(), Person("", person.username, "Väärä-1salasana"))


def device_of(browser: FlaskClient) -> str:
    cookie = browser.get_cookie("tunnus_device")
    assert cookie is not None
    return str(cookie.value)


def known_devices(app: Flask) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(sa.select(KnownDevice.device_hash)))


def test_it_forgets_known_devices(app: Flask, client: FlaskClient, people: People, person: Person) -> None:
    journey.log_in(client, person)
    link = ask(client, people)

    press(app.test_client(), link, **FIELDS)

    assert known_devices(app) == set()


def test_the_known_device_in_which_it_is_done_stays_out_of_the_reach_of_strangers(
    app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    journey.log_in(app.test_client(), person)
    journey.log_in(client, person)
    for _ in range(5):
        journey.log_in(app.test_client(), Person("", person.username, "Väärä-1salasana"))

    press(client, ask(client, people), **FIELDS)

    assert known_devices(app) == {hash_token(device_of(client))}
    assert journey.log_in(client, with_chosen(person)).location == "/account"


def test_the_link_dies_with_a_change_of_password(client: FlaskClient, people: People, person: Person) -> None:
    link = ask(people.app.test_client(), people)
    journey.log_in(client, person)
    journey.submit(client, "/account/password", current_password=person.password, **FIELDS)

    assert client.get(link).status_code == 410


def test_the_link_dies_with_a_change_of_address(client: FlaskClient, people: People, person: Person) -> None:
    link = ask(people.app.test_client(), people)
    journey.log_in(client, person)
    new = {"new_email": "uusi@example.fi", "new_email_confirm": "uusi@example.fi"}
    journey.submit(client, "/account/email", **new, password=person.password)
    press(client, letter(people, "address_confirmation").link)

    assert client.get(link).status_code == 410


def test_a_link_for_nobody_sets_no_password(client: FlaskClient, people: People) -> None:
    """For an unknown address the same work is done; what came of it is of no use."""
    journey.submit(client, "/forgot", email="tuntematon@example.fi")

    with people.app.app_context():
        owners = db.session.scalars(sa.text("SELECT account_id FROM mailed_links")).all()
    assert owners == [None]
    assert kinds(people) == []


def test_a_full_hashing_pool_keeps_the_link(client: FlaskClient, people: People, person: Person) -> None:
    link = ask(client, people)

    with full_pool(people.app):
        busy = press(client, link, **FIELDS)

    assert (busy.status_code, journey.page_name(busy)) == (503, "reset")
    assert journey.page_name(press(client, link, **FIELDS)) == "reset-done"


def test_password_managers_are_led_here(client: FlaskClient) -> None:
    assert client.get("/.well-known/change-password").status_code == 303
