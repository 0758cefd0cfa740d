"""Logout notices: whenever a session ends before its time, each client with a grant in it is to be told, once."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp import clock, housekeeping
from idp.database import db, writing
from idp.grants import consents
from idp.grants.models import LogoutNotice
from idp.sessions import browser
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, App, People, Person

IDP = Path(__file__).parents[2] / "idp"
TOLD_AT = "https://asiointi.example.fi/told"
NEW = "Syksy,9lehteä"


@pytest.fixture
def person(people: People) -> Person:
    return people.resident()


@pytest.fixture
def service(people: People) -> App:
    """An e-service that wants to be told."""
    return people.client(backchannel_logout_uri=TOLD_AT)


@pytest.fixture
def me(client: FlaskClient, person: Person, service: App) -> FlaskClient:
    """The browser of `person`, logged in to the e-service."""
    use(client, service, person)
    return client


def use(browser: FlaskClient, service: App, person: Person) -> str:
    """Log in to the e-service; the `sid` that it gets to know."""
    return str(journey.claims_of(journey.tokens_for(browser, service, person)["id_token"])["sid"])


def notices(app: Flask) -> list[tuple[str, str, str]]:
    """Client, account and sid of each notice."""
    columns = (LogoutNotice.client_id, LogoutNotice.account_id, LogoutNotice.sid)
    with app.app_context():
        return sorted(tuple(row) for row in db.session.execute(sa.select(*columns)))


def mailed_link(people: People, kind: str) -> str:
    return next(letter.link for letter in people.letters() if letter.kind == kind)


# -- every way in which a session ends: `me` has done it to a session that `other` has at the e-service

Way = Callable[[FlaskClient, FlaskClient, Person, People], object]


def _log_out(me: FlaskClient, other: FlaskClient, person: Person, people: People) -> None:
    journey.submit(other, "/logout")


def _end_one(me: FlaskClient, other: FlaskClient, person: Person, people: People) -> None:
    *_, last = journey.soup(me.get("/account/sessions")).find_all(
        "button", {"name": "end"}
    )  # mine is the first
    journey.submit(me, "/account/sessions", end=str(last["value"]))


def _end_others(me: FlaskClient, other: FlaskClient, person: Person, people: People) -> None:
    journey.submit(me, "/account/sessions", end_others="1")


def _change_password(me: FlaskClient, other: FlaskClient, person: Person, people: People) -> None:
    words = {"new_password": NEW, "new_password_confirm": NEW}
    journey.submit(me, "/account/password", current_password=PASSWORD, **words)


def _reset_password(me: FlaskClient, other: FlaskClient, person: Person, people: People) -> None:
    journey.submit(me, "/forgot", email=person.username)
    journey.submit(me, mailed_link(people, "reset"), new_password=NEW, new_password_confirm=NEW)


def _not_me(me: FlaskClient, other: FlaskClient, person: Person, people: People) -> None:
    journey.submit(me, mailed_link(people, "new_device"))


def _undo_address_change(me: FlaskClient, other: FlaskClient, person: Person, people: People) -> None:
    new = "maija.uusi@example.fi"
    journey.submit(me, "/account/email", new_email=new, new_email_confirm=new, password=PASSWORD)
    journey.submit(me, mailed_link(people, "address_confirmation"))
    told = next(letter for letter in people.letters() if letter.to == person.username)
    journey.submit(me, told.link)


def _delete_account(me: FlaskClient, other: FlaskClient, person: Person, people: People) -> None:
    journey.submit(me, "/account/delete", password=PASSWORD, confirm="y")


def _somebody_else_logs_in(me: FlaskClient, other: FlaskClient, person: Person, people: People) -> None:
    other_person = people.resident("matti@example.fi")
    page = other.get(journey.authorize_url(people.client("toinen"), prompt="login"))
    journey.log_in(other, other_person, page.location)


WAYS = [
    *(_log_out, _end_one, _end_others, _change_password, _reset_password, _not_me, _undo_address_change),
    *(_delete_account, _somebody_else_logs_in),
]


@pytest.mark.parametrize("way", WAYS)
def test_the_clients_of_a_session_that_ends_are_told(
    app: Flask, client: FlaskClient, service: App, person: Person, people: People, way: Way
) -> None:
    journey.log_in(client, person)
    other = app.test_client()
    sid = use(other, service, person)

    way(client, other, person, people)

    assert other.get("/account").location == "/login" or way is _somebody_else_logs_in
    every_session = [("asiointi", person.id, "")] if way is _delete_account else []
    assert notices(app) == [*every_session, ("asiointi", person.id, sid)]


def test_a_logout_that_a_client_asks_for_is_told_too(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    tokens = journey.tokens_for(client, service, person)

    client.get(f"/oauth2/logout?id_token_hint={tokens['id_token']}")

    assert notices(app) == [("asiointi", person.id, journey.claims_of(tokens["id_token"])["sid"])]


def test_a_notice_is_committed_with_the_end_of_the_session_or_not_at_all(
    app: Flask, me: FlaskClient, person: Person
) -> None:
    def fail_half_way() -> None:
        with writing() as session:
            browser.end(session, person.id, clock.now())
            raise ZeroDivisionError

    with app.app_context(), pytest.raises(ZeroDivisionError):
        fail_half_way()

    assert notices(app) == []
    assert me.get("/account").status_code == 200


def test_sessions_end_in_one_place_only() -> None:
    """So that nobody forgets the clients."""
    writers = {
        path.relative_to(IDP).as_posix()
        for path in IDP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.keyword) and node.arg == "ended_at")
        or (isinstance(node, ast.Attribute) and node.attr == "ended_at" and isinstance(node.ctx, ast.Store))
    }
    assert writers == {"sessions/browser.py"}


# -- who is told


def test_each_client_of_the_session_is_told_once(
    app: Flask, me: FlaskClient, service: App, person: Person, people: People
) -> None:
    second = people.client("toinen", backchannel_logout_uri=TOLD_AT)
    people.client("kolmas", backchannel_logout_uri=TOLD_AT)  # not used in this session
    silent = people.client("hiljainen")
    for used in (service, service, second, silent):
        sid = use(me, used, person)

    journey.submit(me, "/logout")
    with app.app_context(), writing() as session:
        assert browser.end(session, person.id, clock.now()) == []

    assert notices(app) == [("asiointi", person.id, sid), ("toinen", person.id, sid)]


def test_a_client_whose_tokens_are_revoked_or_never_fetched_is_told(
    app: Flask, me: FlaskClient, service: App, person: Person, people: People
) -> None:
    tokens = journey.tokens_for(me, service, person, scope="openid offline_access")
    me.post("/oauth2/revoke", data={"token": tokens["refresh_token"]}, auth=service.basic)
    journey.code_for(me, people.client("toinen", backchannel_logout_uri=TOLD_AT), person)

    journey.submit(me, "/logout")

    assert [client_id for client_id, _, _ in notices(app)] == ["asiointi", "toinen"]


def test_a_disabled_client_is_not_told(app: Flask, me: FlaskClient, service: App) -> None:
    steps.disable_client(app, service)

    journey.submit(me, "/logout")

    assert notices(app) == []


def test_other_sessions_and_other_people_are_left_alone(
    app: Flask, me: FlaskClient, service: App, person: Person, people: People
) -> None:
    use(app.test_client(), service, person)
    use(app.test_client(), service, people.resident("matti@example.fi"))
    sid = use(me, service, person)

    journey.submit(me, "/logout")

    assert notices(app) == [("asiointi", person.id, sid)]


# -- what is no end


def test_a_session_that_idles_out_is_told_to_nobody(
    moving_clock: MovableClock, app: Flask, me: FlaskClient, person: Person
) -> None:
    moving_clock.move(minutes=31)
    assert me.get("/account").location == "/login"
    journey.log_in(me, person)

    assert notices(app) == []


def test_the_same_person_logging_in_again_goes_on_in_the_same_session(
    app: Flask, me: FlaskClient, service: App, person: Person
) -> None:
    before = use(me, service, person)
    page = me.get(journey.authorize_url(service, prompt="login"))
    journey.log_in(me, person, page.location)

    assert notices(app) == []
    assert use(me, service, person) == before
    journey.submit(me, "/logout")
    assert notices(app) == [("asiointi", person.id, before)]


# -- an account that closes


def test_who_deletes_the_account_is_told_to_every_client_that_knows_them(
    app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    """Also to those whose session at the provider has ended long ago, and for which a consent alone is left."""
    used = people.client("kaytetty", backchannel_logout_uri=TOLD_AT)
    allowed = people.client("sallittu", backchannel_logout_uri=TOLD_AT)
    people.client("vieras", backchannel_logout_uri=TOLD_AT)
    silent = people.client("hiljainen")
    for service in (used, silent):
        use(client, service, person)
    journey.submit(client, "/logout")
    with app.app_context(), writing() as session:
        session.execute(sa.delete(LogoutNotice))
    with app.app_context():
        consents.give(person.id, allowed.client_id, "openid", clock.now())
    journey.log_in(client, person)

    journey.submit(client, "/account/delete", password=PASSWORD, confirm="y")

    assert notices(app) == [("kaytetty", person.id, ""), ("sallittu", person.id, "")]


def test_a_client_that_requires_a_sid_is_told_of_each_session_once(
    app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(
        "tarkka", backchannel_logout_uri=TOLD_AT, backchannel_logout_session_required=True
    )
    allowed = people.client(
        "sallittu", backchannel_logout_uri=TOLD_AT, backchannel_logout_session_required=True
    )
    ended = use(client, service, person)
    journey.submit(client, "/logout")
    with app.app_context(), writing() as session:
        session.execute(sa.delete(LogoutNotice))
    with app.app_context():
        consents.give(person.id, allowed.client_id, "openid", clock.now())
    live = use(client, service, person)

    journey.submit(client, "/account/delete", password=PASSWORD, confirm="y")

    assert notices(app) == sorted(("tarkka", person.id, sid) for sid in (ended, live))


# -- how long it is remembered


def test_the_purge_leaves_what_tells_who_is_to_be_told(
    moving_clock: MovableClock, app: Flask, me: FlaskClient, person: Person
) -> None:
    for _ in range(3):
        moving_clock.move(minutes=25)
        assert me.get("/account").status_code == 200
        with app.app_context():
            housekeeping.purge()

    journey.submit(me, "/logout")

    assert [client_id for client_id, _, _ in notices(app)] == ["asiointi"]
    moving_clock.move(days=6, hours=23)
    with app.app_context():
        assert housekeeping.purge()["logout_notices"] == 0
        moving_clock.move(hours=2)
        assert housekeeping.purge()["logout_notices"] == 1


def test_erasing_the_account_leaves_no_notice_behind(
    moving_clock: MovableClock, app: Flask, me: FlaskClient
) -> None:
    journey.submit(me, "/account/delete", password=PASSWORD, confirm="y")
    assert len(notices(app)) == 2
    moving_clock.move(days=14, seconds=1)

    with app.app_context():
        housekeeping.deletion.erase_due()

    assert notices(app) == []
