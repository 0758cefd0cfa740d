"""Questions between login and code: may the e-service have this, and as whom does the person go on."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.pages.steps import link_to, text
from tests.support import journey
from tests.support.people import App, People, Person


@pytest.fixture
def person(people: People) -> Person:
    return people.resident()


@pytest.fixture
def service(people: People) -> App:
    """Not the municipality's own: people are asked."""
    return people.client(
        first_party=False,
        policy_uri="https://asiointi.example.fi/tietosuoja",
        **{"policy_uri#sv": "https://asiointi.example.fi/dataskydd"},
    )


def asked(browser: FlaskClient, service: App, person: Person, **parameters: str | None) -> TestResponse:
    """The page that comes after the login."""
    response = browser.get(journey.authorize_url(service, **parameters))
    if response.location.startswith("/login"):
        response = journey.log_in(browser, person, response.location)
    return journey.follow_to_client(browser, response)


def decide(browser: FlaskClient, page: TestResponse, decision: str) -> TestResponse:
    path = page.request.full_path
    return journey.follow_to_client(browser, journey.submit(browser, path, decision=decision))


# -- consent


def test_the_page_tells_who_asks_for_what_and_for_how_long(
    client: FlaskClient, service: App, person: Person
) -> None:
    page = asked(
        client, service, person, scope="openid profile email phone address offline_access", prompt="consent"
    )

    assert journey.page_name(page) == "consent"
    shown = text(page)
    assert "Tunniste" in shown
    for words in (
        "Palvelu Asiointipalvelu pyytää lupaa",
        "Sähköpostiosoite",
        "Puhelinnumero",
        "Osoitetiedot",
    ):
        assert words in shown
    assert "90 päivää" in shown
    assert link_to(page, "Palvelun tietosuojaseloste") == "https://asiointi.example.fi/tietosuoja"


def test_only_what_is_asked_for_is_named(client: FlaskClient, service: App, person: Person) -> None:
    shown = text(asked(client, service, person, scope="openid email"))

    assert "Sähköposti" in shown
    assert "Puhelinnumero" not in shown
    assert "Osoitetiedot" not in shown


def test_allowing_leads_on_with_a_code_and_is_remembered(
    client: FlaskClient, service: App, person: Person
) -> None:
    page = asked(client, service, person)

    assert "code" in journey.answer_of(decide(client, page, "allow"))
    assert "code" in journey.answer_of(client.get(journey.authorize_url(service)))
    assert "code" in journey.answer_of(client.get(journey.authorize_url(service, scope="openid")))


def test_more_is_asked_for_again(client: FlaskClient, service: App, person: Person) -> None:
    decide(client, asked(client, service, person, scope="openid email"), "allow")

    again = asked(client, service, person, scope="openid email phone")

    assert journey.page_name(again) == "consent"


# -- APIs at which the client will act for the person


@pytest.fixture
def invoices(people: People) -> str:
    """The address of an API."""
    address = "https://laskut.example.fi/api"
    names = {"client_name": "Laskut", "client_name#sv": "Fakturor"}
    people.client("laskut", resource_server=True, resource_uris=[address], **names)
    return address


@pytest.fixture
def partner(people: People, invoices: str) -> App:
    """Not the municipality's own, and allowed to call the API."""
    return people.client("kumppani", first_party=False, allowed_resources=[invoices])


def test_the_page_names_the_apis_in_the_persons_language(
    client: FlaskClient, partner: App, invoices: str, person: Person
) -> None:
    page = asked(client, partner, person, resource=invoices)
    assert "toimia puolestasi näissä palveluissa: Laskut" in text(page)

    in_swedish = client.get(f"{page.request.full_path}&lang=sv")
    assert "agera för din räkning i de här tjänsterna: Fakturor" in text(in_swedish)


@pytest.mark.parametrize("resource", [None, "http://localhost:8400"])
def test_without_an_api_no_such_thing_is_said(
    client: FlaskClient, partner: App, person: Person, resource: str | None
) -> None:
    assert "puolestasi" not in text(asked(client, partner, person, resource=resource))


def test_another_api_is_asked_for_again_and_then_remembered(
    client: FlaskClient, partner: App, invoices: str, person: Person
) -> None:
    decide(client, asked(client, partner, person), "allow")

    again = asked(client, partner, person, resource=invoices)
    assert journey.page_name(again) == "consent"
    decide(client, again, "allow")

    assert "code" in journey.answer_of(client.get(journey.authorize_url(partner, resource=invoices)))
    assert "code" in journey.answer_of(client.get(journey.authorize_url(partner)))


def test_own_details_tell_at_which_apis_a_service_may_act(
    client: FlaskClient, partner: App, invoices: str, person: Person
) -> None:
    decide(client, asked(client, partner, person, resource=invoices), "allow")

    assert "Saa toimia puolestasi palveluissa: Laskut" in text(client.get("/account/services"))
    assert client.get("/account/data.json").get_json()["services"][0]["resource"] == invoices


@pytest.mark.parametrize("decision", ["deny", "", "nonsense"])
def test_anything_but_allowing_is_a_refusal_that_is_not_remembered(
    client: FlaskClient, service: App, person: Person, decision: str
) -> None:
    page = asked(client, service, person)

    answer = journey.answer_of(decide(client, page, decision))

    assert (answer["error"], answer["state"]) == ("access_denied", "state-1")
    assert journey.page_name(asked(client, service, person)) == "consent"


def test_looking_at_the_page_allows_nothing(client: FlaskClient, service: App, person: Person) -> None:
    page = asked(client, service, person)
    client.get(f"{page.request.full_path}&decision=allow")

    assert client.get(journey.authorize_url(service)).location.startswith("/consent")
    assert journey.page_name(asked(client, service, person)) == "consent"


def test_the_municipalitys_own_e_services_do_not_ask(
    client: FlaskClient, people: People, person: Person
) -> None:
    own = people.client("oma")

    assert "code" in journey.answer_of(asked(client, own, person))


def test_a_consent_is_the_persons_own(
    client: FlaskClient, people: People, service: App, person: Person
) -> None:
    decide(client, asked(client, service, person), "allow")
    other, browser = people.resident("liisa@example.fi"), people.app.test_client()

    assert journey.page_name(asked(browser, service, other)) == "consent"


def test_the_page_speaks_the_language_that_the_e_service_wishes(
    client: FlaskClient, service: App, person: Person
) -> None:
    page = asked(client, service, person, ui_locales="sv")

    assert "Tjänsten E-tjänsten ber om tillstånd" in text(page)
    assert link_to(page, "Tjänstens dataskyddsbeskrivning") == "https://asiointi.example.fi/dataskydd"


def test_in_another_browser_there_is_nothing_to_allow(
    client: FlaskClient, people: People, service: App, person: Person
) -> None:
    path = asked(client, service, person).request.full_path
    other = people.app.test_client()
    journey.log_in(other, people.resident("liisa@example.fi"))

    page = other.get(path)

    assert page.status_code == 400
    assert "decision" not in page.text


@pytest.mark.parametrize("path", ["/consent", "/select-account"])
def test_without_a_request_the_pages_lead_to_own_details(
    client: FlaskClient, person: Person, path: str
) -> None:
    journey.log_in(client, person)

    assert client.get(path).location == "/account"


@pytest.mark.parametrize("path", ["/consent", "/select-account"])
def test_without_a_login_they_lead_to_it(client: FlaskClient, service: App, path: str) -> None:
    errand = client.get(journey.authorize_url(service)).location.partition("?")[2]

    assert client.get(f"{path}?{errand}").location == f"/login?{errand}"


# -- which account


def test_one_may_go_on_as_oneself(client: FlaskClient, people: People, person: Person) -> None:
    own = people.client("oma")
    journey.log_in(client, person)

    page = asked(client, own, person, prompt="select_account")

    assert journey.page_name(page) == "select-account"
    assert "Maija Meikäläinen" in text(page)
    answer = decide(client, page, "continue")
    claims = journey.redeem(client, own, journey.answer_of(answer)["code"]).get_json()["id_token"]
    assert journey.claims_of(claims)["sub"] == person.id


def test_or_as_somebody_else(client: FlaskClient, people: People, person: Person) -> None:
    own, other = people.client("oma"), people.resident("liisa@example.fi")
    journey.log_in(client, person)
    page = asked(client, own, person, prompt="select_account")

    login = decide(client, page, "other")

    assert journey.page_name(login) == "login"
    answer = journey.follow_to_client(client, journey.log_in(client, other, login.request.full_path))
    token = journey.redeem(client, own, journey.answer_of(answer)["code"]).get_json()["id_token"]
    assert journey.claims_of(token)["sub"] == other.id
