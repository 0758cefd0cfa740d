"""Every response type and mode (OpenID Connect Core 3.2, 3.3; Multiple Response Types; Form Post Response Mode)."""

import base64
import hashlib
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.clients.metadata import RESPONSE_TYPES
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person

FRONT_CHANNEL = [response_type for response_type in RESPONSE_TYPES if response_type != "code"]
WITH_ID_TOKEN = [response_type for response_type in RESPONSE_TYPES if "id_token" in response_type]
ALL = pytest.mark.parametrize("response_type", RESPONSE_TYPES)
MEMBERS = {
    "code": {"code"},
    "id_token": {"id_token"},
    "token": {"access_token", "token_type", "expires_in", "scope"},
}


@pytest.fixture
def service(people: People) -> App:
    """A legacy e-service that takes tokens by the browser."""
    return people.client(
        grant_types=["authorization_code", "implicit", "refresh_token"], response_types=list(RESPONSE_TYPES)
    )


def left_half(value: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(value.encode()).digest()[:16]).rstrip(b"=").decode()


def place_of(response_type: str) -> str:
    return "?" if response_type == "code" else "#"


def answer_to(browser: FlaskClient, service: App, response_type: str, **parameters: Any) -> dict[str, str]:
    response = steps.ask(browser, service, response_type=response_type, **parameters)
    return steps.redirected(response, service, place_of(response_type))


# -- what each type gives


@ALL
def test_each_type_gives_what_it_names_and_nothing_else(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    answer = answer_to(client, service, response_type)

    wanted = set().union(*(MEMBERS[each] for each in response_type.split()))
    assert set(answer) == wanted | {"state", "iss", "session_state"}
    assert (answer["state"], answer["iss"]) == ("state-1", steps.ISSUER)


@pytest.mark.parametrize("response_type", ["id_token code", "token id_token code", "token code"])
def test_the_order_of_the_words_means_nothing(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    assert "code" in answer_to(client, service, response_type)


@pytest.mark.parametrize("response_type", WITH_ID_TOKEN)
def test_the_id_token_of_the_browser_is_bound_to_all_that_comes_with_it(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    answer = answer_to(client, service, response_type)

    claims = journey.claims_of(answer["id_token"])
    assert (claims["sub"], claims["aud"], claims["nonce"]) == (person.id, service.client_id, "nonce-1")
    assert claims.get("c_hash") == (left_half(answer["code"]) if "code" in answer else None)
    assert claims.get("at_hash") == (left_half(answer["access_token"]) if "access_token" in answer else None)


def test_claims_of_scopes_stand_in_an_id_token_that_comes_alone(
    client: FlaskClient, service: App, person: Person
) -> None:
    """Core 5.4: without an access token there is no userinfo to ask."""
    steps.log_in(client, person)

    alone, together = (
        journey.claims_of(answer_to(client, service, each)["id_token"])
        for each in ("id_token", "id_token token")
    )

    assert (alone["email"], alone["given_name"]) == ("maija@example.fi", "Maija")
    assert not {"email", "given_name"} & together.keys()


@pytest.mark.parametrize("response_type", [each for each in FRONT_CHANNEL if " token" in each])
def test_the_access_token_of_the_browser_opens_userinfo(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    answer = answer_to(client, service, response_type)

    assert answer["token_type"] == "Bearer"
    assert steps.userinfo(client, answer)["email"] == "maija@example.fi"


@pytest.mark.parametrize("response_type", [each for each in RESPONSE_TYPES if "code" in each])
def test_the_code_of_every_type_gives_tokens_of_the_same_login(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)
    answer = answer_to(client, service, response_type, scope="openid offline_access")

    tokens = journey.redeem(client, service, answer["code"]).get_json()

    later = journey.claims_of(tokens["id_token"])
    assert "refresh_token" in tokens
    assert later["nonce"] == "nonce-1"
    if "id_token" in answer:
        sooner = journey.claims_of(answer["id_token"])
        assert [sooner[name] for name in ("sub", "iss", "auth_time", "sid")] == [
            later[name] for name in ("sub", "iss", "auth_time", "sid")
        ]


def test_a_code_used_twice_revokes_the_token_that_came_with_it(
    client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)
    answer = answer_to(client, service, "code id_token token")
    journey.redeem(client, service, answer["code"])

    assert journey.redeem(client, service, answer["code"]).get_json()["error"] == "invalid_grant"

    refused = client.get("/oauth2/userinfo", headers=steps.bearer(answer["access_token"]))
    assert refused.status_code == 401


def test_logging_out_revokes_the_token_that_came_by_the_browser(
    client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)
    answer = answer_to(client, service, "id_token token")

    journey.submit(client, "/logout")

    refused = client.get("/oauth2/userinfo", headers=steps.bearer(answer["access_token"]))
    assert refused.status_code == 401


def test_no_refresh_token_comes_by_the_browser(client: FlaskClient, service: App, person: Person) -> None:
    steps.log_in(client, person)

    assert "refresh_token" not in answer_to(client, service, "id_token token", scope="openid offline_access")


# -- what each type asks for


@pytest.mark.parametrize("response_type", WITH_ID_TOKEN)
def test_an_id_token_by_the_browser_needs_a_nonce(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    assert answer_to(client, service, response_type, nonce=None)["error"] == "invalid_request"


@pytest.mark.parametrize("response_type", ["code", "code token"])
def test_without_an_id_token_by_the_browser_a_nonce_may_be_absent(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    answer = answer_to(client, service, response_type, nonce=None)

    tokens = journey.redeem(client, service, answer["code"]).get_json()
    assert "nonce" not in journey.claims_of(tokens["id_token"])


@pytest.mark.parametrize("response_type", WITH_ID_TOKEN)
def test_an_id_token_needs_the_scope_openid(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    assert answer_to(client, service, response_type, scope="profile")["error"] == "invalid_scope"


@pytest.mark.parametrize("response_type", [each for each in RESPONSE_TYPES if "code" in each])
def test_every_code_needs_a_code_challenge(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    answer = answer_to(client, service, response_type, code_challenge=None, code_challenge_method=None)

    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize("response_type", FRONT_CHANNEL)
def test_a_client_has_only_the_types_that_it_registered(
    client: FlaskClient, people: People, person: Person, response_type: str
) -> None:
    usual = people.client()
    steps.log_in(client, person)

    assert answer_to(client, usual, response_type)["error"] == "unauthorized_client"


@pytest.mark.parametrize("response_type", ["token", "none", "code code", "id_token id_token", "x"])
def test_other_types_do_not_exist(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)
    place = "#" if "token" in response_type else "?"

    response = steps.ask(client, service, response_type=response_type)

    assert steps.redirected(response, service, place)["error"] == "unsupported_response_type"


def test_a_silent_error_of_the_front_channel_is_in_the_fragment_too(
    client: FlaskClient, service: App
) -> None:
    assert answer_to(client, service, "id_token", prompt="none")["error"] == "login_required"


def test_after_a_login_the_front_channel_is_answered_as_asked(
    client: FlaskClient, service: App, person: Person
) -> None:
    start = client.get(journey.authorize_url(service, response_type="code id_token"))
    end = journey.follow_to_client(client, journey.log_in(client, person, start.location))

    assert {"code", "id_token"} <= set(steps.redirected(end, service, "#"))


def test_a_stored_front_channel_grant_lives_by_its_own_clock(
    moving_clock: MovableClock, app: Flask, client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)
    answer = answer_to(client, service, "id_token token")

    moving_clock.move(seconds=600)

    refused = client.get("/oauth2/userinfo", headers=steps.bearer(answer["access_token"]))
    assert refused.status_code == 401


# -- response modes


@pytest.mark.parametrize("response_type", FRONT_CHANNEL)
def test_tokens_never_travel_in_a_query(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    answer = answer_to(client, service, response_type, response_mode="query")

    assert answer["error"] == "invalid_request"


@ALL
def test_a_fragment_may_carry_everything(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    response = steps.ask(client, service, response_type=response_type, response_mode="fragment")

    assert set(response_type.split()) & {"code", "id_token"} <= set(steps.redirected(response, service, "#"))


@ALL
def test_a_form_may_carry_everything(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    response = steps.ask(client, service, response_type=response_type, response_mode="form_post")

    answer = steps.posted(response, service)
    assert set(response_type.split()) & {"code", "id_token"} <= set(answer)
    assert (answer["state"], answer["iss"]) == ("state-1", steps.ISSUER)


@ALL
def test_an_error_is_posted_too(
    client: FlaskClient, service: App, person: Person, response_type: str
) -> None:
    steps.log_in(client, person)

    response = steps.ask(
        client, service, response_type=response_type, response_mode="form_post", scope="invoices"
    )

    answer = steps.posted(response, service)
    assert set(answer) == {"error", "error_description", "state", "iss"}
    assert answer["error"] == "invalid_scope"


def test_the_page_of_a_form_is_kept_by_nobody_and_may_post_only_to_the_client(
    client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)

    response = steps.ask(client, service, response_mode="form_post")

    assert response.headers["Cache-Control"] == "no-store"
    assert "form-action 'self' https://asiointi.example.fi" in response.headers["Content-Security-Policy"]
    assert journey.soup(response).select_one("#form-post button") is not None  # without scripts


def test_a_state_that_looks_like_markup_stays_text(client: FlaskClient, service: App, person: Person) -> None:
    state = "\"><script>alert('x')</script>&amp;ä"
    steps.log_in(client, person)

    response = steps.ask(client, service, response_mode="form_post", state=state)

    assert steps.posted(response, service)["state"] == state
    assert "<script>alert" not in response.text


def test_a_form_is_not_posted_to_the_scheme_of_an_app(
    client: FlaskClient, people: People, person: Person
) -> None:
    app = people.client(redirect_uris=["fi.example.asiointi:/callback"], application_type="native")
    steps.log_in(client, person)

    response = steps.ask(client, app, response_mode="form_post")

    assert steps.redirected(response, app)["error"] == "invalid_request"


@pytest.mark.parametrize("mode", ["", "QUERY", "jwt", "web_message", "form_post fragment"])
def test_other_modes_do_not_exist(client: FlaskClient, service: App, person: Person, mode: str) -> None:
    steps.log_in(client, person)

    answer = steps.redirected(steps.ask(client, service, response_mode=mode), service)

    assert ("code" in answer) == (not mode)  # an empty value counts as none
    assert answer.get("error") == (None if not mode else "invalid_request")
