"""Pushed authorization requests (RFC 9126)."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from idp.database import db
from idp.grants.models import PushedRequest
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.oidc.test_request_objects import EC, signed
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person

PAR = "/oauth2/par"


def parameters(service: App, **changed: str | None) -> dict[str, str]:
    usual: dict[str, str | None] = {
        "response_type": "code",
        "redirect_uri": service.redirect_uri,
        "scope": "openid email",
        "state": "pushed",
        "nonce": "nonce-1",
        "code_challenge": journey.CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (usual | changed).items() if value is not None}


def push(browser: FlaskClient, service: App, **changed: str | None) -> TestResponse:
    """By client_secret_basic, or as a public client."""
    if service.secret is None:
        return browser.post(PAR, data={"client_id": service.client_id} | parameters(service, **changed))
    return browser.post(PAR, data=parameters(service, **changed), auth=service.basic)


def pushed(browser: FlaskClient, service: App, **changed: str | None) -> str:
    response = push(browser, service, **changed)
    assert response.status_code == 201, response.text
    uri: str = response.get_json()["request_uri"]
    return uri


def open_(browser: FlaskClient, service: App, request_uri: str, **beside: str) -> TestResponse:
    query = {"client_id": service.client_id, "request_uri": request_uri, **beside}
    return browser.get("/oauth2/authorize", query_string=query)


def assert_over(response: TestResponse) -> None:
    assert (response.status_code, journey.page_name(response)) == (400, "error")


# -- pushing


def test_a_pushed_request_gets_an_address_for_a_short_while(client: FlaskClient, service: App) -> None:
    response = push(client, service)

    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    answer = response.get_json()
    assert set(answer) == {"request_uri", "expires_in"}
    assert answer["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert len(answer["request_uri"].rpartition(":")[2]) >= 43
    assert answer["expires_in"] == 90


def test_addresses_differ_and_are_stored_hashed(app: Flask, client: FlaskClient, service: App) -> None:
    uris = {pushed(client, service) for _ in range(5)}

    assert len(uris) == 5
    assert not [uri for uri in uris if uri.rpartition(":")[2] in steps.everything_stored(app)]


@pytest.mark.parametrize("method", ["client_secret_post", "none"])
def test_clients_push_by_their_own_way_of_authentication(
    client: FlaskClient, people: People, person: Person, method: str
) -> None:
    service = people.client(token_endpoint_auth_method=method)
    steps.log_in(client, person)
    more = {"client_id": service.client_id, **({"client_secret": service.secret} if service.secret else {})}

    response = client.post(PAR, data=parameters(service) | more)

    assert response.status_code == 201, response.text
    uri = response.get_json()["request_uri"]
    assert "code" in steps.redirected(open_(client, service, uri), service)


@pytest.mark.parametrize("audience", [steps.ISSUER, f"{steps.ISSUER}/oauth2/token", f"{steps.ISSUER}{PAR}"])
def test_an_assertion_for_the_issuer_or_either_endpoint_is_good(
    client: FlaskClient, people: People, audience: str
) -> None:
    """RFC 9126 section 2: issuer, token endpoint and this endpoint."""
    key = ECKey.generate_key("P-256")
    service = people.client(token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(key))

    response = client.post(
        PAR, data=parameters(service) | steps.assertion(key, service.client_id, aud=audience)
    )

    assert response.status_code == 201, response.text


def test_no_secret_of_the_client_is_kept_with_the_request(
    app: Flask, client: FlaskClient, people: People
) -> None:
    service = people.client(token_endpoint_auth_method="client_secret_post")
    form = parameters(service) | {"client_id": service.client_id, "client_secret": service.secret}

    assert client.post(PAR, data=form).status_code == 201

    with app.app_context():
        kept: dict[str, Any] = db.session.scalars(sa.select(PushedRequest.parameters)).one()
    assert set(kept) == {"client_id", *parameters(service)}


def test_without_authentication_nothing_is_pushed(client: FlaskClient, service: App) -> None:
    form = parameters(service) | {"client_id": service.client_id}

    for auth in (None, (service.client_id, "wrong")):
        response = client.post(PAR, data=form, auth=auth)
        assert steps.refusal(response) == (401, "invalid_client")
        assert "WWW-Authenticate" in response.headers


FAULTS: dict[str, tuple[dict[str, str | None], str]] = {
    "a redirect URI that is not registered": ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
    "another client's id": ({"client_id": "other"}, "invalid_client"),
    "no response type": ({"response_type": None}, "invalid_request"),
    "an unknown response type": ({"response_type": "x"}, "unsupported_response_type"),
    "a response type that is not its own": ({"response_type": "id_token"}, "unauthorized_client"),
    "no known scope": ({"scope": "invoices"}, "invalid_scope"),
    "no code_challenge": ({"code_challenge": None}, "invalid_request"),
    "a prompt that makes no sense": ({"prompt": "none login"}, "invalid_request"),
    "claims that are no JSON": ({"claims": "{"}, "invalid_request"),
    "an unknown resource": ({"resource": "https://x.example/"}, "invalid_target"),
    "a request_uri": ({"request_uri": "https://a.example.fi/r"}, "invalid_request"),
    "a pushed request_uri": ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
    "a broken request object": ({"request": "x"}, "invalid_request_object"),
}


@pytest.mark.parametrize("why", FAULTS)
def test_what_the_authorization_endpoint_would_refuse_is_refused_at_once(
    client: FlaskClient, service: App, why: str
) -> None:
    fault, error = FAULTS[why]

    response = push(client, service, **fault)

    assert steps.refusal(response) == (401 if error == "invalid_client" else 400, error)
    assert response.headers["Cache-Control"] == "no-store"
    assert "Location" not in response.headers


def test_a_parameter_given_twice_is_refused(client: FlaskClient, service: App) -> None:
    form: dict[str, Any] = parameters(service) | {"scope": ["openid", "openid"]}

    assert steps.refusal(client.post(PAR, data=form, auth=service.basic)) == (400, "invalid_request")


def test_only_a_post_pushes(client: FlaskClient) -> None:
    assert client.get(PAR).status_code == 405


def test_a_signed_request_may_be_pushed(client: FlaskClient, people: People, person: Person) -> None:
    service = people.client(jwks=steps.public_jwks(EC), require_signed_request_object=True)
    steps.log_in(client, person)
    form = {"client_id": service.client_id, "request": signed(service)}

    response = client.post(PAR, data=form, auth=service.basic)

    answer = steps.redirected(open_(client, service, response.get_json()["request_uri"]), service)
    assert answer["state"] == "inner"
    plain = client.post(PAR, data=parameters(service), auth=service.basic)
    assert steps.refusal(plain) == (400, "invalid_request")


# -- opening it


def test_the_browser_carries_nothing_but_the_address(
    client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)

    answer = steps.redirected(open_(client, service, pushed(client, service)), service)

    assert answer["state"] == "pushed"
    tokens = journey.redeem(client, service, answer["code"]).get_json()
    assert tokens["scope"] == "openid email"


def test_what_stands_beside_the_address_means_nothing(
    client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)

    response = open_(
        client,
        service,
        pushed(client, service),
        scope="openid profile",
        state="beside",
        redirect_uri="https://evil.example/",
        prompt="login",
    )

    assert steps.redirected(response, service)["state"] == "pushed"


def test_it_may_be_opened_again_until_it_is_answered(app: Flask, service: App, person: Person) -> None:
    browser = app.test_client()
    uri = pushed(browser, service)

    assert steps.page_of(open_(browser, service, uri)) == "/login"
    start = open_(browser, service, uri)
    end = journey.follow_to_client(browser, journey.log_in(browser, person, start.location))
    assert "code" in steps.redirected(end, service)

    assert_over(open_(browser, service, uri))


def test_of_two_tabs_one_is_answered(app: Flask, service: App, person: Person) -> None:
    browser = app.test_client()
    uri = pushed(browser, service)
    one, other = open_(browser, service, uri).location, open_(browser, service, uri).location
    first = journey.follow_to_client(browser, journey.log_in(browser, person, one))

    second = browser.get(other.replace("/login", "/oauth2/authorize/resume"))

    assert "code" in steps.redirected(first, service)
    assert second.status_code == 400


def test_an_error_uses_it_up_too(client: FlaskClient, service: App) -> None:
    uri = pushed(client, service, prompt="none")

    assert steps.error_of(open_(client, service, uri), service) == "login_required"
    assert_over(open_(client, service, uri))


def test_it_is_opened_within_ninety_seconds(
    moving_clock: MovableClock, client: FlaskClient, service: App, person: Person
) -> None:
    steps.log_in(client, person)
    in_time, too_late = pushed(client, service), pushed(client, service)

    moving_clock.move(seconds=89)
    assert "code" in steps.redirected(open_(client, service, in_time), service)
    moving_clock.move(seconds=1)
    assert_over(open_(client, service, too_late))


def test_who_has_opened_it_has_time_to_log_in(
    moving_clock: MovableClock, app: Flask, service: App, person: Person
) -> None:
    browser = app.test_client()
    start = open_(browser, service, pushed(browser, service))

    moving_clock.move(minutes=45)

    end = journey.follow_to_client(browser, journey.log_in(browser, person, start.location))
    assert "code" in steps.redirected(end, service)


def test_the_address_is_for_its_own_client(
    client: FlaskClient, people: People, service: App, person: Person
) -> None:
    other = people.client("other")
    steps.log_in(client, person)
    uri = pushed(client, service)

    assert_over(open_(client, other, uri))
    assert "code" in steps.redirected(open_(client, service, uri), service)


@pytest.mark.parametrize("uri", ["", "x", "\x00", "ä" * 50])
def test_an_address_that_nobody_got_leads_nowhere(client: FlaskClient, service: App, uri: str) -> None:
    assert_over(open_(client, service, f"urn:ietf:params:oauth:request_uri:{uri}"))


# -- where requests must be pushed


def test_a_client_may_be_bound_to_push(client: FlaskClient, people: People, person: Person) -> None:
    bound = people.client(require_pushed_authorization_requests=True)
    steps.log_in(client, person)

    assert steps.error_of(steps.ask(client, bound), bound) == "invalid_request"
    assert "code" in steps.redirected(open_(client, bound, pushed(client, bound)), bound)


def test_the_site_may_bind_all(make_app: AppFactory) -> None:
    app = make_app(clients={"require_pushed_requests": True})
    people = People(app)
    browser, service = app.test_client(), people.client()
    steps.log_in(browser, people.resident())

    assert steps.error_of(steps.ask(browser, service), service) == "invalid_request"
    assert "code" in steps.redirected(open_(browser, service, pushed(browser, service)), service)
    metadata = browser.get("/.well-known/openid-configuration").get_json()
    assert metadata["require_pushed_authorization_requests"] is True


# -- how many


def test_pushed_requests_without_authentication_are_limited_per_address(make_app: AppFactory) -> None:
    app = make_app(limits={"pushed_requests_per_address": "2/hour"})
    public = People(app).client("julkinen", token_endpoint_auth_method="none")
    confidential, browser = People(app).client(), app.test_client()

    answers = [push(browser, public) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert int(answers[2].headers["Retry-After"]) > 0
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(PushedRequest)) == 2
    assert push(browser, confidential).status_code == 201
