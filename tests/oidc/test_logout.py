"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): doubtful requests get a page, never a redirect."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.database import db
from idp.grants.models import AuthorizationRequest
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person

LOGGED_OUT = "https://asiointi.example.fi/logged-out"


@pytest.fixture
def tokens(client: FlaskClient, person: Person, service: App) -> dict[str, Any]:
    return journey.tokens_for(client, service, person)


@pytest.fixture
def hint(tokens: dict[str, Any]) -> str:
    """The ID token of the session in the browser `client`."""
    return str(tokens["id_token"])


def log_out(browser: FlaskClient, method: str = "GET", **parameters: str | None) -> TestResponse:
    """Send a logout request; with POST the answer is that of the GET it leads to."""
    values = {name: value for name, value in parameters.items() if value is not None}
    if method == "GET":
        return browser.get(f"/oauth2/logout?{urlencode(values)}")
    response = browser.post("/oauth2/logout", data=values)
    return browser.get(response.location) if response.status_code == 303 else response


def is_logged_in(browser: FlaskClient) -> bool:
    return browser.get("/account").status_code == 200


def assert_refused(response: TestResponse) -> None:
    """A page that says so and offers to log out; no redirect."""
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert journey.page_name(response) == "error"
    assert journey.soup(response).find("a", href="/logout") is not None


def assert_asks(response: TestResponse) -> str:
    """The confirmation page; its address."""
    assert response.status_code == 303
    assert response.location.startswith("/oauth2/logout/confirm")
    return response.location


def test_what_names_no_client_is_not_kept(app: Flask, client: FlaskClient) -> None:
    answer = client.post("/oauth2/logout", data={"state": "x" * 50_000, "logout_hint": "maija"})

    assert answer.location == "/oauth2/logout"
    with app.app_context():
        assert db.session.scalars(sa.select(AuthorizationRequest)).all() == []


def test_what_no_client_needs_is_not_kept_either(client: FlaskClient, service: App) -> None:
    assert_refused(client.post("/oauth2/logout", data={"client_id": service.client_id, "state": "x" * 5000}))


# -- with an ID token of the session


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_with_the_hint_of_this_session_it_ends_at_once_and_the_service_gets_its_state(
    client: FlaskClient, hint: str, method: str
) -> None:
    state = "ä &=+%2F?"

    answer = log_out(client, method, id_token_hint=hint, post_logout_redirect_uri=LOGGED_OUT, state=state)

    assert answer.status_code == 303
    assert answer.location.partition("?")[0] == LOGGED_OUT
    assert parse_qs(urlsplit(answer.location).query) == {"state": [state]}
    assert not is_logged_in(client)


def test_without_state_the_address_is_exactly_the_registered_one(client: FlaskClient, hint: str) -> None:
    answer = log_out(client, id_token_hint=hint, post_logout_redirect_uri=LOGGED_OUT)

    assert answer.location == LOGGED_OUT


def test_the_query_of_a_registered_address_is_kept_to_the_letter(
    client: FlaskClient, people: People, person: Person
) -> None:
    registered = "https://asiointi.example.fi/out?a=b%20c&flag"
    service = people.client(post_logout_redirect_uris=[registered])
    hint = journey.tokens_for(client, service, person)["id_token"]

    answer = log_out(client, id_token_hint=hint, post_logout_redirect_uri=registered, state="s")

    assert answer.location == f"{registered}&state=s"


def test_the_session_really_ends_also_for_who_kept_its_cookie(
    app: Flask, client: FlaskClient, service: App, hint: str
) -> None:
    cookie = client.get_cookie("tunnus_session")
    assert cookie is not None

    answer = log_out(client, id_token_hint=hint)

    assert "tunnus_session=; " in answer.headers["Set-Cookie"]
    thief = app.test_client()
    thief.set_cookie("tunnus_session", cookie.value)
    assert not is_logged_in(thief)
    assert steps.silently(thief, service)["error"] == "login_required"


def test_a_remembered_login_ends_too(client: FlaskClient, service: App, person: Person) -> None:
    journey.log_in(client, person, remember="y")
    hint = journey.tokens_for(client, service, person)["id_token"]

    log_out(client, id_token_hint=hint)

    assert steps.silently(client, service)["error"] == "login_required"


def test_an_expired_hint_counts(
    client: FlaskClient, person: Person, service: App, moving_clock: MovableClock
) -> None:
    hint = journey.tokens_for(client, service, person)["id_token"]
    moving_clock.move(minutes=25)

    answer = log_out(client, id_token_hint=hint, post_logout_redirect_uri=LOGGED_OUT)

    assert answer.location == LOGGED_OUT
    assert not is_logged_in(client)


def test_without_an_address_a_page_of_ours_leads_back_to_the_service(client: FlaskClient, hint: str) -> None:
    answer = log_out(client, id_token_hint=hint)

    assert (answer.status_code, journey.page_name(answer)) == (200, "logged-out")
    assert journey.soup(answer).find("a", href="https://asiointi.example.fi/") is not None
    assert not is_logged_in(client)


def test_a_hint_from_before_the_person_logged_in_again_counts(
    client: FlaskClient, service: App, person: Person, hint: str
) -> None:
    again = steps.ask(client, service, prompt="login")
    client.get(journey.log_in(client, person, again.location).location)

    assert log_out(client, id_token_hint=hint, post_logout_redirect_uri=LOGGED_OUT).location == LOGGED_OUT


# -- what the session gave


def test_its_tokens_are_revoked_but_offline_access_survives(
    client: FlaskClient, service: App, person: Person, tokens: dict[str, Any]
) -> None:
    offline = journey.tokens_for(client, service, person, scope="openid offline_access")
    elsewhere = journey.tokens_for(client.application.test_client(), service, person)

    log_out(client, id_token_hint=tokens["id_token"])

    for kept, status in ((tokens, 401), (offline, 200), (elsewhere, 200)):
        userinfo = client.get("/oauth2/userinfo", headers=steps.bearer(kept["access_token"]))
        assert userinfo.status_code == status
    assert journey.refresh(client, service, offline["refresh_token"]).status_code == 200


def test_other_browsers_stay_logged_in(app: Flask, client: FlaskClient, person: Person, hint: str) -> None:
    other = app.test_client()
    steps.log_in(other, person)

    log_out(client, id_token_hint=hint)

    assert is_logged_in(other)


# -- refused: a page, the session goes on

SOMETHING_WRONG: dict[str, dict[str, str]] = {
    "an address that is not registered": {"post_logout_redirect_uri": "https://evil.example/"},
    "a longer address": {"post_logout_redirect_uri": LOGGED_OUT + "/x"},
    "an address with a query": {"post_logout_redirect_uri": LOGGED_OUT + "?x=1"},
    "a redirect URI of the login": {"post_logout_redirect_uri": "https://asiointi.example.fi/callback"},
    "another client": {"client_id": "toinen"},
    "an unknown client": {"client_id": "unknown"},
    "no JWT": {"id_token_hint": "x"},
    "an unsigned hint": {"id_token_hint": "eyJhbGciOiJub25lIn0.e30."},
    "a hint that somebody else signed": {"id_token_hint": steps.foreign_id_token(sub="x", sid="x")},
}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_doubtful_request_gets_a_page_and_ends_nothing(
    client: FlaskClient, people: People, hint: str, method: str, subtests: pytest.Subtests
) -> None:
    people.client("toinen")
    good = {"id_token_hint": hint, "post_logout_redirect_uri": LOGGED_OUT, "state": "s"}
    for name, fault in SOMETHING_WRONG.items():
        with subtests.test(name):
            assert_refused(log_out(client, method, **good | fault))
            assert is_logged_in(client)


def test_an_access_token_is_no_hint(client: FlaskClient, tokens: dict[str, Any]) -> None:
    assert_refused(log_out(client, id_token_hint=tokens["access_token"]))
    assert is_logged_in(client)


def test_a_parameter_given_twice_is_refused(client: FlaskClient, hint: str) -> None:
    assert_refused(client.get(f"/oauth2/logout?id_token_hint={hint}&state=a&state=b"))
    assert_refused(client.post("/oauth2/logout", data={"id_token_hint": hint, "state": ["a", "b"]}))
    assert is_logged_in(client)


def test_the_page_of_a_known_service_names_it(client: FlaskClient, hint: str) -> None:
    answer = log_out(client, id_token_hint=hint, post_logout_redirect_uri="https://evil.example/")

    assert "Asiointipalvelu" in journey.soup(answer).get_text()


def test_a_disabled_clients_address_is_not_gone_to(
    app: Flask, client: FlaskClient, service: App, hint: str
) -> None:
    steps.disable_client(app, service)

    assert_refused(log_out(client, id_token_hint=hint, post_logout_redirect_uri=LOGGED_OUT))


# -- asked first


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("parameters", [{}, {"client_id": "asiointi"}, {"logout_hint": "maija@example.fi"}])
def test_without_a_hint_a_page_asks_first(
    client: FlaskClient, hint: str, method: str, parameters: dict[str, str]
) -> None:
    page = client.get(assert_asks(log_out(client, method, **parameters)))

    assert (page.status_code, journey.page_name(page)) == (200, "log-out")
    assert is_logged_in(client)


def test_the_confirmation_is_a_form_that_others_can_not_send(client: FlaskClient, hint: str) -> None:
    address = assert_asks(log_out(client, client_id="asiointi"))

    for form in ({}, {"csrf_token": "x"}):
        forged = client.post(address, data=form)
        assert (forged.status_code, journey.page_name(forged)) == (422, "log-out")
    assert is_logged_in(client)

    assert journey.submit(client, address).status_code in {200, 303}
    assert not is_logged_in(client)


def test_after_a_confirmation_without_hint_nobody_is_sent_to_the_asked_address(
    client: FlaskClient, hint: str
) -> None:
    address = assert_asks(log_out(client, client_id="asiointi", post_logout_redirect_uri=LOGGED_OUT))

    answer = journey.submit(client, address)

    assert "Location" not in answer.headers
    assert journey.page_name(answer) == "logged-out"


def test_the_hint_of_another_person_asks_first_and_then_leads_back(
    client: FlaskClient, people: People, service: App, hint: str
) -> None:
    other = people.resident("pekka@example.fi")
    browser = client.application.test_client()
    steps.log_in(browser, other)

    address = assert_asks(
        log_out(browser, id_token_hint=hint, post_logout_redirect_uri=LOGGED_OUT, state="s")
    )
    assert is_logged_in(browser)
    page = browser.get(address)
    assert "https://asiointi.example.fi" in page.headers["Content-Security-Policy"]

    assert journey.submit(browser, address).location == f"{LOGGED_OUT}?state=s"
    assert not is_logged_in(browser)


def test_the_confirmation_judges_the_request_anew(client: FlaskClient, hint: str) -> None:
    query = urlencode({"id_token_hint": hint, "post_logout_redirect_uri": "https://evil.example/"})

    assert_refused(client.get(f"/oauth2/logout/confirm?{query}"))


# -- no session


def test_without_a_session_a_good_request_still_leads_back(
    app: Flask, client: FlaskClient, hint: str
) -> None:
    stranger = app.test_client()

    answer = log_out(stranger, id_token_hint=hint, post_logout_redirect_uri=LOGGED_OUT, state="s")

    assert answer.location == f"{LOGGED_OUT}?state=s"
    assert is_logged_in(client)


def test_without_a_session_and_without_a_hint_a_page_of_ours_says_so(client: FlaskClient) -> None:
    answer = log_out(client)

    assert (answer.status_code, answer.location) == (303, "/logged-out")


def test_logging_out_twice_is_no_error(client: FlaskClient, hint: str) -> None:
    for _ in range(2):
        answer = log_out(client, id_token_hint=hint, post_logout_redirect_uri=LOGGED_OUT)
        assert answer.location == LOGGED_OUT


# -- a POST from another site


def test_a_cross_site_post_is_answered_by_a_get_where_the_session_is_read(
    app: Flask, client: FlaskClient, hint: str
) -> None:
    without_cookies = app.test_client(use_cookies=False)  # SameSite=Lax keeps them back
    form = {"id_token_hint": hint, "post_logout_redirect_uri": LOGGED_OUT}

    posted = without_cookies.post("/oauth2/logout", data=form)

    assert posted.status_code == 303
    assert posted.location.startswith("/oauth2/logout?")
    assert is_logged_in(client)
    assert client.get(posted.location).location == LOGGED_OUT
    assert not is_logged_in(client)


def id_in(response: TestResponse) -> str:
    """The id that stands for the request, and is all that the address holds."""
    (found,) = parse_qs(urlsplit(response.location).query, strict_parsing=True).items()
    assert found[0] == "request"
    assert len(found[1][0]) == 43
    return found[1][0]


def test_no_id_token_is_in_an_address_that_we_make(
    client: FlaskClient, people: People, person: Person, hint: str
) -> None:
    browser = client.application.test_client()
    steps.log_in(browser, people.resident("pekka@example.fi"))
    form = {"id_token_hint": hint, "state": "x" * 4_000, "unknown": "y" * 20_000}

    posted = browser.post("/oauth2/logout", data=form)
    asked = browser.get(posted.location)
    asked_at_once = browser.get("/oauth2/logout", query_string={"id_token_hint": hint})

    assert id_in(posted) == id_in(asked)
    assert asked.location.startswith("/oauth2/logout/confirm?")
    assert asked_at_once.location.startswith("/oauth2/logout/confirm?")
    assert id_in(asked_at_once) != id_in(asked)


def test_an_id_is_over_after_a_while_and_opens_nothing_else(
    client: FlaskClient, hint: str, service: App, moving_clock: MovableClock
) -> None:
    posted = client.post("/oauth2/logout", data={"id_token_hint": hint})
    begun = steps.ask(client.application.test_client(), service).location
    pending = parse_qs(urlsplit(begun).query)["request"][0]

    assert journey.page_name(client.get(f"/oauth2/authorize/resume?request={id_in(posted)}")) == "error"
    for wrong in (pending, "", "x", "\0", "x" * 5_000):
        assert_refused(client.get("/oauth2/logout", query_string={"request": wrong}))
    moving_clock.move(hours=2)
    assert_refused(client.get(posted.location))


def test_a_request_that_is_sent_on_is_judged_anew(
    app: Flask, client: FlaskClient, service: App, hint: str
) -> None:
    form = {"id_token_hint": hint, "post_logout_redirect_uri": LOGGED_OUT}
    posted = client.post("/oauth2/logout", data=form)
    steps.change_client(app, service, post_logout_redirect_uris=["https://asiointi.example.fi/other"])

    assert_refused(client.get(posted.location))
    assert is_logged_in(client)


def test_what_no_database_takes_is_refused(client: FlaskClient, hint: str) -> None:
    for method in ("GET", "POST"):
        assert_refused(log_out(client, method, client_id="asiointi", state="\0"))


def test_the_pages_speak_the_language_that_the_service_asked_for(client: FlaskClient, hint: str) -> None:
    answer = log_out(client, id_token_hint=hint, ui_locales="sv")

    assert journey.soup(answer).html["lang"] == "sv"  # type: ignore[index]
