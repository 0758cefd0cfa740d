"""Encrypted ID tokens, logout tokens and userinfo, and signed userinfo (OpenID Connect Core 5.3.2, 16.14, RFC 7516).

The client here decrypts as any client would: with its private key, found by the `kid` of the header.
"""

import json
from typing import Any, cast
from urllib.parse import parse_qs

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from werkzeug.test import TestResponse

from idp.clients import registry
from idp.clients.metadata import CONTENT_ENCRYPTIONS, ENCRYPTION_ALGORITHMS, InvalidClientMetadata
from idp.grants.models import LogoutNotice
from idp.oidc import backchannel
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.hostile import Handler, local_server
from tests.support.moments import MovableClock
from tests.support.people import People, Person
from tests.support.ports import LOOPBACK

RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"})
OTHERS = [
    RSAKey.generate_key(2048, {"kid": "for-signing", "use": "sig"}),
    ECKey.generate_key("P-256", {"kid": "sig", "use": "sig"}),
]
JWKS = steps.public_jwks(*OTHERS, RSA, EC)

PAIRS = [(alg, enc) for alg in ENCRYPTION_ALGORITHMS for enc in CONTENT_ENCRYPTIONS]


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    """The provider may ask servers of this machine, and waits only a little."""
    return make_app(outbound={"allowed_hosts": [LOOPBACK], "timeout_seconds": 0.5})


def decrypted(token: str) -> tuple[dict[str, Any], str]:
    """Header and content of a JWE for this client."""
    algorithms = [*ENCRYPTION_ALGORITHMS, *CONTENT_ENCRYPTIONS]
    found = jwe.decrypt_compact(token, KeySet([*OTHERS, RSA, EC]), algorithms=algorithms)
    return found.protected, cast("bytes", found.plaintext).decode()


def verified(browser: FlaskClient, token: str, alg: str = "RS256") -> dict[str, Any]:
    """The claims of a JWT that the provider's published keys have signed."""
    keys = KeySet.import_key_set(browser.get("/oauth2/jwks").get_json())
    return jwt.decode(token, keys, algorithms=[alg]).claims


def told(browser: FlaskClient, tokens: dict[str, Any]) -> TestResponse:
    return browser.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"]))


# -- ID tokens


@pytest.mark.parametrize(("alg", "enc"), PAIRS)
def test_an_id_token_is_signed_then_encrypted_by_each_algorithm_that_can_be_registered(
    client: FlaskClient, people: People, person: Person, alg: str, enc: str
) -> None:
    service = people.client(
        jwks=JWKS, id_token_encrypted_response_alg=alg, id_token_encrypted_response_enc=enc
    )

    tokens = journey.tokens_for(client, service, person)

    header, content = decrypted(tokens["id_token"])
    assert (header["alg"], header["enc"], header["cty"]) == (alg, enc, "JWT")
    assert header["kid"] == ("rsa" if alg.startswith("RSA") else "ec")
    claims = verified(client, content)
    assert (claims["sub"], claims["aud"], claims["nonce"]) == (person.id, service.client_id, "nonce-1")


def test_the_content_encryption_is_a128cbc_hs256_unless_another_is_registered(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(
        jwks=JWKS, id_token_encrypted_response_alg="RSA-OAEP", userinfo_encrypted_response_alg="ECDH-ES"
    )

    tokens = journey.tokens_for(client, service, person)

    assert decrypted(tokens["id_token"])[0]["enc"] == "A128CBC-HS256"
    assert decrypted(told(client, tokens).get_data(as_text=True))[0]["enc"] == "A128CBC-HS256"


@pytest.mark.parametrize("curve", ["P-384", "P-521", "X25519"])
def test_other_curves_of_the_client_are_used(
    client: FlaskClient, people: People, person: Person, curve: str
) -> None:
    key = OKPKey.generate_key(curve) if curve == "X25519" else ECKey.generate_key(curve)
    service = people.client(jwks=steps.public_jwks(key), id_token_encrypted_response_alg="ECDH-ES")

    token = journey.tokens_for(client, service, person)["id_token"]

    found = jwe.decrypt_compact(token, key, algorithms=["ECDH-ES", "A128CBC-HS256"])
    assert verified(client, cast("bytes", found.plaintext).decode())["sub"] == person.id
    assert "kid" not in found.protected  # the client gave the key no name


def test_a_key_that_is_for_this_algorithm_goes_before_one_for_anything_and_another_ones_is_not_taken(
    client: FlaskClient, people: People, person: Person
) -> None:
    anything = ECKey.generate_key("P-256", {"kid": "anything"})
    other = ECKey.generate_key("P-256", {"kid": "other", "use": "enc", "alg": "ECDH-ES+A256KW"})
    service = people.client(
        jwks=steps.public_jwks(other, anything, EC), id_token_encrypted_response_alg="ECDH-ES"
    )

    token = journey.tokens_for(client, service, person)["id_token"]

    assert steps.header_of(token)["kid"] == "ec"


def test_nobody_else_reads_it_and_nobody_can_change_it(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(jwks=JWKS, id_token_encrypted_response_alg="RSA-OAEP-256")
    token = journey.tokens_for(client, service, person)["id_token"]
    algorithms = ["RSA-OAEP-256", "A128CBC-HS256"]

    with pytest.raises((JoseError, ValueError)):
        jwe.decrypt_compact(token, RSAKey.generate_key(2048), algorithms=algorithms)
    header, key, vector, text, tag = token.split(".")
    changed = ("A" if text[5] != "A" else "B").join([text[:5], text[6:]])
    with pytest.raises((JoseError, ValueError)):
        jwe.decrypt_compact(f"{header}.{key}.{vector}.{changed}.{tag}", RSA, algorithms=algorithms)


def test_a_refreshed_id_token_is_encrypted_too(client: FlaskClient, people: People, person: Person) -> None:
    service = people.client(jwks=JWKS, id_token_encrypted_response_alg="ECDH-ES+A128KW")
    first = journey.tokens_for(client, service, person, scope="openid offline_access")

    second = journey.refresh(client, service, first["refresh_token"]).get_json()

    before, after = (verified(client, decrypted(tokens["id_token"])[1]) for tokens in (first, second))
    same = ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_the_signed_token_inside_is_a_good_id_token_hint_the_encrypted_one_none(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(jwks=JWKS, id_token_encrypted_response_alg="RSA-OAEP")
    token = journey.tokens_for(client, service, person)["id_token"]

    assert "code" in steps.silently(client, service, id_token_hint=decrypted(token)[1])
    assert steps.silently(client, service, id_token_hint=token)["error"] == "invalid_request"


# -- when the client has no fitting key


def test_without_a_fitting_key_the_client_is_told_and_the_code_is_still_good(
    app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(jwks=steps.public_jwks(*OTHERS, EC), id_token_encrypted_response_alg="RSA-OAEP")
    code = journey.code_for(client, service, person)

    refused = journey.redeem(client, service, code)

    assert steps.refusal(refused) == (400, "invalid_request")
    assert "key" in refused.get_json()["error_description"]
    assert "access_token" not in refused.get_json()
    steps.change_client(app, service, jwks=JWKS)
    answer = journey.redeem(client, service, code)
    assert decrypted(answer.get_json()["id_token"])[0]["kid"] == "rsa"


def test_without_a_fitting_key_a_refresh_uses_nothing_up(
    app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(jwks=JWKS, id_token_encrypted_response_alg="RSA-OAEP")
    tokens = journey.tokens_for(client, service, person, scope="openid offline_access")
    steps.change_client(app, service, jwks=steps.public_jwks(EC))

    refused = journey.refresh(client, service, tokens["refresh_token"])

    assert steps.refusal(refused) == (400, "invalid_request")
    steps.change_client(app, service, jwks=JWKS)
    assert journey.refresh(client, service, tokens["refresh_token"]).status_code == 200


def test_without_a_fitting_key_userinfo_tells_nothing(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(jwks=steps.public_jwks(EC), userinfo_encrypted_response_alg="RSA-OAEP")

    answer = told(client, journey.tokens_for(client, service, person))

    assert steps.refusal(answer) == (400, "invalid_request")
    assert "maija" not in answer.get_data(as_text=True)


def test_keys_behind_jwks_uri_are_fetched_and_an_unreachable_address_is_told(
    client: FlaskClient, people: People, person: Person
) -> None:
    def answer(handler: Handler) -> None:
        handler.say(200, json.dumps(JWKS).encode())

    with local_server(answer) as server:
        service = people.client(
            "fetched", jwks_uri=server.url(path="/jwks"), id_token_encrypted_response_alg="RSA-OAEP"
        )
        token = journey.tokens_for(client, service, person)["id_token"]
        away = server.url(path="/away")
    gone = people.client("gone", jwks_uri=away, id_token_encrypted_response_alg="RSA-OAEP")

    refused = journey.redeem(client, gone, journey.code_for(client, gone, person))

    assert verified(client, decrypted(token)[1])["sub"] == person.id
    assert steps.refusal(refused) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        *(
            (f"{kind}_encrypted_response_alg", alg)
            for kind in ("id_token", "userinfo")
            for alg in ("RSA1_5", "dir", "A128KW", "none")
        ),
        *((f"{kind}_encrypted_response_enc", "none") for kind in ("id_token", "userinfo")),
        ("userinfo_signed_response_alg", "none"),
    ],
)
def test_weak_algorithms_cannot_be_registered(people: People, member: str, value: str) -> None:
    with pytest.raises(InvalidClientMetadata):
        people.client(jwks=JWKS, **{member: value})


# -- userinfo


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_signed_userinfo_is_a_jwt_with_issuer_and_audience(
    client: FlaskClient, people: People, person: Person, alg: str
) -> None:
    service = people.client(userinfo_signed_response_alg=alg)

    answer = told(client, journey.tokens_for(client, service, person, scope="openid email"))

    assert answer.headers["Content-Type"] == "application/jwt"
    assert answer.headers["Cache-Control"] == "no-store"
    assert verified(client, answer.get_data(as_text=True), alg) == {
        "iss": steps.ISSUER,
        "aud": service.client_id,
        "sub": person.id,
        "email": "maija@example.fi",
        "email_verified": True,
    }


@pytest.mark.parametrize(("alg", "enc"), PAIRS)
def test_signed_and_encrypted_userinfo_is_nested(
    client: FlaskClient, people: People, person: Person, alg: str, enc: str
) -> None:
    service = people.client(
        jwks=JWKS,
        userinfo_signed_response_alg="ES256",
        userinfo_encrypted_response_alg=alg,
        userinfo_encrypted_response_enc=enc,
    )

    answer = told(client, journey.tokens_for(client, service, person))

    header, content = decrypted(answer.get_data(as_text=True))
    assert (header["alg"], header["enc"], header["cty"]) == (alg, enc, "JWT")
    assert verified(client, content, "ES256")["email"] == "maija@example.fi"


def test_userinfo_that_is_only_encrypted_holds_json(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(jwks=JWKS, userinfo_encrypted_response_alg="ECDH-ES")

    answer = told(client, journey.tokens_for(client, service, person, scope="openid"))

    assert answer.headers["Content-Type"] == "application/jwt"
    header, content = decrypted(answer.get_data(as_text=True))
    assert "cty" not in header
    assert json.loads(content) == {"iss": steps.ISSUER, "aud": service.client_id, "sub": person.id}


def test_errors_stay_json_for_a_client_of_signed_userinfo(
    app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(userinfo_signed_response_alg="RS256")
    tokens = journey.tokens_for(client, service, person)
    steps.disable_account(app, person)

    assert steps.refusal(told(client, tokens)) == (401, "invalid_token")


def test_signed_userinfo_is_no_id_token_hint(client: FlaskClient, people: People, person: Person) -> None:
    service = people.client(userinfo_signed_response_alg="RS256")
    jwt_of_userinfo = told(client, journey.tokens_for(client, service, person)).get_data(as_text=True)

    assert steps.silently(client, service, id_token_hint=jwt_of_userinfo)["error"] == "invalid_request"


def test_scripts_of_other_origins_may_read_signed_userinfo(
    client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(userinfo_signed_response_alg="RS256")
    tokens = journey.tokens_for(client, service, person)
    headers = steps.bearer(tokens["access_token"]) | {"Origin": "https://asiointi.example.fi"}

    answer = client.get("/oauth2/userinfo", headers=headers)

    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# -- logout tokens


def test_a_logout_token_is_encrypted_as_the_id_tokens_are(
    app: Flask, client: FlaskClient, people: People, person: Person
) -> None:
    service = people.client(jwks=JWKS, id_token_encrypted_response_alg="RSA-OAEP")
    notice = LogoutNotice(client_id=service.client_id, account_id=person.id, sid="sid-1")

    with app.app_context():
        token = backchannel.logout_token(cast("registry.Client", registry.find(service.client_id)), notice)

    header, content = decrypted(token)
    assert header["cty"] == "JWT"
    assert steps.header_of(content)["typ"] == "logout+jwt"
    claims = verified(client, content)
    assert (claims["sub"], claims["sid"]) == (person.id, "sid-1")


def test_a_logout_that_cannot_be_encrypted_now_is_told_later(
    app: Flask, client: FlaskClient, people: People, person: Person, moving_clock: MovableClock
) -> None:
    def deliver() -> None:
        with app.app_context():
            assert backchannel.deliver_due(app) == 1

    with local_server(lambda handler: handler.say(200)) as receiver:
        service = people.client(
            jwks=JWKS,
            id_token_encrypted_response_alg="RSA-OAEP",
            backchannel_logout_uri=receiver.url(path="/told"),
        )
        journey.tokens_for(client, service, person)
        steps.change_client(app, service, jwks=steps.public_jwks(EC))
        journey.submit(client, "/logout")
        deliver()
        assert receiver.asked == []
        steps.change_client(app, service, jwks=JWKS)
        moving_clock.move(days=1)
        deliver()

        fields = parse_qs(receiver.asked[0].body, strict_parsing=True)
    assert verified(client, decrypted(fields["logout_token"][0])[1])["sub"] == person.id
