"""A logout and an authorization at the same moment: either no code, or one that is revoked and whose client is told."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp import clock
from idp.database import db, transaction, writing
from idp.grants import codes
from idp.grants.codes import Approval, SessionOver
from idp.grants.models import Grant, LogoutNotice
from idp.sessions import browser
from idp.sessions.models import BrowserSession
from tests.oidc import steps
from tests.support import journey
from tests.support.people import App, People, Person

A_MOMENT = 0.7  # seconds in which the other one would be done if it did not wait


@pytest.fixture
def person(people: People) -> Person:
    return people.resident()


@pytest.fixture
def service(people: People) -> App:
    return people.client(backchannel_logout_uri="https://asiointi.example.fi/told")


@pytest.fixture
def me(client: FlaskClient, person: Person) -> FlaskClient:
    steps.log_in(client, person)
    return client


def sid_of(app: Flask) -> str:
    with app.app_context():
        return str(db.session.scalars(sa.select(BrowserSession.sid)).one())


def approval(person: Person, sid: str) -> Approval:
    return Approval(
        client_id="asiointi",
        account_id=person.id,
        sid=sid,
        scope="openid",
        resource=None,
        redirect_uri=None,
        nonce=None,
        claims=None,
        code_challenge=None,
        acr="acr",
        amr=("pwd",),
        auth_time=0,
    )


def issue(person: Person, sid: str) -> codes.Grant:
    now = clock.now()
    return codes.issue("code", approval(person, sid), now, now + timedelta(seconds=60), in_session=True)


def told(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(sa.select(LogoutNotice.client_id)))


def test_a_request_during_the_logout_gets_no_code(
    app: Flask, me: FlaskClient, service: App, person: Person
) -> None:
    answers: list[dict[str, str]] = []

    def ask() -> None:
        answer = me.get(journey.authorize_url(service, prompt="none"))
        answers.append(journey.answer_of(journey.follow_to_client(me, answer)))

    asking = threading.Thread(target=ask)
    with app.app_context(), writing() as session:
        browser.end(session, person.id, clock.now())
        session.flush()
        asking.start()  # it still sees the session, and has to wait for us to know better
        asking.join(A_MOMENT)
    asking.join()

    assert [answer.get("error") for answer in answers] == ["login_required"]
    assert told(app) == []


def test_a_logout_during_the_request_revokes_the_code_and_tells_the_client(
    app: Flask, me: FlaskClient, service: App, person: Person
) -> None:
    sid = sid_of(app)
    logging_out = threading.Thread(target=lambda: journey.submit(me, "/logout"))
    with app.app_context(), transaction():
        issue(person, sid)
        logging_out.start()
        logging_out.join(A_MOMENT)
    logging_out.join()

    assert told(app) == ["asiointi"]
    with app.app_context():
        assert db.session.scalars(sa.select(Grant)).one().revoked_at is not None


def test_a_session_that_has_ended_gives_no_grant(
    app: Flask, me: FlaskClient, service: App, person: Person
) -> None:
    sid = sid_of(app)
    journey.submit(me, "/logout")

    with app.app_context():
        with pytest.raises(SessionOver):
            issue(person, sid)
        assert db.session.scalars(sa.select(Grant)).all() == []


def test_a_login_that_was_renewed_gives_one_grant(
    app: Flask, me: FlaskClient, service: App, person: Person
) -> None:
    sid = sid_of(app)
    page = me.get(journey.authorize_url(service, prompt="login"))
    journey.log_in(me, person, page.location)  # two rows of one sid, one of them over

    with app.app_context():
        issue(person, sid)
        assert len(db.session.scalars(sa.select(Grant)).all()) == 1
