"""The language of a page: the link, the e-service's wish, the person's own choice, the browser, the default."""

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts.models import Account
from idp.database import db
from tests.conftest import AppFactory
from tests.support import journey
from tests.support.people import People, Person

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def language(browser: FlaskClient, path: str = "/login", accept: str | None = None) -> str:
    page = browser.get(path, headers={"Accept-Language": accept} if accept else {})
    return str(journey.soup(page).html["lang"])  # type: ignore[index]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "fi"),
        ("sv-FI,sv;q=0.9,en;q=0.8", "sv"),
        ("de,en;q=0.5,sv;q=0.4", "en"),
        ("de-DE,fr", "fi"),
        ("*", "fi"),
        ("fi;q=0.1,en;q=0.9", "en"),
        ("nonsense;;q=,,", "fi"),
    ],
)
def test_the_browsers_language_or_the_default(client: FlaskClient, accept: str | None, expected: str) -> None:
    assert language(client, accept=accept) == expected


def test_the_installation_chooses_its_default(make_app: AppFactory) -> None:
    assert language(make_app(site={"languages": ["sv", "fi"]}).test_client()) == "sv"


def test_a_language_link_wins_and_is_remembered(client: FlaskClient) -> None:
    assert language(client, "/login?lang=sv", accept="en") == "sv"
    assert language(client, accept="en") == "sv"
    cookie = client.get_cookie("tunnus_language")
    assert cookie is not None
    assert cookie.value == "sv"


@pytest.mark.parametrize("unknown", ["de", "", "../../etc", "sv-FI", "SV"])
def test_an_unknown_language_is_no_language(client: FlaskClient, unknown: str) -> None:
    assert language(client, f"/login?lang={unknown}") == "fi"
    assert client.get_cookie("tunnus_language") is None


def test_the_e_services_wish_comes_before_the_browsers(client: FlaskClient, people: People) -> None:
    service = people.client()
    location = client.get(journey.authorize_url(service, ui_locales="de sv-FI en")).location

    assert language(client, location, accept="en") == "sv"


def test_the_link_comes_before_the_e_services_wish(client: FlaskClient, people: People) -> None:
    service = people.client()
    location = client.get(journey.authorize_url(service, ui_locales="sv")).location

    assert language(client, f"{location}&lang=en") == "en"


def test_the_links_keep_the_errand_and_what_the_address_holds(client: FlaskClient, people: People) -> None:
    location = client.get(journey.authorize_url(people.client())).location

    links = journey.soup(client.get(location)).select("nav.languages a")

    assert [link.get_text(strip=True) for link in links] == ["På svenska", "In English"]
    assert [link["lang"] for link in links] == ["sv", "en"]
    for link in links:
        assert location.partition("?")[2] in str(link["href"])
        assert journey.page_name(client.get(str(link["href"]))) == "login"


def test_an_answer_to_a_form_has_no_links_since_they_would_lead_to_another_page(
    client: FlaskClient, people: People
) -> None:
    person = people.resident()
    wrong = journey.log_in(client, Person("", person.username, "Väärä-1salasana"))
    for _ in range(5):
        locked = journey.log_in(client, Person("", person.username, "Väärä-1salasana"))

    assert (wrong.status_code, journey.page_name(locked)) == (422, "locked")
    for answer in (wrong, locked):
        assert journey.soup(answer).select("nav.languages") == []
    assert journey.soup(client.get("/login")).select("nav.languages a")


@pytest.mark.parametrize("path", ["/activated", "/reset/done", "/done"])
def test_what_came_of_a_link_is_told_in_its_browser_alone(client: FlaskClient, path: str) -> None:
    assert client.get(path).location == "/login"


def test_the_chosen_language_is_kept_on_the_account(app: Flask, client: FlaskClient, people: People) -> None:
    journey.log_in(client, people.resident())

    client.get("/account?lang=en")

    with app.app_context():
        assert db.session.scalar(sa.select(Account.language)) == "en"


def test_an_error_page_speaks_the_language_too(client: FlaskClient) -> None:
    assert language(client, "/nowhere?lang=sv") == "sv"
