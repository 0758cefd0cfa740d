"""Nobody learns from registration or recovery whether an address has an account (R-33, R-34, ASVS 6.3.8)."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts.models import Account, Registration
from idp.database import db
from tests.conftest import AppFactory
from tests.pages.statements import recorded
from tests.pages.steps import accounts, kinds, letter, looks, press, register, text
from tests.support import journey
from tests.support.people import PASSWORD, People, Person

KNOWN, NEW = "maija@example.fi", "meija@example.fi"  # of the same length


@pytest.fixture
def maija(people: People) -> Person:
    return people.resident(KNOWN)


# -- registration


def test_registering_a_known_address_looks_like_registering_a_new_one(app: Flask, maija: Person) -> None:
    one, other = app.test_client(), app.test_client()

    answers = [
        (register(one, email=KNOWN), register(other, email=NEW)),
        (one.get("/created"), other.get("/created")),
        (journey.submit(one, "/created"), journey.submit(other, "/created")),
    ]

    for known, new in answers:
        assert looks(known, KNOWN, KNOWN.replace("@", "<wbr>@")) == looks(
            new, NEW, NEW.replace("@", "<wbr>@")
        )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_does_as_much_work(app: Flask, maija: Person) -> None:
    one, other = app.test_client(), app.test_client()
    register(app.test_client(), email="warm@example.fi")

    with recorded(app) as known:
        register(one, email=KNOWN)
    with recorded(app) as new:
        register(other, email=NEW)

    assert [statement.split()[0] for statement in known] == [statement.split()[0] for statement in new]
    assert len(known) > 8


def test_the_owner_is_told_by_mail(client: FlaskClient, people: People, maija: Person) -> None:
    register(client, email="Maija@EXAMPLE.fi", path="/create-account?lang=en")

    mail = letter(people, "account_exists")
    assert mail.to == KNOWN  # the stored address, never the typed one
    assert "Sähköpostiosoitteellasi on jo käyttäjätunnus." in mail.text
    assert "/login?username=maija%40example.fi" in mail.text.replace("@", "%40")
    assert kinds(people) == ["account_exists"]


def test_the_mail_leads_to_a_new_password(client: FlaskClient, people: People, maija: Person) -> None:
    register(client, email=KNOWN)
    link = next(word for word in letter(people, "account_exists").text.split() if "/reset?" in word)
    path = link.removeprefix("http://localhost:8400")

    press(client, path, new_password="Talvi-8yötä", new_password_confirm="Talvi-8yötä")

    assert journey.log_in(client, Person("", KNOWN, "Talvi-8yötä")).location == "/account"


def test_the_account_stays_as_it_was(client: FlaskClient, app: Flask, maija: Person) -> None:
    register(client, email=KNOWN, given_name="Ilkeä", phone="040 666 6666")

    assert journey.log_in(app.test_client(), maija).location == "/account"
    assert [account.given_name for account in accounts(app)] == ["Maija"]


def test_a_strangers_idea_of_somebodys_details_is_not_kept(
    client: FlaskClient, app: Flask, maija: Person
) -> None:
    register(client, email=KNOWN, given_name="Ilkeä", phone="040 666 6666", locality="Jossain")

    with app.app_context():
        rows = repr(db.session.execute(sa.select(Registration.__table__)).all())
    assert not any(word in rows for word in ("Ilkeä", "666", "Jossain"))


def test_an_authoritys_address_counts_as_known(client: FlaskClient, people: People, maija: Person) -> None:
    with people.app.app_context():
        db.session.execute(sa.update(Account).values(username="kunta-kaava", username_key="kunta-kaava"))
        db.session.commit()

    register(client, email=KNOWN)

    assert kinds(people) == ["account_exists"]


def test_by_setting_the_page_itself_says_so(make_app: AppFactory, maija: Person) -> None:
    app = make_app(accounts={"account_exists_notice": "screen"})
    browser = app.test_client()

    page = register(browser, email=KNOWN)

    assert page.status_code == 422
    assert journey.errors(page) == ["Sähköpostiosoitteellasi on jo käyttäjätunnus."]
    assert kinds(People(app)) == []
    assert register(browser, email=NEW).location == "/created"


# -- recovery


def test_asking_for_a_known_address_looks_like_asking_for_an_unknown_one(app: Flask, maija: Person) -> None:
    one, other = app.test_client(), app.test_client()

    known, unknown = (journey.submit(b, "/forgot", email=name) for b, name in ((one, KNOWN), (other, NEW)))

    assert looks(known) == looks(unknown)
    pages = one.get(known.location), other.get(unknown.location)
    marked = [name.replace("@", "<wbr>@") for name in (KNOWN, NEW)]
    assert looks(pages[0], marked[0]) == looks(pages[1], marked[1])
    assert "Jos osoitteella on käyttäjätunnus, saat pian viestin." in text(pages[0])
    assert "Tarkista tarvittaessa myös roskaposti-kansio." in text(pages[0])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_recovery_does_as_much_work(app: Flask, maija: Person) -> None:
    journey.submit(app.test_client(), "/forgot", email="warm@example.fi")
    one, other = app.test_client(), app.test_client()

    with recorded(app) as known:
        journey.submit(one, "/forgot", email=KNOWN)
    with recorded(app) as unknown:
        journey.submit(other, "/forgot", email=NEW)

    assert [statement.split()[0] for statement in known] == [statement.split()[0] for statement in unknown]


def test_an_unknown_address_gets_no_mail(client: FlaskClient, people: People) -> None:
    journey.submit(client, "/forgot", email=NEW)

    assert kinds(people) == []
    assert people.discarded() == 1


def test_an_address_that_waits_for_activation_gets_no_mail(client: FlaskClient, people: People) -> None:
    register(client, email=NEW)

    journey.submit(client, "/forgot", email=NEW)

    assert kinds(people) == ["activation"]


def test_who_knows_a_name_learns_nothing_of_its_address(client: FlaskClient, people: People) -> None:
    """An authority's name is asked for: the page shows what was typed, never where the mail went."""
    people.resident(KNOWN)
    with people.app.app_context():
        db.session.execute(sa.update(Account).values(username="kunta-kaava", username_key="kunta-kaava"))
        db.session.commit()

    page = client.get(journey.submit(client, "/forgot", email="kunta-kaava").location)

    assert letter(people, "reset").to == KNOWN
    assert KNOWN not in page.text.replace("<wbr>", "")
    assert PASSWORD not in page.text
