"""Changing the password."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp.crypto import hash_token
from idp.database import db
from idp.sessions.models import KnownDevice
from tests.support import journey
from tests.support.people import PASSWORD, People, Person

NEW = "Syksy,9lehteä"


def change(browser: FlaskClient, current: str = PASSWORD, new: str = NEW, confirm: str = NEW) -> object:
    return journey.submit(
        browser, "/account/password", current_password=current, new_password=new, new_password_confirm=confirm
    )


def test_the_new_password_works_and_the_old_one_does_not(me: FlaskClient, person: Person) -> None:
    change(me)

    old = journey.log_in(me.application.test_client(), person)
    new = journey.log_in(me.application.test_client(), Person(person.id, person.username, NEW))
    assert (old.status_code, new.location) == (422, "/account")


def test_password_managers_learn_whose_password_it_is(me: FlaskClient, person: Person) -> None:
    fields = journey.soup(me.get("/account/password")).select("main input:not([name=csrf_token])")
    assert [(field["autocomplete"], field.get("value")) for field in fields] == [
        ("username", person.username),
        ("current-password", ""),
        ("new-password", ""),
        ("new-password", ""),
    ]


def test_what_is_missing_is_named_each_by_its_own_name(me: FlaskClient) -> None:
    assert journey.errors(journey.submit(me, "/account/password")) == [
        *("Anna nykyinen salasana.", "Anna uusi salasana.", "Anna salasana uudelleen."),
    ]


def test_the_current_password_is_needed(me: FlaskClient) -> None:
    response = change(me, current="wrong")

    assert journey.errors(response) == ["Väärä salasana. Tarkista oikeinkirjoitus."]


def test_five_wrong_current_passwords_shut_this_form_but_not_the_owner_out(
    me: FlaskClient, person: Person
) -> None:
    for _ in range(5):
        change(me, current="wrong")

    assert change(me).status_code == 422
    assert journey.log_in(me.application.test_client(), person).location == "/account"


def test_other_sessions_end_and_this_one_goes_on(me: FlaskClient, person: Person) -> None:
    other = me.application.test_client()
    journey.log_in(other, person)

    change(me)

    assert other.get("/account").location == "/login"
    assert me.get("/account").status_code == 200


@pytest.mark.parametrize("fields", [{}, {"remember": "y"}])
def test_a_copy_of_the_cookie_opens_nothing_any_more(
    app: Flask, client: FlaskClient, person: Person, fields: dict[str, str]
) -> None:
    journey.log_in(client, person, **fields)
    before = client.get_cookie("tunnus_session")
    assert before is not None
    copy = app.test_client()
    copy.set_cookie("tunnus_session", before.value)
    assert copy.get("/account").status_code == 200

    change(client)

    assert copy.get("/account").location == "/login"
    assert client.get("/account").status_code == 200
    after = client.get_cookie("tunnus_session")
    assert after is not None
    assert after.value != before.value
    assert (after.max_age is None) == (not fields)


def test_the_session_goes_on_with_its_services(
    app: Flask, client: FlaskClient, person: Person, people: People
) -> None:
    service = people.client()
    before = journey.claims_of(journey.tokens_for(client, service, person)["id_token"])

    change(client)

    after = journey.claims_of(journey.tokens_for(client, service, person)["id_token"])
    assert (after["sid"], after["auth_time"]) == (before["sid"], before["auth_time"])


def test_other_devices_are_no_longer_known(app: Flask, me: FlaskClient, person: Person) -> None:
    journey.log_in(app.test_client(), person)
    mine = me.get_cookie("tunnus_device")
    assert mine is not None

    change(me)

    with app.app_context():
        assert list(db.session.scalars(sa.select(KnownDevice.device_hash))) == [hash_token(mine.value)]


def test_refresh_tokens_die(me: FlaskClient, person: Person, people: People) -> None:
    app = people.client()
    tokens = journey.tokens_for(me, app, person, scope="openid offline_access")

    change(me)

    assert journey.refresh(me, app, tokens["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_the_owner_is_told_with_a_link_that_takes_the_account_back(me: FlaskClient, people: People) -> None:
    change(me)

    letter = people.letters()[0]
    assert letter.kind == "password_changed"
    assert letter.link.startswith("/not-me?token=")


def test_the_policy_holds_here_too(me: FlaskClient) -> None:
    assert change(me, new="lyhyt", confirm="lyhyt").status_code == 422
    assert change(me, new="Meikäläinen1!", confirm="Meikäläinen1!").status_code == 422
    assert journey.errors(change(me, confirm="Syksy,9lehtea")) == ["Salasanat eivät täsmää."]


def test_a_live_reset_link_dies(me: FlaskClient, person: Person, people: People) -> None:
    journey.submit(me.application.test_client(), "/forgot", email=person.username)
    link = people.letters()[0].link

    change(me)

    assert me.get(link).status_code == 410
