"""A form that takes longer than the login it was opened from is worth as much: nothing that was typed is lost."""

import pytest
from flask.testing import FlaskClient

from tests.pages.steps import REGISTRATION, accounts, letter, link_to, press, text
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

WEB = "https://asiointi.example.fi/"
NAME = "Asiointipalvelu"
SERVICE = f"Jatka palveluun {NAME}"


@pytest.fixture
def service(people: People) -> App:
    return people.client()


def opened(browser: FlaskClient, service: App, page: str, **parameters: str) -> tuple[str, str]:
    """A page of a login that is under way at the e-service, and its form's token."""
    login = browser.get(journey.authorize_url(service, **parameters)).location
    path = login.replace("/login", page)
    return path, journey.csrf_token(browser.get(path))


def test_creating_an_account(
    moving_clock: MovableClock, client: FlaskClient, people: People, service: App
) -> None:
    path, token = opened(client, service, "/create-account")
    moving_clock.move(minutes=61)

    answer = client.post(path, data={"csrf_token": token, **REGISTRATION})

    assert answer.location == "/created"
    mail = letter(people, "activation")
    assert NAME in mail.text
    correcting = link_to(client.get("/created"), "Käytä toista osoitetta")
    assert journey.page_name(client.get(correcting)) == "create-account"
    page = press(client, mail.link)
    assert link_to(page, SERVICE) == WEB
    assert len(accounts(people.app)) == 1


def test_its_errors_keep_what_was_typed(
    moving_clock: MovableClock, client: FlaskClient, service: App
) -> None:
    path, token = opened(client, service, "/create-account", ui_locales="sv")
    moving_clock.move(minutes=61)

    page = client.post(path, data={"csrf_token": token, **REGISTRATION, "family_name": ""})

    assert page.status_code == 422
    assert journey.errors(page) == ["Ange efternamn."]
    values = {each.get("value") for each in journey.soup(page).select("main input")}
    assert {REGISTRATION["email"], REGISTRATION["given_name"]} <= values


def test_asking_for_a_new_password(
    moving_clock: MovableClock, client: FlaskClient, people: People, service: App
) -> None:
    people.resident()
    path, token = opened(client, service, "/forgot")
    moving_clock.move(minutes=61)

    answer = client.post(path, data={"csrf_token": token, "email": "maija@example.fi"})

    page = client.get(answer.location)
    assert journey.page_name(page) == "forgot-sent"
    assert link_to(page, SERVICE) == WEB
    assert (
        link_to(page, "Takaisin kirjautumissivulle") == "/login"
    )  # a link to the login that is over would fail
    fields = {"new_password": "Talvi-8yötä", "new_password_confirm": "Talvi-8yötä"}
    assert link_to(press(client, letter(people, "reset").link, **fields), SERVICE) == WEB


def test_feedback(moving_clock: MovableClock, client: FlaskClient, people: People, service: App) -> None:
    path, token = opened(client, service, "/feedback")
    moving_clock.move(minutes=61)

    answer = client.post(path, data={"csrf_token": token, "message": "Hyvä palvelu!"})

    assert "Hyvä palvelu!" in letter(people, "feedback").text
    assert NAME in letter(people, "feedback").text
    page = client.get(answer.location)
    assert journey.page_name(page) == "feedback-sent"
    assert link_to(page, SERVICE) == WEB


def test_a_login_that_goes_on_stays_within_reach(client: FlaskClient, service: App) -> None:
    path, token = opened(client, service, "/forgot")

    answer = client.post(path, data={"csrf_token": token, "email": "maija@example.fi"})

    page = client.get(answer.location)
    assert link_to(page, "Takaisin kirjautumissivulle") == path.replace("/forgot", "/login")
    assert SERVICE not in text(page)


@pytest.mark.parametrize("page", ["/create-account", "/forgot", "/feedback"])
def test_a_request_that_nobody_knows_is_none(client: FlaskClient, page: str) -> None:
    assert client.get(f"{page}?request=unknown").status_code == 200
