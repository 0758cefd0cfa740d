"""Whatever a stranger sends as a client assertion: nobody is authenticated, and nothing is a fault of ours."""

import json
import shutil
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from idp import create_app
from idp.database import db
from tests.conftest import make_settings
from tests.oidc import steps
from tests.oidc.test_client_authentication import ENDPOINTS
from tests.support.people import People

KEY = ECKey.generate_key("P-256", {"kid": "one"})
CLIENT_IDS = ["by-key", "by-secret", "unknown", "\ud800", "\x00"]
NAMES = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "x", "alg", "kid", "typ", "crit", "b64", "jwk"]


def nested(depth: int, brackets: str) -> str:
    """JSON that nests so deep, as no library would write it."""
    opening, closing = {"[": ("[", "]"), "{": ('{"a":', "}")}[brackets]
    return opening * depth + "1" + closing * depth


# Around a thousand a reader gives up, where exactly is a matter of who called it.
NESTED = st.builds(
    nested,
    st.one_of(st.sampled_from([1, 30, 2_000, 12_000]), st.integers(800, 1_000)),
    st.sampled_from(["[", "{"]),
)
ODD = st.one_of(
    st.sampled_from(['"\\ud800"', '"\\u0000"', "1e999", "-1e999", "NaN", "9" * 5000, "1e400", "[]", "{}"]),
    st.sampled_from(['"RS256"', '"ES256"', '"HS256"', '"none"', '"one"', "1", "-1", "true", "null", '""']),
    st.sampled_from([json.dumps(client_id) for client_id in CLIENT_IDS]),
    st.text(max_size=8).map(json.dumps),
)
VALUES = st.one_of(ODD, NESTED)
MEMBERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4)


def as_json(members: dict[str, str]) -> bytes:
    return ("{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}").encode()


def compact(*parts: bytes) -> str:
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


PARTS = st.one_of(MEMBERS.map(as_json), NESTED.map(str.encode), st.binary(max_size=20))


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, sqlite_with_keys: Path) -> Iterator[Flask]:
    """One app for every example."""
    folder = tmp_path_factory.mktemp("assertions")
    shutil.copy(sqlite_with_keys, folder / "tunnus.db")
    app = create_app(
        make_settings(database={"url": f"sqlite:///{folder / 'tunnus.db'}"}, folders={"data": folder})
    )
    people = People(app)
    people.client("by-secret", token_endpoint_auth_method="client_secret_jwt")
    people.client("by-key", token_endpoint_auth_method="private_key_jwt", jwks=steps.public_jwks(KEY))
    yield app
    with app.app_context():
        db.engine.dispose()
        app.extensions["lean"].close_idle()


def assert_not_authenticated(provider: Flask, assertion: str) -> None:
    form = {"client_assertion_type": steps.ASSERTION_TYPE, "client_assertion": assertion}
    for path, usual in ENDPOINTS.items():
        answer = provider.test_client().post(path, data=usual | form)
        assert answer.status_code in {400, 401, 413}, (path, answer.status_code)
        assert answer.is_json


USUAL = settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


@USUAL
@given(header=PARTS, payload=PARTS, signature=st.binary(max_size=70))
@example(b'{"alg":"RS256"}', b'{"sub":"by-key","x":' + nested(2_000, "[").encode() + b"}", b"\0\0\0")
@example(b'{"alg":"HS256","x":' + nested(2_000, "{").encode() + b"}", b'{"sub":"by-secret"}', b"\0")
def test_what_nobody_signed_authenticates_nobody(
    provider: Flask, header: bytes, payload: bytes, signature: bytes
) -> None:
    assert_not_authenticated(provider, compact(header, payload, signature))


@USUAL
@given(members=MEMBERS, kid=st.one_of(st.just("one"), st.text(max_size=5)))
@example({"jti": nested(970, "[")}, "one")
@example({"exp": "1e999"}, "one")
@example({"aud": nested(940, "{")}, "one")
def test_what_the_client_signed_but_makes_no_sense_authenticates_nobody(
    provider: Flask, members: dict[str, str], kid: str
) -> None:
    usual: dict[str, Any] = {"iss": "by-key", "sub": "by-key", "aud": "https://elsewhere.example.fi"}
    payload = as_json({name: json.dumps(value) for name, value in usual.items()} | members)

    assertion = jws.serialize_compact({"alg": "ES256", "kid": kid}, payload, KEY)

    assert_not_authenticated(provider, assertion)


@USUAL
@given(text=st.text(alphabet="e30.~AAé \x00=", max_size=40))
def test_what_is_no_jwt_authenticates_nobody(provider: Flask, text: str) -> None:
    assert_not_authenticated(provider, text or "x")
