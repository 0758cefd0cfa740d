"""What may be registered of a client app (RFC 7591 2, OpenID Connect Registration 2, RFC 9700 2.1, RFC 8252)."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from idp.clients.registration import InvalidClientMetadata, InvalidRedirectUri, validate

GOOD: dict[str, Any] = {
    "client_name": "Asiointipalvelu",
    "redirect_uris": ["https://asiointi.example.fi/callback"],
}


def accepted(**metadata: Any) -> dict[str, Any]:
    return validate(GOOD | metadata)


def refused(**metadata: Any) -> str:
    """Why it is refused; the member is named first."""
    with pytest.raises(InvalidClientMetadata) as caught:
        validate(GOOD | metadata)
    assert not isinstance(caught.value, InvalidRedirectUri)
    return str(caught.value)


# -- what is needed


def test_a_name_and_a_redirect_uri_are_enough() -> None:
    assert validate(GOOD) == GOOD


@pytest.mark.parametrize("name", [None, "", []])
def test_residents_must_see_who_asks(name: Any) -> None:
    assert refused(client_name=name).startswith("client_name")


@pytest.mark.parametrize("uris", [None, [], ()])
def test_there_must_be_a_redirect_uri(uris: Any) -> None:
    with pytest.raises(InvalidRedirectUri):
        validate(GOOD | {"redirect_uris": uris})


def test_members_without_a_value_are_left_out() -> None:
    assert accepted(logo_uri="", contacts=[], scope=None) == GOOD


@pytest.mark.parametrize(
    "member", ["unknown", "client_secret", "client_id", "redirect_uris#fi", "#", "jwks_uri", "request_uris"]
)
def test_a_member_that_means_nothing_here_is_refused(member: str) -> None:
    assert refused(**{member: ["https://asiointi.example.fi/"]}).startswith(member)


@pytest.mark.parametrize("member", ["client_name#sv", "client_name#en", "policy_uri#sv", "logo_uri#fi"])
def test_what_people_read_may_be_in_several_languages(member: str) -> None:
    assert member in accepted(**{member: "https://asiointi.example.fi/"})


# -- values


@pytest.mark.parametrize(
    ("member", "good", "bad"),
    [
        ("response_types", [["code"]], [["token"], ["code", "id_token"], "code", ["none"]]),
        (
            "grant_types",
            [["authorization_code"], ["authorization_code", "refresh_token"]],
            [["password"], ["implicit"], ["client_credentials"], "authorization_code"],
        ),
        ("application_type", ["web", "native"], ["browser", "WEB", ["web"]]),
        (
            "token_endpoint_auth_method",
            ["client_secret_basic", "client_secret_post", "none"],
            ["client_secret_jwt", "tls_client_auth", "basic", True],
        ),
        ("id_token_signed_response_alg", ["RS256", "ES256"], ["none", "HS256", "rs256", 256]),
        (
            "scope",
            ["openid", "openid profile email address phone offline_access"],
            ["openid invoices", "OPENID", ["openid"]],
        ),
        ("default_max_age", [0, 3600], [-1, "3600", 1.5, True]),
        ("require_auth_time", [True, False], ["true", 1]),
        ("contacts", [["tuki@example.fi"]], ["tuki@example.fi", [1], [None]]),
        ("jwks", [], ["x", [], {"keys": []}, {"keys": "x"}, {"keys": [1]}, {}, {"kty": "EC"}]),
    ],
)
def test_each_member_has_its_values(member: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert accepted(**{member: value})[member] == value
    for value in bad:
        if value not in ([], {}):
            assert refused(**{member: value}).startswith(member), value


@pytest.mark.parametrize("text", ["NUL \x00", "half a surrogate \ud800", "x" * 70_000])
def test_what_no_database_can_keep_is_refused(text: str) -> None:
    refused(client_name=text)


PAGES = ["client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"]


@pytest.mark.parametrize("member", PAGES)
@pytest.mark.parametrize("address", ["https://asiointi.example.fi/", "https://toinen.example/logo.svg?v=1#x"])
def test_pages_may_live_on_any_https_host(member: str, address: str) -> None:
    assert accepted(**{member: address})[member] == address


@pytest.mark.parametrize("member", PAGES)
@pytest.mark.parametrize(
    "address",
    [
        "http://asiointi.example.fi/",
        "javascript:alert(1)",
        "data:text/html,x",
        "//asiointi.example.fi/",
        "/page",
        "asiointi",
        "https:",
        "https:///page",
        "https://[",
        "https://a:b@asiointi.example.fi/",
        "https://asiointi.example.fi/ x",
        "https://asiointi.example.fi/\nx",
        "https://*.example.fi/",
    ],
)
def test_a_page_must_be_an_https_address(member: str, address: str) -> None:
    assert refused(**{member: address}).startswith(member)


def test_plain_http_pages_and_redirects_are_for_demo_and_tests() -> None:
    local = GOOD | {
        "client_uri": "http://localhost:8401/",
        "redirect_uris": ["http://localhost:8401/callback"],
    }

    assert validate(local, plain_http=True) == local
    with pytest.raises(InvalidRedirectUri):
        validate(local)


# -- redirect URIs


@pytest.mark.parametrize(
    "uri",
    [
        "https://asiointi.example.fi/callback",
        "https://asiointi.example.fi",
        "https://asiointi.example.fi:8443/callback?client=tunnus&x",
        "https://xn--ml-fka.example.fi/%C3%A4",
        "https://192.0.2.1/callback",
        "https://[2001:db8::1]/callback",
    ],
)
def test_an_https_address_is_good_for_every_client(uri: str) -> None:
    for kind in ("web", "native"):
        assert accepted(redirect_uris=[uri], application_type=kind)["redirect_uris"] == [uri]


@pytest.mark.parametrize(
    "uri",
    [
        "fi.example.asiointi:/callback",
        "fi.example.asiointi://callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:1234/callback",
        "http://[::1]/callback",
        "http://localhost/callback",
    ],
)
def test_loopback_and_own_schemes_are_for_native_apps(uri: str) -> None:
    assert accepted(redirect_uris=[uri], application_type="native")
    with pytest.raises(InvalidRedirectUri):
        accepted(redirect_uris=[uri])


@pytest.mark.parametrize("member", ["redirect_uris", "post_logout_redirect_uris"])
@pytest.mark.parametrize("kind", ["web", "native"])
@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "//asiointi.example.fi/callback",
        "asiointi.example.fi/callback",
        "http://asiointi.example.fi/callback",
        "http://127.0.0.1.example.fi/callback",
        "https://asiointi.example.fi/callback#fragment",
        "https://asiointi.example.fi/callback#",
        "https://maija@asiointi.example.fi/callback",
        "https://maija:salasana@asiointi.example.fi/callback",
        "https://@asiointi.example.fi/callback",
        "https://asiointi.example.fi\\@evil.example/callback",
        "https://asiointi.example.fi:port/callback",
        "https://asiointi.example.fi:99999/callback",
        "https://*.example.fi/callback",
        "https://-/callback",
        "https:///callback",
        "https://:443/callback",
        "https:callback",
        "https://[::1/callback",
        "https://asiointi.example.fi/call back",
        " https://asiointi.example.fi/callback",
        "https://asiointi.example.fi/callback\n",
        "https://asiointi.example.fi/\tcallback",
        "https://asiointi.example.fi/\x00",
        "https://asiointi.example.fi/ä",
        "https://äsiointi.example.fi/",
        'https://asiointi.example.fi/"onload="',
        "https://asiointi.example.fi/<b>",
        "javascript:alert(1)",
        "JavaScript://asiointi.example.fi/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://asiointi.example.fi/x",
        "about:blank",
        "asiointi:/callback",
        "ftp://asiointi.example.fi/callback",
        "urn:ietf:wg:oauth:2.0:oob",
    ],
)
def test_what_is_no_safe_address_is_refused_for_every_client(member: str, kind: str, uri: str) -> None:
    with pytest.raises(InvalidRedirectUri):
        accepted(application_type=kind, **{"redirect_uris": GOOD["redirect_uris"]} | {member: [uri]})


def test_one_bad_address_among_good_ones_is_enough() -> None:
    with pytest.raises(InvalidRedirectUri):
        accepted(redirect_uris=[*GOOD["redirect_uris"], "javascript:x"])


# -- keys


def jwks(*keys: Any) -> dict[str, Any]:
    return {"keys": [key if isinstance(key, dict) else key.as_dict(private=False) for key in keys]}


def test_public_keys_of_every_usable_kind_are_good() -> None:
    keys = (RSAKey.generate_key(2048), ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519"))

    for key in keys:
        assert accepted(jwks=jwks(key), token_endpoint_auth_method="private_key_jwt")


def test_a_client_that_signs_must_give_its_keys() -> None:
    assert refused(token_endpoint_auth_method="private_key_jwt").startswith("jwks")


@pytest.mark.parametrize(
    "key", [RSAKey.generate_key(2048), ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")]
)
def test_a_private_key_is_refused_so_that_it_is_noticed(key: Any) -> None:
    assert "private" in refused(jwks=jwks(key.as_dict(private=True)))


def test_a_shared_secret_is_no_key_set() -> None:
    assert refused(jwks=jwks(OctKey.generate_key(256).as_dict(private=True))).startswith("jwks")


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_a_short_rsa_key_is_refused() -> None:
    assert "2048" in refused(jwks=jwks(RSAKey.generate_key(1024)))


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "EC"},
        {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"},
        {"kty": "RSA", "n": "A" * 400},
        {"kty": "OKP", "crv": "Ed25519", "x": 1},
        {"kty": "unknown"},
    ],
)
def test_what_is_no_key_is_refused(key: dict[str, Any]) -> None:
    assert refused(jwks=jwks(key)).startswith("jwks")
