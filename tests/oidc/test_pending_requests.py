"""A waiting request belongs to the browser that began it; tabs and people do not mix (ASVS 10.1.2)."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person


@pytest.fixture
def other_browser(app: Flask) -> FlaskClient:
    return app.test_client()


def query_of(begun: TestResponse) -> str:
    """`request=...` of the page that the browser was sent to."""
    return begun.location.partition("?")[2]


def resume(browser: FlaskClient, begun: TestResponse) -> TestResponse:
    return browser.get(f"/oauth2/authorize/resume?{query_of(begun)}")


def assert_leads_to_a_new_start(response: TestResponse) -> None:
    """A page that offers "Jatka palveluun ..." to the e-service's front page."""
    assert response.status_code == 400
    assert "Location" not in response.headers
    link = journey.soup(response).find("a", href="https://asiointi.example.fi/")
    assert link is not None
    assert "Jatka palveluun" in link.get_text()


# -- bound to its browser


@pytest.mark.parametrize("logged_in", [True, False])
def test_in_another_browser_nothing_is_resumed_and_the_page_leads_to_the_e_service(
    client: FlaskClient, other_browser: FlaskClient, service: App, person: Person, logged_in: bool
) -> None:
    begun = steps.ask(client, service)
    if logged_in:
        steps.log_in(other_browser, person)

    assert_leads_to_a_new_start(resume(other_browser, begun))


def test_the_login_page_of_a_request_does_not_open_in_another_browser(
    client: FlaskClient, other_browser: FlaskClient, service: App
) -> None:
    begun = steps.ask(client, service)

    assert client.get(f"/login?{query_of(begun)}").status_code == 200
    assert_leads_to_a_new_start(other_browser.get(f"/login?{query_of(begun)}"))


@pytest.mark.parametrize("page", ["/create-account", "/forgot"])
def test_forms_that_need_no_request_open_in_another_browser_and_resume_nothing(
    client: FlaskClient, other_browser: FlaskClient, service: App, person: Person, page: str
) -> None:
    begun = steps.ask(client, service)
    path = f"{page}?{query_of(begun)}"

    assert client.get(path).status_code == other_browser.get(path).status_code == 200
    steps.log_in(other_browser, person)
    assert_leads_to_a_new_start(resume(other_browser, begun))


def test_the_page_leads_to_initiate_login_uri_where_there_is_one(
    client: FlaskClient, other_browser: FlaskClient, people: People
) -> None:
    service = people.client(initiate_login_uri="https://asiointi.example.fi/login")
    begun = steps.ask(client, service)

    page = journey.soup(resume(other_browser, begun))

    target = "https://asiointi.example.fi/login?iss=http%3A%2F%2Flocalhost%3A8400"
    assert page.find("a", href=target) is not None


def test_a_login_in_one_browser_never_finishes_the_request_of_another(
    client: FlaskClient, other_browser: FlaskClient, service: App, person: Person
) -> None:
    victims = steps.ask(client, service)
    attackers = steps.ask(other_browser, service)

    logged_in = journey.log_in(client, person, victims.location)

    assert "code" in steps.redirected(client.get(logged_in.location), service)
    assert steps.page_of(resume(other_browser, attackers)) == "/login"
    assert_leads_to_a_new_start(resume(client, attackers))


def test_a_posted_request_belongs_to_the_browser_that_follows_it_first(
    app: Flask, client: FlaskClient, other_browser: FlaskClient, service: App
) -> None:
    path, _, query = journey.authorize_url(service).partition("?")
    posted = client.post(path, data=query, content_type="application/x-www-form-urlencoded")

    assert steps.page_of(client.get(posted.location)) == "/login"
    assert_leads_to_a_new_start(other_browser.get(posted.location))


# -- once, and not for ever


def test_an_answered_request_can_not_be_answered_again(
    client: FlaskClient, service: App, person: Person
) -> None:
    begun = steps.ask(client, service)
    steps.log_in(client, person)

    assert "code" in steps.redirected(resume(client, begun), service)
    assert_leads_to_a_new_start(resume(client, begun))


@pytest.mark.parametrize(("minutes", "alive"), [(59, True), (60, False)])
def test_a_request_waits_for_an_hour(
    client: FlaskClient, service: App, moving_clock: MovableClock, minutes: int, alive: bool
) -> None:
    begun = steps.ask(client, service)
    moving_clock.move(minutes=minutes)

    response = resume(client, begun)

    if alive:
        assert steps.page_of(response) == "/login"
    else:
        assert_leads_to_a_new_start(response)


@pytest.mark.parametrize(
    "query", ["", "request=", "request=unknown", "request=" + "x" * 10_000, "request=%00"]
)
def test_an_unknown_request_gets_a_page_that_leads_to_the_login(client: FlaskClient, query: str) -> None:
    response = client.get(f"/oauth2/authorize/resume?{query}")

    assert response.status_code == 400
    assert journey.soup(response).find("a", href="/login") is not None


def test_the_id_of_a_request_has_256_bits_and_is_stored_hashed(
    app: Flask, client: FlaskClient, service: App
) -> None:
    request_id = query_of(steps.ask(client, service)).removeprefix("request=")

    assert len(request_id) == 43
    assert request_id not in steps.everything_stored(app)


# -- tabs


def test_two_tabs_with_two_services_each_end_at_their_own(
    client: FlaskClient, people: People, service: App, person: Person
) -> None:
    second = people.client("toinen", redirect_uris=["https://toinen.example.fi/callback"])
    tab_one = steps.ask(client, service, state="one", nonce="nonce-one")
    tab_two = steps.ask(client, second, state="two", nonce="nonce-two")

    logged_in = journey.log_in(client, person, tab_two.location)
    answer_two = client.get(logged_in.location)
    answer_one = resume(client, tab_one)

    assert steps.redirected(answer_one, service)["state"] == "one"
    assert steps.redirected(answer_two, second)["state"] == "two"
    assert steps.finish(client, service, answer_one)["nonce"] == "nonce-one"
    claims = steps.finish(client, second, answer_two)
    assert (claims["nonce"], claims["aud"]) == ("nonce-two", "toinen")


def test_a_login_in_the_older_tab_does_not_answer_the_newer_one(
    client: FlaskClient, service: App, person: Person
) -> None:
    older = steps.ask(client, service, state="older")
    newer = steps.ask(client, service, state="newer")

    logged_in = journey.log_in(client, person, older.location)

    assert steps.redirected(client.get(logged_in.location), service)["state"] == "older"
    assert steps.redirected(resume(client, newer), service)["state"] == "newer"


# -- who logged in lives only in the browser's session


def test_a_consent_of_the_person_before_is_not_taken_over_by_the_next_one(
    client: FlaskClient, people: People, person: Person
) -> None:
    other = people.resident("pekka@example.fi")
    asking = people.client("toinen", first_party=False)
    steps.log_in(client, person)
    begun = steps.ask(client, asking)
    allowed = journey.submit(client, begun.location, decision="allow")

    journey.submit(client, "/logout")
    steps.log_in(client, other)

    assert steps.page_of(client.get(allowed.location)) == "/consent"


def test_a_session_that_ended_meanwhile_is_asked_to_log_in_again(
    client: FlaskClient, people: People, person: Person
) -> None:
    asking = people.client("toinen", first_party=False)
    steps.log_in(client, person)
    begun = steps.ask(client, asking)
    allowed = journey.submit(client, begun.location, decision="allow")
    journey.submit(client, "/logout")

    assert steps.page_of(client.get(allowed.location)) == "/login"


def test_a_client_that_was_disabled_meanwhile_gets_nothing(
    app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    begun = steps.ask(client, service)
    steps.disable_client(app, service)

    response = resume(client, begun)

    assert (response.status_code, journey.page_name(response)) == (400, "error")
