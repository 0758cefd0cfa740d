"""Whatever is typed: only safe redirect URIs are registered, only the registered ones match, nothing else breaks."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hypothesis import example, given, settings
from hypothesis import strategies as st

from idp.clients import dynamic
from idp.clients.metadata import (
    LANGUAGE_TAG,
    SCOPES,
    TYPES,
    InvalidClientMetadata,
    InvalidRedirectUri,
    is_known,
    validate,
    with_defaults,
)
from idp.clients.registry import LOOPBACK_HOSTS, Client
from idp.oidc.client_registration import parsed
from idp.oidc.redirects import with_parameters

GOOD: dict[str, Any] = {"client_name": "Asiointi", "redirect_uris": ["https://asiointi.example.fi/callback"]}

SCHEMES = st.sampled_from(
    ["https", "HTTPS", "http", "javascript", "data", "fi.example.app", "app", "", "file", "https:https"]
)
HOSTS = st.sampled_from(
    [
        "asiointi.example.fi",
        "127.0.0.1",
        "localhost",
        "[::1]",
        "",
        "*.example.fi",
        "[",
        "a b",
        "ä.fi",
        "127.0.0.1.fi",
    ]
)
BITS = st.text(alphabet="ab/?#@:\\%&=+;.[]*<>\"' \t\n\x00äÅ\u202e\ud800", max_size=8)
ADDRESSES = st.one_of(
    st.text(max_size=40),
    st.builds(
        "{}:{}{}{}{}{}".format,
        SCHEMES,
        st.sampled_from(["//", "/", "", "///", "//user@", "//user:word@", "//@", "\\\\"]),
        HOSTS,
        st.sampled_from(["", ":", ":80", ":65536", ":x", ":0"]),
        st.sampled_from(["", "/", "/callback", "?a=b", "#x", "/../x"]),
        BITS,
    ),
)
KINDS = st.sampled_from(["web", "native"])
RESTS = st.text(alphabet="ab01/?&=+;.-_~!$'()*,:@%", max_size=12)
WEB_ADDRESSES = st.builds(
    "https://{}{}{}{}".format,
    st.sampled_from(["asiointi.example.fi", "127.0.0.1", "[::1]", "a.fi"]),
    st.sampled_from(["", ":80", ":65535"]),
    st.sampled_from(["/", "?"]),
    RESTS,
)
LOOPBACK_ADDRESSES = st.builds(
    "http://{}{}{}{}".format,
    st.sampled_from(sorted(LOOPBACK_HOSTS)),
    st.sampled_from(["", ":80", ":81"]),
    st.sampled_from(["/", "?"]),
    st.sampled_from(["", "a", "a=1", "@", ":80"]),
)
NATIVE_ADDRESSES = st.one_of(
    LOOPBACK_ADDRESSES,
    st.builds("fi.example.app:{}".format, RESTS.filter(lambda rest: not rest.startswith("//"))),
)
USUAL = settings(max_examples=200, deadline=None)


def registered(uri: str, kind: str) -> Client:
    """The client of that redirect URI. Raises InvalidRedirectUri."""
    clean = validate(GOOD | {"redirect_uris": [uri], "application_type": kind})
    return Client("asiointi", clean, None, first_party=True, pkce_required=True, resource_server=False)


@USUAL
@given(ADDRESSES, KINDS)
@example("https://asiointi.example.fi\\@evil.example/", "web")
def test_what_is_accepted_is_a_safe_address(uri: str, kind: str) -> None:
    try:
        registered(uri, kind)
    except InvalidRedirectUri:
        return

    parts = urlsplit(uri)
    assert uri.isascii()
    assert uri.isprintable()
    assert not set(uri) & set(' #<>"\\^`{|}')
    assert "@" not in parts.netloc
    if parts.scheme == "https":
        assert parts.hostname
    elif parts.scheme == "http":
        assert kind == "native"
        assert {parts.hostname, f"[{parts.hostname}]"} & LOOPBACK_HOSTS
    else:
        assert kind == "native"
        assert "." in parts.scheme
        assert not uri[len(parts.scheme) :].startswith("://")


@USUAL
@given(WEB_ADDRESSES, st.integers(0, 60), st.characters(codec="ascii"))
def test_an_address_matches_itself_and_nothing_that_differs_in_one_character(
    uri: str, position: int, other: str
) -> None:
    client = registered(uri, "web")
    where = position % (len(uri) + 1)

    assert client.check_redirect_uri(uri)
    assert not client.check_redirect_uri(uri[:where] + other + uri[where:])
    changed = uri[:where] + other + uri[where + 1 :]
    assert client.check_redirect_uri(changed) == (changed == uri)


@USUAL
@given(
    st.sampled_from(sorted(LOOPBACK_HOSTS)),
    st.integers(0, 70_000),
    st.sampled_from(["", "/", "/callback?x=1"]),
)
def test_of_a_native_apps_loopback_address_any_port_matches(host: str, port: int, rest: str) -> None:
    client = registered(f"http://{host}{rest}", "native")

    assert client.check_redirect_uri(f"http://{host}:{port}{rest}") == (port <= 65535)


@USUAL
@given(NATIVE_ADDRESSES, st.one_of(NATIVE_ADDRESSES, ADDRESSES))
def test_of_a_native_app_nothing_but_the_port_of_a_loopback_address_varies(uri: str, asked: str) -> None:
    client = registered(uri, "native")
    if not client.check_redirect_uri(asked) or asked == uri:
        return

    one, two = urlsplit(uri), urlsplit(asked)
    assert one.scheme == two.scheme == "http"
    assert one.hostname == two.hostname
    assert (one.path, one.query) == (two.path, two.query)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
PARAMETERS = st.lists(st.tuples(st.sampled_from(["code", "state", "iss"]), TEXTS), min_size=1, max_size=4)


@USUAL
@given(st.one_of(WEB_ADDRESSES, NATIVE_ADDRESSES), PARAMETERS)
@example("https://asiointi.example.fi??", [("code", "x")])
@example("https://asiointi.example.fi/?a&", [("code", "x")])
@example("https://asiointi.example.fi/a&", [("code", "x")])
def test_an_answer_begins_with_the_registered_address_and_ends_with_its_parameters(
    uri: str, parameters: list[tuple[str, str]]
) -> None:
    answer = with_parameters(uri, parameters)

    assert answer.startswith(uri)
    found = parse_qsl(urlsplit(answer).query, keep_blank_values=True)
    assert found[-len(parameters) :] == parameters
    assert not urlsplit(answer).fragment


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), ADDRESSES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted(TYPES)).flatmap(
    lambda name: st.sampled_from([name, f"{name}#sv", f"{name}#", name.upper()])
)


@USUAL
@given(st.dictionaries(st.one_of(NAMES, st.text(max_size=10)), JSON, max_size=4))
@example({"jwks": {"keys": [{"kty": ["EC"]}]}})
@example({"jwks": {"keys": [{"kty": "RSA", "n": None, "e": None}]}})
def test_any_metadata_is_either_refused_or_good_json(metadata: dict[str, Any]) -> None:
    try:
        clean = validate(GOOD | metadata)
    except InvalidClientMetadata:
        return

    assert json.loads(json.dumps(clean, allow_nan=False)) == clean
    assert validate(clean) == clean
    assert clean["client_name"]


LINKS = ["client_uri", "logo_uri", "policy_uri#sv", "tos_uri", "initiate_login_uri", "request_uris"]


@USUAL
@given(
    st.sampled_from(LINKS),
    st.one_of(ADDRESSES, st.builds("https://a.example.fi/#{}".format, st.one_of(BITS, st.text(max_size=8)))),
)
@example("logo_uri", "https://a.example.fi/#\r\nSet-Cookie: a=b")
def test_a_link_is_printable_ascii_to_its_end(member: str, uri: str) -> None:
    try:
        validate(GOOD | {member: [uri] if member == "request_uris" else uri})
    except InvalidClientMetadata:
        return

    assert not uri or uri.isascii()
    assert uri.isprintable()
    assert not set(uri) & set(' <>"\\^`{|}')
    assert uri.count("#") <= 1


@USUAL
@given(st.one_of(st.text(max_size=12), st.from_regex(LANGUAGE_TAG, fullmatch=True)))
def test_a_language_is_letters_digits_and_hyphens(tag: str) -> None:
    member = f"client_name#{tag}"
    fits = is_known(member)

    assert not fits or re.fullmatch("[A-Za-z0-9]+(-[A-Za-z0-9]+)*", tag)
    clean = dynamic.prepared(GOOD | {member: "Nimi"}, plain_http=False)
    assert (member in clean) is fits


# -- what clients send to register themselves (RFC 7591)


@USUAL
@given(st.dictionaries(st.one_of(NAMES, st.text(max_size=10)), JSON, max_size=5), st.booleans())
@example({"grant_types": [["client_credentials"]]}, True)
@example({"redirect_uris": ["https://["]}, False)
@example({"scope": {"openid": 1}}, True)
@example({"scope": "invoices"}, True)
@example({"client_name": None, "redirect_uris": 5}, False)
def test_whatever_a_client_sends_is_refused_or_harmless(sent: dict[str, Any], usual: bool) -> None:
    sent.pop("sector_identifier_uri", None)  # which would have to be asked
    try:
        clean = dynamic.prepared((GOOD | sent) if usual else sent, plain_http=False)
    except InvalidClientMetadata:
        return

    assert {name.partition("#")[0] for name in clean} <= TYPES.keys() - {"resource_uris"}
    assert dynamic.prepared(clean, plain_http=False) == clean
    assert set(clean["scope"].split()) <= set(SCOPES)
    assert "client_credentials" not in clean.get("grant_types", ())
    assert clean["client_name"]
    told = with_defaults(clean)
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def as_text(value: Any) -> str:
    """JSON of nested pairs, whose names may repeat."""
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(name)}:{as_text(inner)}" for name, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(as_text(inner) for inner in value) + "]"
    return json.dumps(value)


def repeats(value: Any) -> bool:
    if isinstance(value, tuple):
        names = [name for name, _ in value]
        return len(set(names)) < len(names) or any(repeats(inner) for _, inner in value)
    return isinstance(value, list) and any(repeats(inner) for inner in value)


PAIRS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), inner), max_size=3).map(tuple),
    ),
    max_leaves=8,
)


@USUAL
@given(PAIRS)
@example((("a", 1), ("a", 1)))
@example((("b", [(("a", 1), ("a", 2))]),))
def test_a_body_is_an_object_that_says_everything_once(value: Any) -> None:
    body = as_text(value).encode()
    try:
        found = parsed(body)
    except ValueError:
        assert not isinstance(value, tuple) or repeats(value)
    else:
        assert not repeats(value)
        assert found == json.loads(body)


JSONISH = st.text(alphabet='{}[]":,aN0-\\u\ud800 \t', max_size=40)


@USUAL
@given(st.one_of(st.binary(max_size=40), JSONISH.map(lambda text: text.encode("utf-8", "surrogatepass"))))
@example(b"{}")
@example(b'{"a": NaN}')
@example(b"[" * 100_000)
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    try:
        found = parsed(body)
    except ValueError:
        return
    assert isinstance(found, dict)
    assert json.dumps(found, allow_nan=False)
