"""At a computer that several people use, nobody goes on with the identification of the one before."""

from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp.upstream.models import IdentificationTicket
from tests.conftest import AppFactory
from tests.pages.steps import press, sign_up
from tests.pages.test_identify import rows
from tests.support import journey
from tests.support.identification import SETTINGS, Desk, identify, open_desk
from tests.support.people import People, Person


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    return make_app(upstream=SETTINGS, accounts={"registration_assurance": "strong"})


@pytest.fixture
def desk(app: Flask) -> Desk:
    return open_desk(app)


@pytest.fixture
def person(people: People) -> Person:
    return people.resident()


@pytest.mark.parametrize("text", ["x" * 101, "x" * 3000, "\0", "\ud800"])
def test_a_request_that_never_was_is_carried_nowhere(client: FlaskClient, desk: Desk, text: str) -> None:
    path = f"/identify/new?{urlencode({'request': text}, errors='surrogatepass')}"
    answer = journey.submit(client, path)

    assert answer.status_code == 200, "the page that leads to the broker"


def nothing_is_left(browser: FlaskClient) -> bool:
    assert (
        rows(
            browser.application,
            sa.select(IdentificationTicket.sealed).where(IdentificationTicket.sealed != ""),
        )
        == []
    )
    return browser.get("/create-account").location == "/identify/new"


def test_a_login_forgets_it(client: FlaskClient, desk: Desk, person: Person) -> None:
    identify(client, "/identify/new")
    journey.log_in(client, person)
    assert nothing_is_left(client)


def test_a_logout_forgets_it(client: FlaskClient, desk: Desk, person: Person) -> None:
    journey.log_in(client, person)
    identify(client, "/identify/new")
    assert journey.submit(client, "/logout").status_code in (200, 303)
    assert nothing_is_left(client)


def test_who_was_not_it_says_so_at_the_form(client: FlaskClient, desk: Desk) -> None:
    identify(client, "/identify/new")
    page = client.get("/create-account")
    assert "Tunnistautuminen onnistui" in page.text
    form = journey.soup(page).select_one("#identify-again").find_parent("form")  # type: ignore[union-attr]

    answer = client.post(form["action"], data={"csrf_token": journey.csrf_token(page)})  # type: ignore[index,arg-type]

    assert (answer.status_code, answer.location) == (303, "/identify/new")
    assert nothing_is_left(client)


def test_and_where_the_person_has_an_account(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    identify(client, "/identify/new")
    press(client, sign_up(client, people))
    other = app.test_client()
    identify(other, "/identify/new")
    page = other.get("/identify/known")

    assert journey.soup(page).select_one("#identify-again") is not None
    other.post("/identify/again", data={"csrf_token": journey.csrf_token(page)})

    assert nothing_is_left(other)


def test_a_forged_request_forgets_nothing(client: FlaskClient, desk: Desk) -> None:
    identify(client, "/identify/new")
    client.post("/identify/again")
    assert journey.page_name(client.get("/create-account")) == "create-account"


def test_the_pages_offer_it_in_the_persons_language(client: FlaskClient, desk: Desk) -> None:
    identify(client, "/identify/new")
    for language, text in (("sv", "Var det inte du?"), ("en", "Not you?")):
        assert text in client.get(f"/create-account?lang={language}").text
