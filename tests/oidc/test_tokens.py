"""What stands in the tokens: access tokens by RFC 9068, ID tokens by OpenID Connect Core 2."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp import clock, keys
from idp.accounts.rules import rules
from idp.clients import registry
from idp.database import writing
from idp.grants import codes
from idp.grants.access_tokens import AccessTokenCache, InvalidToken
from idp.oidc.tokens import id_token
from tests.oidc import steps
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import App, People, Person


@pytest.fixture
def tokens(client: FlaskClient, person: Person, service: App, moving_clock: MovableClock) -> dict[str, Any]:
    """Those of a login that is 100 seconds old."""
    steps.log_in(client, person)
    moving_clock.move(seconds=100)
    return journey.tokens_for(client, service, person, scope="openid profile email")


# -- access tokens


def test_the_header_of_an_access_token_says_what_it_is(tokens: dict[str, Any]) -> None:
    header = steps.header_of(tokens["access_token"])

    assert set(header) == {"alg", "kid", "typ"}
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")


def test_the_claims_of_an_access_token(
    tokens: dict[str, Any], person: Person, moving_clock: MovableClock
) -> None:
    now = int(moving_clock().timestamp())

    claims = journey.claims_of(tokens["access_token"])

    assert len(claims.pop("jti")) == len(claims.pop("grant")) == 22
    assert claims == {
        "iss": steps.ISSUER,
        "sub": person.id,
        "aud": steps.ISSUER,
        "client_id": "asiointi",
        "scope": "openid profile email",
        "iat": now,
        "exp": now + 600,
        "auth_time": now - 100,
        "acr": "urn:tunnus:acr:password",
        "amr": ["pwd"],
    }


def test_every_access_token_has_its_own_jti(client: FlaskClient, person: Person, service: App) -> None:
    made = [journey.tokens_for(client, service, person)["access_token"] for _ in range(5)]

    assert len({journey.claims_of(token)["jti"] for token in made}) == 5


def test_nothing_personal_stands_in_an_access_token(tokens: dict[str, Any], person: Person) -> None:
    text = str(journey.claims_of(tokens["access_token"]))

    assert not [word for word in ("Maija", "Meikäläinen", "example.fi/", person.username) if word in text]


def test_a_token_that_is_checked_while_its_key_is_withdrawn_is_judged_again(
    app: Flask, tokens: dict[str, Any]
) -> None:
    class Interrupted(AccessTokenCache):
        def _check(self, token: str) -> dict[str, Any]:
            claims = super()._check(token)
            with writing() as session:
                keys.rotate(session, rules().vault, emergency=True)
            keys.keyring().forget()
            self.forget()
            return claims

    with app.app_context():
        cache = Interrupted()
        cache.verify(tokens["access_token"])  # it was good when this began

        with pytest.raises(InvalidToken):
            cache.verify(tokens["access_token"])


# -- ID tokens


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_the_header_of_an_id_token_has_the_registered_algorithm(
    client: FlaskClient, people: People, person: Person, alg: str
) -> None:
    service = people.client(id_token_signed_response_alg=alg)

    header = steps.header_of(journey.tokens_for(client, service, person)["id_token"])

    assert set(header) == {"alg", "kid", "typ"}
    assert (header["alg"], header["typ"]) == (alg, "JWT")


def test_the_claims_of_an_id_token(
    tokens: dict[str, Any], person: Person, moving_clock: MovableClock
) -> None:
    now = int(moving_clock().timestamp())

    claims = journey.claims_of(tokens["id_token"])

    assert len(claims.pop("sid")) == 22
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert claims == {
        "iss": steps.ISSUER,
        "sub": person.id,
        "aud": "asiointi",
        "iat": now,
        "exp": now + 600,
        "auth_time": now - 100,
        "nonce": "nonce-1",
        "acr": "urn:tunnus:acr:password",
        "amr": ["pwd"],
        "at_hash": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
    }


def test_the_claims_of_the_scopes_go_to_userinfo_only(tokens: dict[str, Any]) -> None:
    assert not {"email", "name", "given_name"} & set(journey.claims_of(tokens["id_token"]))


@pytest.mark.parametrize("nonce", ["n", 'ä &=%"\\', "x" * 1000])
def test_the_nonce_comes_back_to_the_letter(
    client: FlaskClient, person: Person, service: App, nonce: str
) -> None:
    tokens = journey.tokens_for(client, service, person, nonce=nonce)

    assert journey.claims_of(tokens["id_token"])["nonce"] == nonce


def test_sid_is_the_same_for_every_service_of_one_login_and_another_after_the_next(
    client: FlaskClient, people: People, service: App, person: Person
) -> None:
    other = people.client("toinen")

    first, second = (journey.tokens_for(client, app, person)["id_token"] for app in (service, other))
    journey.submit(client, "/logout")
    third = journey.tokens_for(client, service, person)["id_token"]

    sids = [journey.claims_of(token)["sid"] for token in (first, second, third)]
    assert sids[0] == sids[1] != sids[2]


def test_sid_is_not_the_sessions_cookie(client: FlaskClient, service: App, person: Person) -> None:
    sid = journey.claims_of(journey.tokens_for(client, service, person)["id_token"])["sid"]

    cookie = client.get_cookie("tunnus_session")
    assert cookie is not None
    assert sid not in cookie.value


@pytest.fixture
def front(app: Flask, service: App, person: Person) -> Callable[..., dict[str, Any]]:
    """Makes ID tokens as the authorization endpoint gives them; their claims."""

    def make(access_token: str | None = None, *, scope: str = "openid profile email", **options: Any) -> Any:
        code = steps.granted(app, service, person, scope=scope, claims=options.pop("claims", None))
        with app.app_context():
            found, client = codes.find(code, clock.now()), registry.find(service.client_id)
            assert found
            assert client
            return journey.claims_of(id_token(client, found.grant, access_token, with_nonce=True, **options))

    return make


def test_c_hash_and_at_hash_bind_the_id_token_to_what_comes_with_it(
    front: Callable[..., dict[str, Any]],
) -> None:
    """By the examples of Core A.4 and A.6."""
    claims = front(
        "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
        code="Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk",
    )

    assert claims["at_hash"] == "77QmUPtjPfzWtF2AnpK9RQ"
    assert claims["c_hash"] == "LDktKdoQak3Pk0cnXxCltA"


def test_without_a_code_or_access_token_there_is_no_hash_of_it(front: Callable[..., dict[str, Any]]) -> None:
    assert not {"c_hash", "at_hash"} & front().keys()


def test_a_client_that_gets_no_access_token_finds_the_claims_of_its_scopes_in_the_id_token(
    front: Callable[..., dict[str, Any]], person: Person
) -> None:
    claims = front(scope="openid email", scope_claims=True)

    assert (claims["email"], claims["email_verified"]) == (person.username, True)
    assert "given_name" not in claims


def test_those_of_the_claims_parameter_too(front: Callable[..., dict[str, Any]]) -> None:
    claims = front(
        scope="openid", scope_claims=True, claims='{"id_token":{"given_name":null},"userinfo":{"email":null}}'
    )

    assert claims["given_name"] == "Maija"
    assert not {"email", "family_name"} & claims.keys()


def test_sub_is_an_identifier_of_ascii_letters_that_tells_nothing(person: Person) -> None:
    assert person.id.isascii()
    assert len(person.id) == 22
    assert "maija" not in person.id.lower()
