"""Whatever a client signs, or sends as if it had: understood as parameters, or refused by the error for it."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

from idp import create_app
from idp.clients.registry import Client
from idp.database import db
from idp.oidc.errors import InvalidRequestObject
from idp.oidc.request_objects import PARAMETERS, read
from tests.conftest import make_settings
from tests.oidc import steps

KEY = ECKey.generate_key("P-256", {"kid": "one"})
CLIENT = Client(
    "asiointi",
    {"jwks": steps.public_jwks(KEY)},
    None,
    first_party=True,
    pkce_required=True,
    resource_server=False,
)
HEADERS = ("typ", "kid", "cty", "crit", "b64", "jwk", "x5u", "x5c", "zip")
ABOUT_THE_OBJECT = ("iss", "aud", "exp", "nbf", "iat", "jti", "sub")

ANY_CHARACTER = st.characters()  # halves of characters (surrogates) too, which JSON can write
TEXTS = st.text(ANY_CHARACTER, max_size=12)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*PARAMETERS, *ABOUT_THE_OBJECT, "request", "registration"]) | TEXTS
GOOD = st.dictionaries(
    st.sampled_from(PARAMETERS), st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
)


@pytest.fixture(scope="module", autouse=True)
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One app for every example; no database is asked."""
    folder = tmp_path_factory.mktemp("properties")
    app = create_app(
        make_settings(database={"url": f"sqlite:///{folder / 'none.db'}"}, folders={"data": folder})
    )
    with app.app_context():
        yield app
        db.engine.dispose()
    assert not Path(folder / "none.db").exists()


def signed(content: Any) -> str:
    return jws.serialize_compact({"alg": "ES256"}, json.dumps(content), KEY)


def signed_to_the_letter(header: Any, content: Any) -> str:
    """Past the checks that the library makes when it signs."""
    parts = (urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, content))
    message = b".".join(parts)
    signature = JWSRegistry.algorithms["ES256"].sign(message, KEY)
    return b".".join((message, urlsafe_b64encode(signature).rstrip(b"="))).decode()


def understood(text: str) -> dict[str, str] | None:
    """The parameters, if the object is understood: texts that can be stored and sent on, none of them empty."""
    try:
        found = read(CLIENT, text)
    except InvalidRequestObject as error:
        description = error.get_error_description()
        assert all(" " <= char <= "~" and char not in '"\\' for char in description)
        return None
    assert all(isinstance(value, str) and value for value in found.values())
    assert "".join(found.values()).encode().decode() == "".join(found.values())
    assert not {"request", "request_uri", *ABOUT_THE_OBJECT} & found.keys()
    return found


@given(st.text(ANY_CHARACTER))
@example("..")
@example("a.b.c")
@example("eyJhbGciOiJub25lIn0.e30.")
@example("eyJhbGciOiJFUzI1NiJ9.e30.")
@example("W10.e30.x")
@example("eyJhbGciOlsiRVMyNTYiXX0.e30.AA")
@example("\ud800.\ud800.\ud800")
def test_no_text_that_the_client_has_not_signed_is_understood(text: str) -> None:
    assert understood(text) is None


@given(ANYTHING)
def test_any_signed_json_is_understood_or_refused(content: Any) -> None:
    understood(signed(content))


@given(st.dictionaries(NAMES, ANYTHING, max_size=6))
@example({"max_age": 10**400})
@example({"exp": 10**400})
@example({"claims": {"userinfo": {"\ud800": None}}})
@example({"state": "\ud800"})
def test_members_of_any_kind_are_understood_or_refused(content: dict[str, Any]) -> None:
    understood(signed(content))


@given(st.dictionaries(st.sampled_from(HEADERS), ANYTHING))
@example({"crit": ["exp"], "exp": 1})
@example({"b64": False, "crit": ["b64"]})
@example({"typ": "at+jwt"})
@example({"kid": ["one"]})
def test_signed_headers_of_any_kind_are_understood_or_refused(header: dict[str, Any]) -> None:
    found = understood(signed_to_the_letter({"alg": "ES256", **header}, {"state": "x"}))

    assert found in (None, {"state": "x"})
    if not {*HEADERS} & header.keys():
        assert found


@given(GOOD)
def test_every_parameter_of_a_signed_object_is_understood_to_the_letter(content: dict[str, str]) -> None:
    assert understood(signed(content)) == content


@given(GOOD, st.integers(min_value=0), st.binary(min_size=1, max_size=1))
def test_an_object_of_which_one_character_was_changed_is_refused(
    content: dict[str, str], place: int, other: bytes
) -> None:
    text = signed(content)
    place %= text.rindex(".")  # the last characters of a signature may mean the same
    character = chr(other[0])
    changed = text[:place] + character + text[place + 1 :]

    assert understood(changed) is None or changed == text


@pytest.mark.parametrize("kind", ["[", "{"])
def test_claims_that_nest_deep_are_refused_wherever_a_reader_gives_up(kind: str) -> None:
    opening, closing = {"[": ("[", "]"), "{": ('{"a":', "}")}[kind]
    for depth in (10, 500, *range(900, 1_000)):
        claims = opening * depth + "1" + closing * depth
        payload = f'{{"claims": {{"userinfo": {claims}}}}}'.encode()
        signed = jws.serialize_compact({"alg": "ES256", "kid": "one"}, payload, KEY)
        try:
            found = read(CLIENT, signed)
        except InvalidRequestObject:
            continue
        assert json.loads(found["claims"])
