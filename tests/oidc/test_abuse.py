"""What an attacker of the provider has tried, each named after what holds."""

import json
import re
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from idp.grants import claims_request
from idp.grants.codes import SessionOver
from idp.oidc import issuing
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.oidc.test_client_registration import OPEN, as_app, put, register, registered
from tests.support import journey
from tests.support.people import App, People, Person
from tests.support.ports import LOOPBACK

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    return make_app(clients=OPEN, outbound={"allowed_hosts": [LOOPBACK]})


def through(browser: FlaskClient, service: App, person: Person, **parameters: Any) -> TestResponse:
    """Log in and allow, whatever is asked; the answer to the service."""
    response = steps.ask(browser, service, **parameters)
    for _ in range(8):
        location = response.location or ""
        if location.startswith("/login"):
            response = journey.log_in(browser, person, location)
        elif location.startswith("/consent"):
            response = journey.submit(browser, location, decision="allow")
        elif location.startswith("/"):
            response = browser.get(location)
        else:
            break
    return response


def test_people_consent_to_what_the_page_showed_and_nothing_more(
    app: Flask, client: FlaskClient, person: Person
) -> None:
    """A client that registers more scopes while the page is open does not get them by the button."""
    shop = registered(client, scope="openid")
    service = as_app(shop)
    steps.log_in(client, person)
    wish = json.dumps({"userinfo": {"email": None}})
    page_address = steps.ask(
        client, service, scope="openid", claims=wish, code_challenge=None, code_challenge_method=None
    ).location
    page = client.get(page_address)
    assert "Sähköposti" not in page.text
    assert put(app.test_client(), shop, scope="openid email phone address").status_code == 200  # meanwhile
    allowed = client.post(page_address, data={"csrf_token": journey.csrf_token(page), "decision": "allow"})
    answer = journey.follow_to_client(client, allowed)
    if answer.status_code == 303:
        code = journey.answer_of(answer)["code"]
        tokens = journey.redeem(client, service, code, code_verifier="").get_json()
        assert "email" not in steps.userinfo(client, tokens)


def test_sid_does_not_tie_pairwise_clients_together(app: Flask, client: FlaskClient, person: Person) -> None:
    """Core 8, 17.3: clients of two sectors must not learn that they talk about the same person."""
    sids = set()
    for host in ("one", "two"):
        service = as_app(
            registered(
                client, redirect_uris=[f"https://{host}.example/cb"], subject_type="pairwise", scope="openid"
            )
        )
        code = journey.answer_of(through(client, service, person, scope="openid"))["code"]
        sids.add(journey.claims_of(journey.redeem(client, service, code).get_json()["id_token"])["sid"])
    assert len(sids) == 2


def test_nobody_gets_the_pairwise_subjects_of_a_host_that_is_not_his(
    app: Flask, client: FlaskClient, person: Person
) -> None:
    """Core 8.1: the device grant never uses the redirect URI, whose host so has vouched for nothing."""
    bank = as_app(
        registered(client, redirect_uris=["https://bank.example/cb"], subject_type="pairwise", scope="openid")
    )
    code = journey.answer_of(through(client, bank, person, scope="openid"))["code"]
    at_the_bank = journey.claims_of(journey.redeem(client, bank, code).get_json()["id_token"])["sub"]
    answer = register(
        client,
        redirect_uris=["https://bank.example/cb"],
        subject_type="pairwise",
        scope="openid",
        grant_types=["authorization_code", DEVICE],
    )
    if answer.status_code == 201:
        other = as_app(answer.get_json())
        device = client.post(
            "/oauth2/device_authorization", data={"scope": "openid"}, auth=other.basic
        ).get_json()
        journey.submit(client, "/device", user_code=device["user_code"])
        journey.submit(client, "/device/allow", user_code=device["user_code"], decision="allow")
        form = {"grant_type": DEVICE, "device_code": device["device_code"]}
        tokens = client.post("/oauth2/token", data=form, auth=other.basic).get_json()
        assert journey.claims_of(tokens["id_token"])["sub"] != at_the_bank


def test_a_refresh_that_leaves_no_scope_is_refused(app: Flask, client: FlaskClient, person: Person) -> None:
    """RFC 6749 6: `invalid_scope`, and no token without scope that breaks userinfo."""
    grant_types = ["authorization_code", "refresh_token"]
    shop = registered(client, scope="openid offline_access email", grant_types=grant_types)
    tokens = steps.tokens_of(app, as_app(shop), person, scope="openid offline_access")
    assert put(client, shop, scope="email", grant_types=grant_types).status_code == 200
    answer = journey.refresh(client, as_app(shop), tokens["refresh_token"])
    if answer.status_code == 200:
        token = answer.get_json()["access_token"]
        assert client.get("/oauth2/userinfo", headers=steps.bearer(token)).status_code < 500
    assert steps.refusal(answer) == (400, "invalid_scope")


def test_a_default_max_age_beyond_all_time_is_refused(
    app: Flask, client: FlaskClient, person: Person
) -> None:
    answer = register(client, default_max_age=10**20)
    if answer.status_code == 201:
        steps.log_in(client, person)
        assert steps.ask(client, as_app(answer.get_json())).status_code < 500
    assert steps.refusal(answer) == (400, "invalid_client_metadata")


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:12\n34/callback", "http://127.0.0.1:99/call\tback", " http://127.0.0.1:99/callback"],
)
def test_a_loopback_uri_is_compared_as_it_was_sent(
    app: Flask, client: FlaskClient, people: People, uri: str
) -> None:
    """RFC 8252 7.3: only the port may vary. Python's urlsplit takes line breaks, tabs and spaces away."""
    service = people.client(
        "app",
        application_type="native",
        token_endpoint_auth_method="none",
        redirect_uris=["http://127.0.0.1/callback"],
    )
    answer = steps.ask(client, service, redirect_uri=uri, prompt="none")
    assert (answer.status_code, journey.page_name(answer)) == (400, "error")


def test_claims_that_are_no_json_cost_little(app: Flask) -> None:
    """Anybody may send them to the authorization endpoint."""
    began = time.process_time()
    for _ in range(100):
        with pytest.raises(ValueError, match="claims"):
            claims_request.parse('"' + '\\"' * 3990)
    assert time.process_time() - began < 6  # quadratic work would take twelve and more


@pytest.mark.parametrize("name", [" ", "\u200b", "Kunta\u202e", "Kunta\nOy", "A" * 10_000])
def test_a_client_has_a_name_that_people_can_read(app: Flask, client: FlaskClient, name: str) -> None:
    """RFC 7591 5: what a client says of itself is shown to people; no blank, turned around or endless names."""
    assert steps.refusal(register(client, client_name=name)) == (400, "invalid_client_metadata")


def test_the_consent_page_says_where_an_unknown_client_lives(
    app: Flask, client: FlaskClient, person: Person
) -> None:
    """RFC 7591 5: name and logo are the client's own claims, the host of its redirect URI is what can be known."""
    service = as_app(registered(client, client_name="Esimerkkikunta", scope="openid"))
    steps.log_in(client, person)
    page = client.get(steps.ask(client, service, scope="openid").location)
    assert "rp.example.fi" in journey.soup(page).main.get_text()


def test_initiate_login_uri_is_https_on_test_sites_too(app: Flask, client: FlaskClient) -> None:
    """OpenID Connect Registration 2: only loopback may be plain."""
    answer = register(client, initiate_login_uri="http://rp.example.fi/begin")
    assert steps.refusal(answer) == (400, "invalid_client_metadata")


def test_head_uses_nothing_up(app: Flask, client: FlaskClient, person: Person, service: App) -> None:
    """RFC 9110 9.2.1: HEAD is safe. A link checker's HEAD must not spend a pushed request or make a code."""
    steps.log_in(client, person)
    form = {
        "response_type": "code",
        "redirect_uri": service.redirect_uri,
        "scope": "openid",
        "code_challenge": journey.CHALLENGE,
        "code_challenge_method": "S256",
    }
    pushed = client.post("/oauth2/par", data=form, auth=service.basic).get_json()["request_uri"]
    query = {"client_id": service.client_id, "request_uri": pushed}
    client.head("/oauth2/authorize", query_string=query)
    assert client.get("/oauth2/authorize", query_string=query).status_code == 303


def test_unknown_parameters_never_cause_an_error_however_long(
    app: Flask, client: FlaskClient, person: Person, service: App
) -> None:
    """RFC 6749 3.1: unknown parameters are ignored."""
    steps.log_in(client, person)
    assert "code" in steps.redirected(steps.ask(client, service, campaign="y" * 5000), service)


def test_a_request_object_is_no_client_assertion(app: Flask, client: FlaskClient) -> None:
    """RFC 8725 3.11, RFC 9101 10.8: a JWT that says it is a request object is taken for nothing else."""
    key = RSAKey.generate_key(2048)
    shop = registered(client, token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(key))
    now = int(time.time())
    me = shop["client_id"]
    claims = {"iss": me, "sub": me, "aud": steps.ISSUER, "jti": "1", "exp": now + 60, "response_type": "code"}
    token = jwt.encode({"alg": "RS256", "typ": "oauth-authz-req+jwt"}, claims, key, algorithms=["RS256"])
    form = {
        "grant_type": "authorization_code",
        "code": "x",
        "redirect_uri": "https://rp.example.fi/callback",
        "client_assertion_type": steps.ASSERTION_TYPE,
        "client_assertion": token,
    }
    assert steps.refusal(client.post("/oauth2/token", data=form)) == (401, "invalid_client")


def test_the_challenge_of_basic_names_a_realm(app: Flask, client: FlaskClient, service: App) -> None:
    """RFC 7617 2: `realm` is required."""
    answer = client.post("/oauth2/token", data={"grant_type": "authorization_code"}, auth=("x", "y"))
    assert re.search(r'Basic .*realm="', answer.headers["WWW-Authenticate"])


@pytest.mark.parametrize("how", ["pushed", "pending"])
def test_a_logout_at_the_last_moment_leads_to_the_login(
    app: Flask, client: FlaskClient, person: Person, service: App, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """`ask_again` says that the request is judged anew; it was used up already."""
    real = issuing.issue
    tries: list[int] = []

    def issue(*given: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            client.delete_cookie("tunnus_session")
            raise SessionOver
        return real(*given)

    monkeypatch.setattr(issuing, "issue", issue)
    if how == "pushed":
        form = {"response_type": "code", "redirect_uri": service.redirect_uri, "scope": "openid"}
        form |= {"code_challenge": journey.CHALLENGE, "code_challenge_method": "S256"}
        pushed = client.post("/oauth2/par", data=form, auth=service.basic).get_json()["request_uri"]
        steps.log_in(client, person)
        answer = client.get(
            "/oauth2/authorize", query_string={"client_id": service.client_id, "request_uri": pushed}
        )
    else:
        answer = journey.log_in(client, person, steps.ask(client, service).location)
        answer = client.get(answer.location)
    assert answer.status_code == 303, answer.status_code
    answer = journey.follow_to_client(client, answer)
    assert journey.page_name(answer) == "login"
