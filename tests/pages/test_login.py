"""Logging in (R-05, R-06, R-28, R-35): who gets in, what the others are told, what the page looks like."""

import time

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.accounts import creation
from idp.accounts.models import Account
from idp.accounts.rules import rules
from idp.audit import AuditEvent
from idp.clients.models import ClientApp
from idp.database import db, writing
from idp.policy.usernames import EmailAddress
from tests.conftest import AppFactory
from tests.pages.full_pool import full_pool
from tests.pages.statements import recorded
from tests.pages.steps import EMAIL, kinds, link_to, looks, press, register, sign_up, text
from tests.support import journey
from tests.support.people import PASSWORD, People, Person

WRONG = "Väärä-1salasana"
GENERIC = "Väärä käyttäjätunnus tai salasana. Tarkista oikeinkirjoitus."


def attempt(browser: FlaskClient, username: str, password: str = WRONG, path: str = "/login") -> TestResponse:
    return journey.log_in(browser, Person("", username, password), path)


# -- who gets in


@pytest.mark.parametrize("typed", ["maija@example.fi", " Maija@Example.FI ", "MAIJA@EXAMPLE.FI\t"])
def test_the_address_is_the_username_however_it_is_spelled(
    client: FlaskClient, people: People, typed: str
) -> None:
    people.resident("maija@example.fi")

    assert attempt(client, typed, PASSWORD).location == "/account"


@pytest.mark.parametrize("typed", [f" {PASSWORD}", f"{PASSWORD} ", PASSWORD.lower(), PASSWORD[:-1]])
def test_the_password_is_taken_to_the_letter(client: FlaskClient, people: People, typed: str) -> None:
    people.resident()

    assert attempt(client, "maija@example.fi", typed).status_code == 422


def test_an_authority_logs_in_by_its_name_and_never_by_its_address(client: FlaskClient, app: Flask) -> None:
    with app.app_context():
        address = EmailAddress.parse("kaava@example.fi")
        details = {"given_name": "Kaavoitus", "family_name": "", "language": "fi", "rules": rules()}
        creation.create_authority("kunta-kaavoitus", PASSWORD, email=address, **details)

    assert errors(attempt(client, "kaava@example.fi", PASSWORD)) == [GENERIC]
    assert attempt(client, "Kunta-Kaavoitus", PASSWORD).location == "/account"


def errors(response: TestResponse) -> list[str]:
    return journey.errors(response)


# -- who does not


def test_unknown_name_and_wrong_password_get_the_same_answer(client: FlaskClient, people: People) -> None:
    people.resident("maija@example.fi")
    strangers = people.app.test_client()

    wrong = attempt(client, "maija@example.fi")
    unknown = attempt(strangers, "meija@example.fi")

    assert errors(wrong) == [GENERIC]
    assert looks(wrong, "maija@example.fi") == looks(unknown, "meija@example.fi")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_unknown_name_and_wrong_password_cost_the_same_statements(
    client: FlaskClient, people: People
) -> None:
    people.resident("maija@example.fi")
    attempt(client, "warm@example.fi")

    for _ in range(6):  # the last ones meet the lock
        with recorded(people.app) as wrong:
            attempt(client, "maija@example.fi")
        with recorded(people.app) as unknown:
            attempt(client, "meija@example.fi")
        assert wrong == unknown
        assert len(wrong) > 5


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_unknown_name_and_wrong_password_cost_the_same_work(make_app: AppFactory) -> None:
    app = make_app(passwords={"bcrypt_cost": 10}, lockout={"attempts": 100})
    People(app).resident("maija@example.fi")

    def work(username: str) -> float:
        browser, times = app.test_client(), []
        for _ in range(4):
            began = time.process_time()
            attempt(browser, username)
            times.append(time.process_time() - began)
        return min(times)

    assert 0.7 < work("meija@example.fi") / work("maija@example.fi") < 1.4


def test_the_page_keeps_the_username_and_clears_the_password(client: FlaskClient, people: People) -> None:
    page = attempt(client, "maija@example.fi")

    fields = {field["name"]: field.get("value") for field in journey.soup(page).select("main input")}
    assert page.status_code == 422
    assert fields["username"] == "maija@example.fi"
    assert not fields["password"]
    assert link_to(page, "Luo uusi käyttäjätunnus") == "/create-account"
    assert link_to(page, "Unohtuiko käyttäjätunnus tai salasana?") == "/forgot"


def test_empty_fields_are_asked_for(client: FlaskClient) -> None:
    page = journey.submit(client, "/login")

    assert errors(page) == ["Anna käyttäjätunnus tai sähköpostiosoite.", "Anna salasana."]


def test_that_an_account_is_not_activated_is_told_to_who_knows_its_password(
    client: FlaskClient, people: People
) -> None:
    register(people.app.test_client())

    wrong = attempt(client, EMAIL)
    unknown = attempt(people.app.test_client(), "uuno@example.fi")
    right = attempt(client, EMAIL, PASSWORD)

    assert looks(wrong, EMAIL) == looks(unknown, "uuno@example.fi")
    assert errors(right) == ["Käyttäjätunnusta ei ole aktivoitu."]


def test_the_activation_message_can_be_sent_again_from_there(client: FlaskClient, people: People) -> None:
    register(people.app.test_client())
    page = attempt(client, EMAIL, PASSWORD)

    waiting = link_to(page, "Lähetä aktivointiviesti uudelleen")
    journey.submit(client, waiting)

    assert kinds(people) == ["activation", "activation"]


def test_that_an_account_is_disabled_is_told_to_who_knows_its_password(
    client: FlaskClient, people: People
) -> None:
    person = people.resident()
    with people.app.app_context(), writing() as session:
        session.execute(sa.update(Account).values(status="disabled"))

    assert errors(attempt(client, person.username)) == [GENERIC]
    assert errors(journey.log_in(client, person)) == [
        "Käyttäjätunnus on poistettu käytöstä. Ota yhteyttä ylläpitäjään."
    ]
    assert client.get("/account").location == "/login"


@pytest.mark.parametrize("status", ["disabled", "closing"])
def test_the_right_password_of_an_account_out_of_use_is_noted(
    client: FlaskClient, people: People, status: str
) -> None:
    person = people.resident()
    with people.app.app_context(), writing() as session:
        session.execute(sa.update(Account).values(status=status))

    journey.log_in(client, person)

    with people.app.app_context():
        event = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.event == "login")).one()
    assert (event.outcome, event.reason, event.account_id) == ("failure", status, person.id)
    assert event.address == "127.0.0.1"


def test_a_disabled_account_ends_its_sessions_at_once(client: FlaskClient, people: People) -> None:
    journey.log_in(client, people.resident())
    with people.app.app_context(), writing() as session:
        session.execute(sa.update(Account).values(status="disabled"))

    assert client.get("/account").location == "/login"


# -- the hashing pool is full


def test_a_full_hashing_pool_says_to_try_again_and_keeps_the_form(
    client: FlaskClient, people: People
) -> None:
    person = people.resident()

    with full_pool(people.app):
        for _ in range(6):  # more than the lockout allows: none of them counts
            page = journey.log_in(client, person, remember="y")
            assert page.status_code == 503
            assert int(page.headers["Retry-After"]) > 0
    fields = {field["name"]: field for field in journey.soup(page).select("main input")}
    assert fields["username"]["value"] == person.username
    assert fields["remember"].has_attr("checked")
    assert not fields["password"].get("value")
    assert journey.log_in(client, person).location == "/account"


def test_registration_keeps_the_form_too(client: FlaskClient, people: People) -> None:
    with full_pool(people.app):
        page = register(client)

    assert page.status_code == 503
    assert int(page.headers["Retry-After"]) > 0
    values = {field.get("value") for field in journey.soup(page).select("main input")}
    assert {EMAIL, "Uusi", "Asukas"} <= values
    assert kinds(people) == []
    assert register(client).location == "/created"


def test_activation_keeps_the_link(client: FlaskClient, people: People) -> None:
    link = sign_up(client, people)
    elsewhere = people.app.test_client()
    other = link.replace("/activate", "/activate/password")

    with full_pool(people.app):
        answers = [
            press(elsewhere, link, password=PASSWORD),
            press(elsewhere, other, new_password="Talvi-8yötä", new_password_confirm="Talvi-8yötä"),
        ]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert [journey.page_name(answer) for answer in answers] == ["activate", "reset"]
    assert journey.page_name(press(elsewhere, link, password=PASSWORD)) == "activated"


def test_other_requests_do_not_wait_for_passwords(client: FlaskClient, people: People) -> None:
    with full_pool(people.app):
        assert client.get("/oauth2/jwks").status_code == 200
        assert client.get("/login").status_code == 200


# -- the page


def test_who_is_logged_in_already_goes_on_to_their_details(client: FlaskClient, people: People) -> None:
    journey.log_in(client, people.resident())

    assert client.get("/login").location == "/account"


@pytest.mark.parametrize(
    ("language", "heading", "label"),
    [
        ("fi", "Kirjautuminen asiointipalveluun", "Käyttäjätunnus tai sähköpostiosoite"),
        ("sv", "Inloggning i e-tjänsten", "Användarnamn eller e-postadress"),
        ("en", "Log in to the e-service", "Username or email address"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_in_each_language(client: FlaskClient, language: str, heading: str, label: str) -> None:
    page = journey.soup(client.get(f"/login?lang={language}"))

    assert page.html["lang"] == language  # type: ignore[index]
    assert page.h1.get_text(strip=True) == heading  # type: ignore[union-attr]
    assert page.find("label", {"for": "username"}).get_text(strip=True) == label  # type: ignore[union-attr]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_fields_suit_password_managers_and_authorities(client: FlaskClient) -> None:
    page = journey.soup(client.get("/login"))
    username, password, remember = (
        page.find("input", {"name": name}) for name in ("username", "password", "remember")
    )

    assert (username["type"], username["autocomplete"]) == ("text", "username")  # type: ignore[index]
    assert (password["type"], password["autocomplete"]) == ("password", "current-password")  # type: ignore[index]
    assert not any(field.has_attr("maxlength") for field in (username, password))  # type: ignore[union-attr]
    assert not remember.has_attr("checked")  # type: ignore[union-attr]


def test_a_contact_that_is_no_address_is_no_link(app: Flask, client: FlaskClient, people: People) -> None:
    """As an earlier version may have registered one."""
    service = people.client()
    with app.app_context(), writing() as session:
        stored = session.get_one(ClientApp, service.client_id)
        stored.registration = {**stored.registration, "contacts": ["ei osoite", "tuki@asiointi.example.fi"]}

    page = client.get(client.get(journey.authorize_url(service)).location).get_data(as_text=True)

    assert "mailto:ei osoite" not in page
    assert "mailto:tuki@asiointi.example.fi" in page


def test_the_page_names_the_e_service_and_its_links_keep_the_errand(
    client: FlaskClient, people: People
) -> None:
    service = people.client(contacts=["tuki@asiointi.example.fi"])
    location = client.get(journey.authorize_url(service, login_hint="maija@example.fi")).location

    page = client.get(location)

    errand = location.partition("?")[2]
    assert journey.soup(page).h1.get_text(strip=True) == "Kirjaudu palveluun Asiointipalvelu"  # type: ignore[union-attr]
    assert link_to(page, "Luo uusi käyttäjätunnus").endswith(errand)
    assert link_to(page, "Unohtuiko").endswith(errand)
    assert journey.soup(page).find("input", {"name": "username"})["value"] == "maija@example.fi"  # type: ignore[index]
    assert "tuki@asiointi.example.fi" in text(page)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_account_that_does_not_work_here_is_named(make_app: AppFactory) -> None:
    other = {"fi": "eEsimerkki", "sv": "eExempel", "en": "eExample"}
    browser = make_app(site={"other_account": other}).test_client()

    assert "ei eEsimerkki-tunnusta" in text(browser.get("/login"))
    assert "Kontot för eExempel fungerar inte här." in text(browser.get("/login?lang=sv"))


# -- what a login leaves behind


def test_a_login_is_noted_without_any_name(client: FlaskClient, people: People) -> None:
    person = people.resident()
    attempt(client, person.username)
    attempt(client, "tuntematon@example.fi")
    journey.log_in(client, person)

    with people.app.app_context():
        rows = db.session.execute(
            sa.text("SELECT outcome, reason, account_id, address FROM audit_events")
        ).all()

    logins = [tuple(row) for row in rows if row.address]
    assert logins == [
        ("failure", "wrong_credentials", person.id, "127.0.0.1"),
        ("failure", "wrong_credentials", None, "127.0.0.1"),
        ("success", None, person.id, "127.0.0.1"),
    ]


def test_a_raised_cost_hashes_the_password_anew_at_the_next_login(
    client: FlaskClient, people: People, make_app: AppFactory
) -> None:
    person = people.resident()
    stronger = make_app(passwords={"bcrypt_cost": 5})

    assert journey.log_in(stronger.test_client(), person).location == "/account"

    with stronger.app_context():
        stored = db.session.get_one(Account, person.id).password_hash
    assert stored.startswith("v1::$2b$05$")
    assert journey.log_in(client, person).location == "/account"


def test_the_e_services_privacy_notice_and_terms_can_be_read_before_logging_in(
    client: FlaskClient, people: People
) -> None:
    links = {"policy_uri": "https://muualla.example/privacy", "tos_uri#fi": "https://muualla.example/ehdot"}
    service = people.client(**links)

    page = journey.soup(client.get(client.get(journey.authorize_url(service)).location))

    for address in links.values():
        link = page.find("main").find("a", href=address)  # type: ignore[union-attr]
        assert link is not None
        assert link["rel"] == ["noopener"]  # type: ignore[index]
