"""Strong identification before an account is created, and for an e-service that asks for it."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import clock
from idp.accounts import assurance
from idp.accounts.models import Account, Registration
from idp.accounts.roles import OPERATOR
from idp.audit import AuditEvent
from idp.clients import managed, management, registry
from idp.clients.management import Wanted
from idp.database import db
from idp.upstream import persons
from idp.upstream.models import StrongIdentity
from idp.upstream.providers import Refusal, Refused
from tests.conftest import AppFactory
from tests.oidc import steps as protocol
from tests.pages.steps import REGISTRATION, press, register, sign_up
from tests.support import journey
from tests.support.identification import EERO, SETTINGS, Desk, identify, open_desk, state_of
from tests.support.moments import MovableClock
from tests.support.people import PASSWORD, App, People, Person

STRONG, WEAK = "urn:tunnus:acr:strong", "urn:tunnus:acr:password"


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    return make_app(upstream=SETTINGS, accounts={"registration_assurance": "strong"})


@pytest.fixture
def desk(app: Flask) -> Desk:
    return open_desk(app)


def rows(app: Flask, query: sa.Select[Any]) -> list[Any]:
    with app.app_context():
        return list(db.session.scalars(query))


# -- before an account is created


def test_the_form_comes_after_an_identification(client: FlaskClient, desk: Desk) -> None:
    answer = client.get("/create-account")
    assert (answer.status_code, answer.location) == (303, "/identify/new")

    back = identify(client, "/identify/new")

    assert (back.status_code, back.location) == (303, "/create-account")
    page = journey.soup(client.get("/create-account"))
    family = page.select_one("#family_name")
    assert family is not None
    assert (family["value"], family.has_attr("readonly")) == ("Meikäläinen", True)
    assert [option.text for option in page.select("#given_name option")] == ["Maija", "Kaarina"]


def test_nothing_that_is_sent_without_one_makes_an_account(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    token = journey.csrf_token(client.get("/login"))
    fields = {**REGISTRATION, "csrf_token": token}

    answer = client.post("/create-account", data=fields)

    assert (answer.status_code, answer.location) == (303, "/identify/new")
    assert rows(app, sa.select(Registration)) == []
    assert people.letters() == []


def test_the_account_has_the_registered_names_whatever_is_sent(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    identify(client, "/identify/new")
    link = sign_up(client, people, given_name="Kaarina", family_name="Ankka")
    press(client, link)

    account = rows(app, sa.select(Account))[0]
    assert (account.given_name, account.family_name) == ("Kaarina", "Meikäläinen")
    identity = rows(app, sa.select(StrongIdentity))[0]
    assert (identity.account_id, identity.given_names) == (account.id, "Maija Kaarina")


def test_a_given_name_of_ones_own_making_is_none(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    identify(client, "/identify/new")
    press(client, sign_up(client, people, given_name="Aku"))
    assert rows(app, sa.select(Account.given_name)) == ["Maija"]


def test_names_that_are_not_told_apart_are_typed(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    desk.given_names = desk.family_name = ""
    identify(client, "/identify/new")
    press(client, sign_up(client, people, given_name="Maija", family_name="Meikäläinen"))
    assert rows(app, sa.select(Account.family_name)) == ["Meikäläinen"]
    assert len(rows(app, sa.select(StrongIdentity))) == 1


def test_an_identification_is_good_for_one_registration(
    client: FlaskClient, desk: Desk, people: People
) -> None:
    identify(client, "/identify/new")
    sign_up(client, people)
    assert client.get("/create-account").location == "/identify/new"


def test_and_for_fifteen_minutes_and_no_typing_is_lost(
    client: FlaskClient, desk: Desk, moving_clock: MovableClock
) -> None:
    identify(client, "/identify/new")
    form = client.get("/create-account")
    moving_clock.move(seconds=15 * 60 + 1)
    answer = client.post(
        "/create-account",
        data={"csrf_token": journey.csrf_token(form), "email": "maija@example.fi", "locality": "Esimerkkilä"},
    )
    assert answer.location == "/identify/new"

    identify(client, "/identify/new")
    page = journey.soup(client.get("/create-account"))
    values = {name: page.select_one(f"#{name}")["value"] for name in ("email", "locality")}  # type: ignore[index]
    assert values == {"email": "maija@example.fi", "locality": "Esimerkkilä"}


def test_another_browser_cannot_use_it(app: Flask, client: FlaskClient, desk: Desk) -> None:
    sent = journey.submit(client, "/identify/new")
    other = app.test_client()
    other.get("/identify/new")

    assert other.get(f"/upstream/callback?state={state_of(sent)}&code=x").status_code == 400
    assert other.get("/create-account").location == "/identify/new"
    assert client.get(f"/upstream/callback?state={state_of(sent)}&code=x").location == "/create-account"


def test_the_answer_of_the_provider_counts_once(client: FlaskClient, desk: Desk) -> None:
    sent = journey.submit(client, "/identify/new")
    address = f"/upstream/callback?state={state_of(sent)}&code=x"
    assert client.head(address).status_code == 405
    assert client.get(address).status_code == 303
    assert client.get(address).status_code == 400


@pytest.mark.parametrize(
    "refusal", [r for r in Refusal if r not in (Refusal.NOT_THIS_BROWSER, Refusal.EXPIRED)]
)
def test_whoever_cancels_or_fails_comes_back_to_the_page(
    app: Flask, client: FlaskClient, desk: Desk, refusal: Refusal
) -> None:
    desk.refusal = Refused(refusal, "of the test")
    back = identify(client, "/identify/new")
    assert back.location == "/identify/new"
    page = client.get("/identify/new")
    assert journey.soup(page).select_one(".notice-status") is not None
    assert journey.soup(client.get("/identify/new")).select_one(".notice-status") is None  # told once
    assert client.get("/create-account").location == "/identify/new"


def test_a_provider_that_is_away_is_told_and_tried_again(client: FlaskClient, desk: Desk) -> None:
    desk.closed = True
    answer = journey.submit(client, "/identify/new")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_the_second_account_of_a_person_is_led_to_the_first(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    identify(client, "/identify/new")
    press(client, sign_up(client, people))
    other = app.test_client()

    back = identify(other, "/identify/new")

    assert back.location == "/identify/known"
    assert journey.page_name(other.get("/identify/known")) == "identify-known"
    assert other.get("/create-account").location == "/identify/known"
    assert app.test_client().get("/identify/known").location == "/login"  # nobody else is told


def test_of_two_registrations_of_a_person_one_becomes_an_account(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    other = app.test_client()
    links = []
    for browser, email in ((client, "a@example.fi"), (other, "b@example.fi")):
        identify(browser, "/identify/new")
        links.append(sign_up(browser, people, email=email))

    press(client, links[0])
    answer = press(other, links[1])

    assert (answer.status_code, journey.page_name(answer)) == (409, "error")
    assert rows(app, sa.select(Account.username)) == ["a@example.fi"]


def test_who_has_the_mail_alone_does_not_get_the_persons_account(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    """Somebody identifies themselves and registers a stranger's address: the stranger is nobody else for it."""
    identify(client, "/identify/new")
    link = sign_up(client, people)
    stranger = app.test_client()

    page = journey.soup(stranger.get(link))
    assert page.select_one("#choose-password") is None
    assert page.select_one("#not-me") is not None
    path = link.replace("/activate?", "/activate/password?")
    assert stranger.get(path).status_code == 303
    assert stranger.post(path, data={"new_password": PASSWORD}).status_code == 303
    assert rows(app, sa.select(Account)) == []


def test_the_identity_is_sealed_while_it_waits_and_forgotten_afterwards(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    identify(client, "/identify/new")
    link = sign_up(client, people)
    sealed = rows(app, sa.select(Registration.sealed_identification))[0]
    assert "Meik" not in sealed
    assert desk.code not in sealed
    press(client, link)
    assert rows(app, sa.select(Registration.sealed_identification)) == [None]


def test_a_client_app_may_have_another_rule(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    service = people.client()
    set_options(app, service, registration_assurance="none")
    login = protocol.ask(client, service).location
    request_id = login.partition("request=")[2]

    assert journey.page_name(client.get(f"/create-account?request={request_id}")) == "create-account"
    set_options(app, service, registration_assurance="strong")
    assert client.get(f"/create-account?request={request_id}").status_code == 303


def set_options(app: Flask, service: App, *, first_party: bool = True, **options: Any) -> None:
    with app.app_context():
        found = managed.look(service.client_id, OPERATOR)
        wanted = Wanted(found.metadata, options, first_party=first_party)
        management.change(service.client_id, wanted, OPERATOR)


def test_without_a_provider_nothing_changes(make_app: AppFactory) -> None:
    app = make_app()
    browser = app.test_client()
    assert journey.page_name(register(browser)) is None
    assert browser.get("/upstream/callback?state=x&code=y").status_code == 400


# -- own details


def test_registered_names_stay_as_they_are(
    app: Flask, client: FlaskClient, desk: Desk, people: People
) -> None:
    identify(client, "/identify/new")
    press(client, sign_up(client, people))
    journey.submit(client, "/login", username="uusi@example.fi", password=PASSWORD)

    answer = journey.submit(client, "/account/details", given_name="Kaarina", family_name="Ankka")
    assert answer.status_code == 303
    assert rows(app, sa.select(Account.given_name)) == ["Kaarina"]
    assert rows(app, sa.select(Account.family_name)) == ["Meikäläinen"]
    journey.submit(client, "/account/details", given_name="Aku", family_name="Ankka")
    assert rows(app, sa.select(Account.given_name)) == ["Kaarina"]


# -- for an e-service that asks for it


@pytest.fixture
def service(app: Flask, people: People) -> App:
    """An e-service in which accounts of anybody may be used; test_identified_accounts.py has the others."""
    made = people.client()
    set_options(app, made, registration_assurance="none")
    return made


@pytest.fixture
def maija(people: People) -> Person:
    return people.resident("maija@example.fi", given_name="Maija", family_name="Meikäläinen")


def essential(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": values}}})


def ask_strongly(browser: FlaskClient, service: App, maija: Person | None, **parameters: str) -> TestResponse:
    """Ask for a strong level; logs in first where a person is given."""
    if maija is not None:
        journey.log_in(browser, maija)
    return protocol.ask(browser, service, **({"acr_values": STRONG} | parameters))


def stepped_up(browser: FlaskClient, service: App, asked: TestResponse) -> dict[str, Any]:
    """Identify and go on; the claims of the ID token."""
    assert asked.location.startswith("/identify?request="), asked.location
    back = identify(browser, asked.location)
    assert back.status_code == 303, back.text
    return protocol.finish(browser, service, browser.get(back.location))


def test_a_login_is_raised_and_the_token_tells_the_truth(
    client: FlaskClient, desk: Desk, service: App, maija: Person, moving_clock: MovableClock
) -> None:
    asked = ask_strongly(client, service, maija)
    before = client.get_cookie("tunnus_session")
    moving_clock.move(seconds=90)

    claims = stepped_up(client, service, asked)

    assert (claims["acr"], claims["amr"]) == (STRONG, ["pwd", "mfa"])
    assert claims["auth_time"] == clock.timestamp()
    after = client.get_cookie("tunnus_session")
    assert before is not None
    assert after is not None
    assert before.value != after.value  # another session identifier at a higher level (ASVS 7.2.4)


def test_a_raised_login_is_told_with_its_device(app: Flask, desk: Desk, service: App, maija: Person) -> None:
    browser = app.test_client()
    browser.environ_base["HTTP_USER_AGENT"] = (
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )
    stepped_up(browser, service, ask_strongly(browser, service, maija))

    told = journey.soup(browser.get("/account/history")).select(".history tbody tr")

    assert any(
        "Vahva tunnistautuminen 127.0.0.1 Firefox, Linux" in row.get_text(" ", strip=True) for row in told
    )


def test_the_level_lasts_for_the_session_and_no_longer(
    app: Flask, client: FlaskClient, desk: Desk, service: App, maija: Person
) -> None:
    stepped_up(client, service, ask_strongly(client, service, maija))
    again = protocol.finish(client, service, protocol.ask(client, service))
    assert again["acr"] == STRONG

    other = app.test_client()
    journey.log_in(other, maija)
    assert protocol.finish(other, service, protocol.ask(other, service))["acr"] == WEAK


def test_a_remembered_login_is_no_remembered_identification(
    client: FlaskClient, desk: Desk, service: App, maija: Person, moving_clock: MovableClock
) -> None:
    journey.log_in(client, maija, remember="y")
    stepped_up(client, service, ask_strongly(client, service, None))
    moving_clock.move(seconds=timedelta(hours=12, seconds=1).total_seconds())

    assert protocol.finish(client, service, protocol.ask(client, service))["acr"] == WEAK
    assert ask_strongly(client, service, None).location.startswith("/identify?")


def test_whoever_would_rather_not_goes_on_where_it_is_a_wish(
    client: FlaskClient, desk: Desk, service: App, maija: Person
) -> None:
    asked = ask_strongly(client, service, maija)
    declined = journey.submit(client, asked.location, decision="decline")
    assert protocol.finish(client, service, client.get(declined.location))["acr"] == WEAK


def test_and_not_where_it_is_a_demand(client: FlaskClient, desk: Desk, service: App, maija: Person) -> None:
    asked = ask_strongly(client, service, maija, claims=essential(STRONG))
    declined = journey.submit(client, asked.location, decision="decline")
    answer = client.get(declined.location)
    assert protocol.error_of(answer, service) == "unmet_authentication_requirements"


def test_a_demand_is_met_by_an_identification(
    client: FlaskClient, desk: Desk, service: App, maija: Person
) -> None:
    asked = ask_strongly(client, service, maija, claims=essential(STRONG), acr_values=WEAK)
    assert stepped_up(client, service, asked)["acr"] == STRONG


def test_what_is_preferred_is_what_is_done(
    client: FlaskClient, desk: Desk, service: App, maija: Person
) -> None:
    journey.log_in(client, maija)
    weak_first = protocol.ask(client, service, acr_values=f"urn:x {WEAK} {STRONG}")
    assert protocol.finish(client, service, weak_first)["acr"] == WEAK
    strong_first = protocol.ask(client, service, acr_values=f"urn:x {STRONG} {WEAK}")
    assert strong_first.location.startswith("/identify?")


def test_the_default_of_the_client_counts_where_a_request_says_nothing(
    app: Flask, client: FlaskClient, desk: Desk, people: People, maija: Person
) -> None:
    service = people.client("vahva", default_acr_values=[STRONG])
    set_options(app, service, registration_assurance="none")
    journey.log_in(client, maija)
    assert protocol.ask(client, service).location.startswith("/identify?")
    assert protocol.finish(client, service, protocol.ask(client, service, acr_values=WEAK))["acr"] == WEAK


def test_nobody_is_asked_silently(client: FlaskClient, desk: Desk, service: App, maija: Person) -> None:
    wish = ask_strongly(client, service, maija, prompt="none")
    assert protocol.finish(client, service, wish)["acr"] == WEAK
    demand = protocol.ask(client, service, claims=essential(STRONG), prompt="none")
    assert protocol.error_of(demand, service) == "login_required"


def test_somebody_else_is_not_the_owner(
    app: Flask, client: FlaskClient, desk: Desk, service: App, maija: Person
) -> None:
    stepped_up(client, service, ask_strongly(client, service, maija))
    other = app.test_client()
    asked = ask_strongly(other, service, maija)
    desk.code, desk.given_names = EERO, "Eero"

    answer = identify(other, asked.location)

    assert (answer.status_code, journey.page_name(answer)) == (403, "error")
    assert protocol.ask(other, service, acr_values=STRONG).location.startswith("/identify?")
    assert "failure" in rows(app, sa.select(AuditEvent.outcome).where(AuditEvent.event == "login.stepped_up"))
    assert rows(app, sa.select(Account.given_name)) == ["Maija"]


def test_a_person_is_the_owner_of_one_account(
    app: Flask, client: FlaskClient, desk: Desk, service: App, maija: Person, people: People
) -> None:
    stepped_up(client, service, ask_strongly(client, service, maija))
    second = people.resident("toinen@example.fi")
    other = app.test_client()

    answer = identify(other, ask_strongly(other, service, second).location)

    assert answer.status_code == 403
    assert rows(app, sa.select(StrongIdentity.account_id)) == [maija.id]


def test_a_ticket_of_one_account_does_not_raise_another(
    app: Flask, client: FlaskClient, desk: Desk, service: App, maija: Person, people: People
) -> None:
    """Between leaving and coming back somebody else has logged in in this browser."""
    asked = ask_strongly(client, service, maija)
    sent = journey.submit(client, asked.location, decision="identify")
    journey.log_in(
        client, people.resident("toinen@example.fi"), path=asked.location.replace("/identify", "/login")
    )

    answer = client.get(f"/upstream/callback?state={state_of(sent)}&code=x")

    assert answer.status_code == 400
    assert rows(app, sa.select(StrongIdentity)) == []


def test_a_ticket_of_a_step_up_makes_no_account(
    client: FlaskClient, desk: Desk, service: App, maija: Person
) -> None:
    stepped_up(client, service, ask_strongly(client, service, maija))
    assert client.get("/create-account").location == "/identify/new"


def test_the_first_identification_gives_the_account_its_registered_names(
    app: Flask, client: FlaskClient, desk: Desk, service: App, people: People
) -> None:
    person = people.resident("nimi@example.fi", given_name="Kaarina", family_name="MEIKÄLÄINEN")
    stepped_up(client, service, ask_strongly(client, service, person))
    account = rows(app, sa.select(Account))[0]
    assert (account.given_name, account.family_name) == ("Kaarina", "Meikäläinen")


def test_a_name_that_has_changed_since_is_taken_over_and_written_down(
    app: Flask, client: FlaskClient, desk: Desk, service: App, maija: Person, moving_clock: MovableClock
) -> None:
    stepped_up(client, service, ask_strongly(client, service, maija))
    moving_clock.move(minutes=5)
    desk.family_name = "Uusinimi"
    other = app.test_client()

    stepped_up(other, service, ask_strongly(other, service, maija))

    account = rows(app, sa.select(Account))[0]
    assert (account.family_name, account.updated_at) == ("Uusinimi", clock.now())
    event = rows(app, sa.select(AuditEvent).where(AuditEvent.event == "account.details_changed"))[0]
    assert (event.reason, event.changes) == ("identified", {"family_name": ["Meikäläinen", "Uusinimi"]})


# -- the personal identity code


@pytest.fixture
def keeping(make_app: AppFactory) -> tuple[FlaskClient, App, Person, Desk]:
    """Where codes are kept for client apps that have a legal basis."""
    app = make_app(upstream={**SETTINGS, "store_identity_code": True})
    people = People(app)
    service, person = people.client(), people.resident("maija@example.fi")
    set_options(app, service, identity_code_basis="Esimerkkilaki 1 §")
    return app.test_client(), service, person, open_desk(app)


def userinfo_after(browser: FlaskClient, service: App, asked: TestResponse) -> dict[str, Any]:
    code = protocol.redirected(asked, service)["code"]
    access_token = journey.redeem(browser, service, code).get_json()["access_token"]
    answer = browser.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {access_token}"})
    return dict(answer.get_json())


def identified(browser: FlaskClient, service: App, person: Person) -> TestResponse:
    asked = ask_strongly(browser, service, person)
    return browser.get(identify(browser, asked.location).location)


def test_it_is_told_to_a_client_app_with_a_legal_basis_and_that_is_written_down(
    keeping: tuple[FlaskClient, App, Person, Desk],
) -> None:
    browser, service, person, desk = keeping
    assert userinfo_after(browser, service, identified(browser, service, person))["hetu"] == desk.code
    told = sa.select(AuditEvent.account_id).where(AuditEvent.event == "identity.code_told")
    assert rows(browser.application, told) == [person.id]


def test_not_after_a_password_alone(keeping: tuple[FlaskClient, App, Person, Desk]) -> None:
    browser, service, person, _ = keeping
    identified(browser, service, person)
    other = browser.application.test_client()
    journey.log_in(other, person)
    assert "hetu" not in userinfo_after(other, service, protocol.ask(other, service))


def test_not_once_the_basis_is_gone_and_to_nobody_else(
    keeping: tuple[FlaskClient, App, Person, Desk],
) -> None:
    browser, service, person, _ = keeping
    other = People(browser.application).client("other")
    identified(browser, service, person)
    assert "hetu" not in userinfo_after(browser, other, protocol.ask(browser, other))
    set_options(browser.application, service)
    assert "hetu" not in userinfo_after(browser, service, protocol.ask(browser, service))


def test_not_once_codes_are_not_kept_any_more(
    make_app: AppFactory, keeping: tuple[FlaskClient, App, Person, Desk], database_url: str
) -> None:
    browser, service, person, _ = keeping
    identified(browser, service, person)
    with make_app(upstream=SETTINGS).app_context():
        client = registry.find(service.client_id)
        assert client is not None
        assert assurance.identity_code_for(client, person.id, STRONG) is None
        assert persons.identity_code_of(person.id) is not None  # until the next hour


def test_a_consent_that_did_not_mention_it_is_asked_anew(
    keeping: tuple[FlaskClient, App, Person, Desk],
) -> None:
    browser, _, person, desk = keeping
    app = browser.application
    other = People(app).client("muu", first_party=False)
    asked = ask_strongly(browser, other, person)
    consent = browser.get(identify(browser, asked.location).location)
    assert "Henkilötunnus" not in browser.get(consent.location).text
    shown = journey.submit(browser, consent.location, decision="allow")
    code = protocol.redirected(browser.get(shown.location), other)["code"]
    token = journey.redeem(browser, other, code).get_json()["access_token"]
    set_options(app, other, identity_code_basis="Esimerkkilaki 1 §", first_party=False)

    told = browser.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"}).get_json()
    assert "hetu" not in told
    again = protocol.ask(browser, other)

    assert protocol.page_of(again) == "/consent"
    assert "Henkilötunnus" in browser.get(again.location).text
    allowed = journey.submit(browser, again.location, decision="allow")
    assert userinfo_after(browser, other, browser.get(allowed.location))["hetu"] == desk.code
    assert protocol.page_of(protocol.ask(browser, other, prompt="consent")) == "/consent"
    assert "code" in protocol.silently(browser, other)


def test_it_is_kept_encrypted(keeping: tuple[FlaskClient, App, Person, Desk]) -> None:
    browser, service, person, desk = keeping
    identified(browser, service, person)
    sealed = rows(browser.application, sa.select(StrongIdentity.sealed_identity_code))[0]
    assert sealed
    assert desk.code not in sealed


def test_discovery_tells_where_it_is_kept(
    app: Flask, client: FlaskClient, keeping: tuple[FlaskClient, App, Person, Desk]
) -> None:
    def found(browser: FlaskClient) -> dict[str, Any]:
        return dict(browser.get("/.well-known/openid-configuration").get_json())

    assert "hetu" in found(keeping[0])["claims_supported"]
    assert "hetu" not in found(client)["claims_supported"]
    assert set(found(client)["acr_values_supported"]) == {WEAK, STRONG}
