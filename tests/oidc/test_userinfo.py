"""The userinfo endpoint (OpenID Connect Core 5.3), with bearer tokens (RFC 6750)."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp import keys
from idp.accounts.rules import rules
from idp.database import writing
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person

EVERYTHING = "openid profile email address phone offline_access"


@pytest.fixture
def token(client: FlaskClient, person: Person, service: App, moving_clock: MovableClock) -> str:
    """An access token with the scopes openid, profile and email."""
    return str(journey.tokens_for(client, service, person)["access_token"])


def userinfo(browser: FlaskClient, token: str) -> TestResponse:
    return browser.get("/oauth2/userinfo", headers=steps.bearer(token))


def assert_invalid_token(response: TestResponse) -> None:
    """401 with the error in the challenge and in the body (RFC 6750 3.1)."""
    assert steps.refusal(response) == (401, "invalid_token")
    assert response.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert response.headers["Cache-Control"] == "no-store"


def signed_by_us(app: Flask, claims: dict[str, Any], typ: str = "at+jwt") -> str:
    """A token of our own key, with claims that we would not give."""
    with app.app_context():
        return keys.keyring().signing("ES256").sign(claims, typ)


# -- how the token comes


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_in_the_header_by_get_or_post_the_scheme_in_any_case(
    client: FlaskClient, person: Person, token: str, scheme: str, method: str
) -> None:
    answer = client.open("/oauth2/userinfo", method=method, headers={"Authorization": f"{scheme} {token}"})

    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json()["sub"] == person.id


def test_in_the_body_of_a_post(client: FlaskClient, person: Person, token: str) -> None:
    answer = client.post("/oauth2/userinfo", data={"access_token": token})

    assert answer.get_json()["sub"] == person.id


def test_in_header_and_body_at_once_is_an_invalid_request(client: FlaskClient, token: str) -> None:
    answer = client.post("/oauth2/userinfo", data={"access_token": token}, headers=steps.bearer(token))

    assert steps.refusal(answer) == (400, "invalid_request")
    assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


def test_in_the_address_it_is_not_looked_at(client: FlaskClient, token: str) -> None:
    for method in ("GET", "POST"):
        answer = client.open(f"/oauth2/userinfo?access_token={token}", method=method)
        assert answer.status_code == 401


def test_in_a_body_that_is_no_form_it_is_not_looked_at(client: FlaskClient, token: str) -> None:
    assert client.post("/oauth2/userinfo", json={"access_token": token}).status_code == 401


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic YTpi", "DPoP x", "x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_token_the_challenge_is_bare(
    client: FlaskClient, authorization: str | None, method: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = client.open("/oauth2/userinfo", method=method, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.get_data() == b""


def test_a_session_cookie_is_no_token(client: FlaskClient, person: Person) -> None:
    steps.log_in(client, person)

    assert client.get("/oauth2/userinfo").status_code == 401


# -- which token


@pytest.mark.parametrize("made_up", ["x", "x.y.z", "a" * 10_000, "e30.e30.", "a b", "\x7f", "ä.ö.å"])
def test_a_made_up_token_is_invalid(client: FlaskClient, made_up: str) -> None:
    header = f"Bearer {made_up}".encode().decode("latin-1")

    assert_invalid_token(client.get("/oauth2/userinfo", headers={"Authorization": header}))
    assert_invalid_token(client.post("/oauth2/userinfo", data={"access_token": made_up}))


def test_a_changed_token_is_invalid(client: FlaskClient, token: str) -> None:
    header, claims, signature = token.split(".")
    flipped = ("A" if claims[10] != "A" else "B").join([claims[:10], claims[11:]])

    assert_invalid_token(userinfo(client, f"{header}.{flipped}.{signature}"))
    assert_invalid_token(userinfo(client, f"{header}.{claims}."))


def test_an_id_token_or_a_refresh_token_is_no_access_token(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(id_token_signed_response_alg="ES256")
    tokens = journey.tokens_for(client, service, person, scope="openid offline_access")

    assert_invalid_token(userinfo(client, tokens["id_token"]))
    assert_invalid_token(userinfo(client, tokens["refresh_token"]))


@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", ""])
def test_a_token_of_ours_of_another_type_is_no_access_token_whatever_it_says(
    app: Flask, client: FlaskClient, token: str, typ: str
) -> None:
    claims = journey.claims_of(token)
    assert userinfo(client, signed_by_us(app, claims)).status_code == 200

    assert_invalid_token(userinfo(client, signed_by_us(app, claims, typ)))


@pytest.mark.parametrize(("seconds", "works"), [(0, True), (599, True), (600, False)])
def test_a_token_lives_for_ten_minutes_also_when_it_was_seen_before(
    client: FlaskClient, token: str, moving_clock: MovableClock, seconds: int, works: bool
) -> None:
    assert userinfo(client, token).status_code == 200
    moving_clock.move(seconds=seconds)

    assert (userinfo(client, token).status_code == 200) == works


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://api.example.fi"},
        {"aud": "asiointi"},
        {"iss": "https://other.example.fi"},
        {"grant": "unknown"},
        {"client_id": "unknown"},
    ],
)
def test_a_token_of_ours_that_is_meant_for_others_is_invalid(
    app: Flask, client: FlaskClient, token: str, changed: dict[str, str]
) -> None:
    claims = journey.claims_of(token)
    assert userinfo(client, signed_by_us(app, claims)).status_code == 200

    assert_invalid_token(userinfo(client, signed_by_us(app, claims | changed)))


def test_a_token_without_openid_is_not_enough(client: FlaskClient, person: Person, service: App) -> None:
    token = journey.tokens_for(client, service, person, scope="profile email")["access_token"]

    answer = userinfo(client, token)

    assert steps.refusal(answer) == (403, "insufficient_scope")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="insufficient_scope"')
    assert 'scope="openid"' in answer.headers["WWW-Authenticate"]


def test_a_revoked_token_is_invalid_at_once_also_when_it_was_seen_before(
    client: FlaskClient, service: App, token: str
) -> None:
    assert userinfo(client, token).status_code == 200
    client.post("/oauth2/revoke", data={"token": token}, auth=service.basic)

    assert_invalid_token(userinfo(client, token))


def test_a_token_of_a_disabled_account_is_invalid_at_once(
    app: Flask, client: FlaskClient, person: Person, token: str
) -> None:
    assert userinfo(client, token).status_code == 200
    steps.disable_account(app, person)

    assert_invalid_token(userinfo(client, token))


def test_a_token_of_a_disabled_client_is_invalid_at_once(
    app: Flask, client: FlaskClient, service: App, token: str
) -> None:
    assert userinfo(client, token).status_code == 200
    steps.disable_client(app, service)

    assert_invalid_token(userinfo(client, token))


def test_a_token_signed_by_a_withdrawn_key_is_invalid_at_once(
    app: Flask, client: FlaskClient, token: str
) -> None:
    assert userinfo(client, token).status_code == 200
    with app.app_context():
        with writing() as session:
            keys.rotate(session, rules().vault, emergency=True)
        app.extensions["versions"].check()

    assert_invalid_token(userinfo(client, token))


# -- which claims


def claims_for(browser: FlaskClient, service: App, person: Person, scope: str) -> dict[str, Any]:
    token = journey.tokens_for(browser, service, person, scope=scope)["access_token"]
    found: dict[str, Any] = userinfo(browser, token).get_json()
    return found


@pytest.fixture
def complete(people: People) -> Person:
    """A person with every standard claim."""
    return people.resident(
        "maija@example.fi",
        claims={
            "middle_name": "Maria",
            "nickname": "Maikki",
            "profile": "https://maija.example.fi/",
            "picture": "https://maija.example.fi/me.jpg",
            "website": "https://maija.example.fi/",
            "gender": "female",
            "birthdate": "1970-01-31",
            "zoneinfo": "Europe/Helsinki",
            "phone_number": "+358401234567",
            "phone_number_verified": True,
            "address": {"formatted": "Esimerkkikatu 1\n01234 Esimerkkilä", "locality": "Esimerkkilä"},
        },
    )


PROFILE = {
    "name": "Maija Meikäläinen",
    "given_name": "Maija",
    "family_name": "Meikäläinen",
    "middle_name": "Maria",
    "nickname": "Maikki",
    "preferred_username": "maija@example.fi",
    "profile": "https://maija.example.fi/",
    "picture": "https://maija.example.fi/me.jpg",
    "website": "https://maija.example.fi/",
    "gender": "female",
    "birthdate": "1970-01-31",
    "zoneinfo": "Europe/Helsinki",
    "locale": "fi",
}
EMAIL = {"email": "maija@example.fi", "email_verified": True}
PHONE = {"phone_number": "+358401234567", "phone_number_verified": True}
ADDRESS = {"address": {"formatted": "Esimerkkikatu 1\n01234 Esimerkkilä", "locality": "Esimerkkilä"}}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("openid", {}),
        ("openid profile", PROFILE),
        ("openid email", EMAIL),
        ("openid phone", PHONE),
        ("openid address", ADDRESS),
        ("openid offline_access", {}),
        (EVERYTHING, PROFILE | EMAIL | PHONE | ADDRESS),
    ],
)
def test_each_scope_gives_its_claims_and_no_others(
    client: FlaskClient, complete: Person, service: App, scope: str, expected: dict[str, Any]
) -> None:
    claims = claims_for(client, service, complete, scope)

    updated_at = claims.pop("updated_at", None)
    assert claims == {"sub": complete.id, **expected}
    assert isinstance(updated_at, int) == ("profile" in scope)


def test_a_claim_without_a_value_is_absent(client: FlaskClient, people: People, service: App) -> None:
    bare = people.resident("nimeton@example.fi", given_name="", family_name="")

    claims = claims_for(client, service, bare, EVERYTHING)

    expected = {"sub", "preferred_username", "locale", "updated_at", "email", "email_verified"}
    assert set(claims) == expected
    assert not [name for name, value in claims.items() if value in (None, "", {}, [])]


def test_the_scope_of_the_token_counts_not_that_of_the_login(
    client: FlaskClient, complete: Person, service: App
) -> None:
    tokens = journey.tokens_for(client, service, complete, scope=EVERYTHING)
    narrow = journey.refresh(client, service, tokens["refresh_token"], scope="openid email").get_json()

    assert set(userinfo(client, narrow["access_token"]).get_json()) == {"sub", "email", "email_verified"}


def test_sub_is_that_of_the_id_token(client: FlaskClient, person: Person, service: App) -> None:
    tokens = journey.tokens_for(client, service, person)

    sub = userinfo(client, tokens["access_token"]).get_json()["sub"]

    assert (
        sub
        == journey.claims_of(tokens["id_token"])["sub"]
        == journey.claims_of(tokens["access_token"])["sub"]
    )


# -- scripts of other origins


def test_scripts_of_any_origin_may_read_it(client: FlaskClient, token: str) -> None:
    origin = {"Origin": "https://asiointi.example.fi"}
    asked = origin | {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }

    preflight = client.options("/oauth2/userinfo", headers=asked)
    good = client.get("/oauth2/userinfo", headers=origin | steps.bearer(token))
    bad = client.get("/oauth2/userinfo", headers=origin | steps.bearer("x"))

    assert preflight.status_code == 204
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    for answer in (preflight, good, bad):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "WWW-Authenticate" in bad.headers["Access-Control-Expose-Headers"]
