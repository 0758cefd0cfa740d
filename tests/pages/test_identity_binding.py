"""A wrong person at somebody's account: asked before, told afterwards, and undone by support."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts import helping, roles, support
from idp.accounts.models import Account
from idp.accounts.roles import OPERATOR, Role
from idp.audit import AuditEvent
from idp.sessions.models import BrowserSession
from idp.upstream.models import StrongIdentity
from tests.conftest import AppFactory
from tests.oidc import steps as protocol
from tests.pages.steps import letter, text
from tests.pages.test_identify import STRONG, ask_strongly, rows, stepped_up
from tests.support import journey
from tests.support.identification import EERO, SETTINGS, Desk, identify, open_desk
from tests.support.people import App, People, Person


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    return make_app(upstream=SETTINGS)


@pytest.fixture
def desk(app: Flask) -> Desk:
    return open_desk(app)


@pytest.fixture
def service(people: People) -> App:
    return people.client()


@pytest.fixture
def maija(people: People) -> Person:
    return people.resident("maija@example.fi")


def owners(app: Flask) -> list[Any]:
    return rows(app, sa.select(StrongIdentity.account_id))


# -- asking


def test_another_last_name_is_shown_and_asked_about_before_anything_is_bound(
    app: Flask, client: FlaskClient, desk: Desk, service: App, people: People
) -> None:
    person = people.resident(given_name="Maija", family_name="Entinen")
    asked = ask_strongly(client, service, person)

    back = identify(client, asked.location)

    assert back.location == "/identify/confirm"
    page = client.get("/identify/confirm")
    assert journey.page_name(page) == "identify-confirm"
    assert "Maija Entinen" in text(page)
    assert "Maija Kaarina Meikäläinen" in text(page)
    assert owners(app) == []
    confirmed = journey.submit(client, "/identify/confirm", decision="confirm")
    assert protocol.finish(client, service, client.get(confirmed.location))["acr"] == STRONG
    assert rows(app, sa.select(Account.family_name)) == ["Meikäläinen"]
    assert client.get("/identify/confirm").location == "/account"


def test_who_says_no_binds_nothing_and_the_identification_is_gone(
    app: Flask, client: FlaskClient, desk: Desk, service: App, people: People
) -> None:
    person = people.resident(given_name="Eero", family_name="Entinen")
    asked = ask_strongly(client, service, person)
    identify(client, asked.location)

    answer = journey.submit(client, "/identify/confirm", decision="decline")

    assert answer.location == asked.location
    assert (owners(app), rows(app, sa.select(Account.family_name))) == ([], ["Entinen"])
    assert client.get("/identify/confirm").location == "/account"


def test_the_question_is_not_answered_by_who_logs_in_next(
    app: Flask, client: FlaskClient, desk: Desk, service: App, people: People, maija: Person
) -> None:
    person = people.resident(family_name="Entinen", username="toinen@example.fi")
    identify(client, ask_strongly(client, service, person).location)
    journey.log_in(client, maija, protocol.ask(client, service, prompt="login").location)

    assert client.get("/identify/confirm").location == "/account"
    assert owners(app) == []


def test_who_has_that_name_is_not_asked(
    client: FlaskClient, desk: Desk, service: App, people: People
) -> None:
    person = people.resident(given_name="Kaisa", family_name="MEIKÄLÄINEN ")
    stepped_up(client, service, ask_strongly(client, service, person))


# -- telling


def test_the_owner_is_told_when_the_account_is_bound(
    client: FlaskClient, desk: Desk, service: App, people: People, maija: Person
) -> None:
    stepped_up(client, service, ask_strongly(client, service, maija))

    told = letter(people, "identity_bound")
    assert told.to == "maija@example.fi"
    assert "/not-me?token=" in told.text
    assert desk.code not in told.text + told.html + told.subject


def test_and_when_an_identification_did_not_fit(
    app: Flask, client: FlaskClient, desk: Desk, service: App, people: People, maija: Person
) -> None:
    stepped_up(client, service, ask_strongly(client, service, maija))
    other = app.test_client()
    asked = ask_strongly(other, service, maija)
    desk.code = EERO
    identify(other, asked.location)

    told = letter(people, "identity_refused")
    assert (told.to, desk.code in told.text) == ("maija@example.fi", False)


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_each_letter_is_in_the_owners_language(
    app: Flask, client: FlaskClient, desk: Desk, service: App, people: People, language: str
) -> None:
    person = people.resident(language=language)
    stepped_up(client, service, ask_strongly(client, service, person))
    with app.app_context():
        support.release_identity(person.id, OPERATOR, "")
    subjects = {
        "fi": ("Tunnuksesi on liitetty henkilöllisyyteen", "Tunnuksesi on irrotettu henkilöllisyydestä"),
        "sv": ("Ditt konto har kopplats till en identitet", "Ditt konto har frikopplats från identiteten"),
        "en": (
            "Your account has been connected to an identity",
            "Your account has been released from the identity",
        ),
    }
    found = tuple(letter(people, kind).subject for kind in ("identity_bound", "identity_released"))
    assert found == subjects[language]


# -- undoing


def test_support_releases_an_account_from_an_identity(
    app: Flask, client: FlaskClient, desk: Desk, service: App, people: People, maija: Person
) -> None:
    desk.code = EERO  # somebody else sat there
    stepped_up(client, service, ask_strongly(client, service, maija))
    strong = protocol.ask(client, service, scope="openid offline_access")
    token = journey.redeem(client, service, protocol.redirected(strong, service)["code"]).get_json()
    elsewhere = app.test_client()
    journey.log_in(elsewhere, maija)
    helper, browser = people.resident("tuki@example.fi"), app.test_client()
    with app.app_context():
        roles.choose(helper.id, [Role.SUPPORT], OPERATOR)
    journey.log_in(browser, helper)
    assert "/release" in browser.get(f"/admin/accounts/{maija.id}").text

    journey.submit(browser, f"/admin/accounts/{maija.id}/release", note="Väärä henkilö")

    assert owners(app) == []
    live = sa.select(BrowserSession.acr).where(
        BrowserSession.account_id == maija.id, BrowserSession.ended_at.is_(None)
    )
    assert STRONG not in rows(app, live)
    assert len(rows(app, live)) == 1  # the password's session elsewhere
    assert journey.refresh(client, service, token["refresh_token"]).status_code == 400
    event = rows(app, sa.select(AuditEvent).where(AuditEvent.event == "identity.released"))[0]
    assert (event.account_id, event.actor, event.note) == (maija.id, helper.id, "Väärä henkilö")
    assert letter(people, "identity_released").to == "maija@example.fi"
    assert "/release" not in browser.get(f"/admin/accounts/{maija.id}").text
    desk.code = "010180-9004"
    stepped_up(client, service, ask_strongly(client, service, maija))
    assert owners(app) == [maija.id]


def test_nobody_is_released_from_nothing(app: Flask, maija: Person) -> None:
    with app.app_context(), pytest.raises(helping.NotNow):
        support.release_identity(maija.id, OPERATOR, "")
