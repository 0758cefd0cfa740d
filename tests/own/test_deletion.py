"""Deleting the account: asked twice, cancellable for fourteen days, then gone."""

from flask import Flask
from flask.testing import FlaskClient

from idp import housekeeping
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, People, Person


def order(browser: FlaskClient, password: str = PASSWORD) -> object:
    return journey.submit(browser, "/account/delete", password=password, confirm="y")


def purge(app: Flask) -> None:
    with app.app_context():
        housekeeping.purge()


def test_it_needs_the_password_and_the_box(me: FlaskClient) -> None:
    assert order(me, password="wrong").status_code == 422
    assert journey.submit(me, "/account/delete", password=PASSWORD).status_code == 422
    assert me.get("/account").status_code == 200


def test_ordering_logs_out_everywhere_and_mails_the_link_that_cancels(
    me: FlaskClient, person: Person, people: People
) -> None:
    response = order(me)

    assert journey.page_name(response) == "account-deleting"
    assert me.get("/account").location == "/login"
    assert "Pyysit poistamaan käyttäjätunnuksesi." in people.letters()[0].text
    assert people.letters()[0].link.startswith("/cancel-deletion?token=")
    refused = journey.log_in(me, person)
    assert "poistet" in journey.errors(refused)[0]


def test_cancelling_brings_it_all_back(
    moving_clock: MovableClock, me: FlaskClient, person: Person, people: People
) -> None:
    order(me)
    moving_clock.move(days=13, hours=23)

    journey.submit(me, people.letters()[0].link)

    assert journey.log_in(me, person).location == "/account"


def test_the_link_works_for_fourteen_days_to_the_second(
    moving_clock: MovableClock, me: FlaskClient, people: People
) -> None:
    order(me)
    link = people.letters()[0].link

    moving_clock.move(days=13, hours=23, minutes=59, seconds=59)
    assert journey.page_name(me.get(link)) == "link-action"
    moving_clock.move(seconds=2)
    assert journey.page_name(me.get(link)) == "link-expired"


def test_after_fourteen_days_it_is_gone_and_the_address_is_free(
    app: Flask, moving_clock: MovableClock, me: FlaskClient, person: Person, people: People
) -> None:
    order(me)
    link = people.letters()[0].link
    moving_clock.move(days=13)
    purge(app)
    assert me.get(link).status_code == 200

    moving_clock.move(days=1, seconds=1)
    purge(app)

    assert me.get(link).status_code in {404, 410}
    assert people.resident(person.username).id != person.id


def test_tokens_stop_working_at_once(me: FlaskClient, person: Person, people: People) -> None:
    app = people.client()
    tokens = journey.tokens_for(me, app, person, scope="openid offline_access")

    order(me)

    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert me.get("/oauth2/userinfo", headers=bearer).status_code == 401
    assert journey.refresh(me, app, tokens["refresh_token"]).status_code == 400
