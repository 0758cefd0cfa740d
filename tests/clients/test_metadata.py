"""What may be registered of a client app (RFC 7591 2, OpenID Connect Registration 2, RFC 9700 2.1, RFC 8252)."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from idp.clients.metadata import InvalidClientMetadata, InvalidRedirectUri, validate, with_defaults
from idp.clients.registry import Client

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
    "member",
    ["unknown", "client_secret", "client_id", "redirect_uris#fi", "#", "request_uri", "software_statement"],
)
def test_a_member_that_means_nothing_here_is_refused(member: str) -> None:
    assert refused(**{member: ["https://asiointi.example.fi/"]}).startswith(member)


@pytest.mark.parametrize(
    "tag", ["fi", "sv-FI", "zh-Hant-TW", "sr-Latn", "de-CH-1996", "es-419", "se-x-kunta"]
)
def test_a_language_is_a_tag_of_bcp_47(tag: str) -> None:
    assert f"client_name#{tag}" in accepted(**{f"client_name#{tag}": "Nimi"})


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "",
            " ",
            "#",
            "../../x",
            "f",
            "fi_FI",
            "fi-",
            "-fi",
            "fi--FI",
            "fi sv",
            "fi\n",
            "fi\u202e",
            "suömi",
        ),
        *("fi#sv", "kiitoksia", "x" * 100, "fi-" + "-".join(["abcde"] * 10), "\u0661\u0662"),
    ],
)
def test_what_is_no_language_is_refused(tag: str) -> None:
    for name in ("client_name", "logo_uri"):
        assert refused(**{f"{name}#{tag}": "https://asiointi.example.fi/"}).startswith(name)


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
            [["password"], ["urn:example"], "authorization_code"],
        ),
        ("application_type", ["web", "native"], ["browser", "WEB", ["web"]]),
        (
            "token_endpoint_auth_method",
            ["client_secret_basic", "client_secret_post", "client_secret_jwt", "none"],
            ["tls_client_auth", "basic", True],
        ),
        ("id_token_signed_response_alg", ["RS256", "ES256"], ["none", "HS256", "rs256", 256]),
        (
            "scope",
            ["openid", "openid profile email address phone offline_access"],
            ["openid invoices", "OPENID", ["openid"]],
        ),
        ("default_max_age", [0, 3600], [-1, "3600", 1.5, True]),
        ("require_auth_time", [True, False], ["true", 1]),
        (
            "contacts",
            [["tuki@example.fi"]],
            ["tuki@example.fi", [1], [None], ["ei osoite"], ["a@example.fi", "@"]],
        ),
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
        "https://asiointi.example.fi/x#\r\nSet-Cookie: a=b",
        'https://asiointi.example.fi/x#a b"<>',
        "https://asiointi.example.fi/#\u202e",
        "https://asiointi.example.fi/#a#b",
        "https://asiointi.example.fi/#%",
        "https://asiointi.example.fi/#ä",
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
        "fi.example.asiointi://callback",
        "fi.example.asiointi:///callback",
        "fi.example.asiointi://asiointi.example.fi/callback",
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


def test_keys_are_given_once() -> None:
    key = ECKey.generate_key("P-256")
    both = {"jwks": jwks(key), "jwks_uri": "https://asiointi.example.fi/jwks"}

    assert refused(**both).startswith("jwks")
    assert accepted(token_endpoint_auth_method="private_key_jwt", jwks_uri=both["jwks_uri"])


@pytest.mark.parametrize(
    "members",
    [
        {"request_object_signing_alg": "ES256"},
        {"require_signed_request_object": True},
        {"id_token_encrypted_response_alg": "ECDH-ES"},
        {"userinfo_encrypted_response_alg": "RSA-OAEP"},
    ],
)
def test_what_needs_keys_is_not_registered_without(members: dict[str, Any]) -> None:
    assert refused(**members).startswith("jwks")
    assert accepted(**members, jwks=jwks(ECKey.generate_key("P-256")))


def test_more_keys_than_anybody_needs_are_refused() -> None:
    key = ECKey.generate_key("P-256")

    assert accepted(jwks=jwks(*[key] * 50))
    assert refused(jwks=jwks(*[key] * 51)).startswith("jwks")


def test_an_rsa_key_that_would_keep_us_busy_is_refused() -> None:
    for modulus in ("_" * 2000, "_" * 60_000, "A" * 2000 + "_" * 171):
        assert refused(jwks=jwks({"kty": "RSA", "n": modulus, "e": "AQAB"})).startswith("jwks")


# -- members that must fit each other (RFC 7591 2.1, OpenID Connect Registration 2)


@pytest.mark.parametrize(
    ("response_types", "grant_types", "fits"),
    [
        (["code"], ["authorization_code"], True),
        (["id_token"], ["implicit"], True),
        (["id_token token"], ["implicit"], True),
        (["code id_token"], ["authorization_code", "implicit"], True),
        (["token id_token code"], ["authorization_code", "implicit"], True),  # the order means nothing
        (None, ["authorization_code", "implicit"], True),
        (None, ["client_credentials"], True),
        (["id_token"], None, False),
        (["code id_token"], ["authorization_code"], False),
        (["code id_token"], ["implicit"], False),
        (["code"], ["implicit"], False),
        (["code"], ["client_credentials"], False),
        (None, ["implicit"], False),
    ],
)
def test_response_types_need_their_grant_types(
    response_types: list[str] | None, grant_types: list[str] | None, fits: bool
) -> None:
    members = {"response_types": response_types, "grant_types": grant_types}

    if fits:
        assert accepted(**members)
    else:
        assert refused(**members).startswith("response_types")


@pytest.mark.parametrize(
    ("grant_types", "expected"),
    [
        (None, {"code"}),
        (["authorization_code", "refresh_token"], {"code"}),
        (["client_credentials"], set()),
        (["urn:ietf:params:oauth:grant-type:device_code"], set()),
    ],
)
def test_only_who_uses_codes_has_the_response_type_code_by_itself(
    grant_types: list[str] | None, expected: set[str]
) -> None:
    clean = accepted(grant_types=grant_types)
    client = Client("asiointi", clean, None, first_party=True, pkce_required=True, resource_server=False)

    assert client.response_types == expected == set(with_defaults(clean)["response_types"])


@pytest.mark.parametrize(
    ("uri", "kind", "fits"),
    [
        ("https://asiointi.example.fi/callback", "web", True),
        ("https://localhost/callback", "web", False),
        ("https://localhost:8443/callback", "web", False),
        ("https://127.0.0.1/callback", "web", False),
        ("https://[::1]/callback", "web", False),
        ("https://localhost.example.fi/callback", "web", True),
        ("https://localhost/callback", "native", True),
        ("http://localhost/callback", "native", True),
        ("fi.example.app:/callback", "native", True),
    ],
)
@pytest.mark.parametrize("hybrid", [False, True])
def test_tokens_come_to_no_web_client_on_loopback(uri: str, kind: str, fits: bool, hybrid: bool) -> None:
    members = {
        "redirect_uris": [GOOD["redirect_uris"][0], uri],
        "application_type": kind,
        "grant_types": ["implicit", *(["authorization_code"] if hybrid else [])],
        "response_types": ["code id_token" if hybrid else "id_token"],
    }

    if fits:
        assert accepted(**members)
    else:
        with pytest.raises(InvalidRedirectUri):
            accepted(**members)
    assert validate(
        GOOD | members | {"application_type": "web" if uri.startswith("http") else kind}, plain_http=True
    )
    if uri.startswith("https"):
        assert accepted(redirect_uris=[uri], application_type=kind)  # by code alone


@pytest.mark.parametrize(
    ("method", "alg", "fits"),
    [
        ("client_secret_jwt", "HS256", True),
        ("client_secret_jwt", "HS512", True),
        ("client_secret_jwt", "RS256", False),
        ("private_key_jwt", "ES256", True),
        ("private_key_jwt", "HS256", False),
        ("client_secret_basic", "RS256", True),  # it is not used
        ("client_secret_basic", "none", False),
    ],
)
def test_a_secret_signs_with_hmac_and_a_key_does_not(method: str, alg: str, fits: bool) -> None:
    members = {
        "token_endpoint_auth_method": method,
        "token_endpoint_auth_signing_alg": alg,
        "jwks": jwks(ECKey.generate_key("P-256")),
    }

    if fits:
        assert accepted(**members)
    else:
        assert refused(**members).startswith("token_endpoint_auth_signing_alg")


# -- pairwise subjects (OpenID Connect Core 8.1)


@pytest.mark.parametrize(
    ("uris", "one_sector"),
    [
        (["https://a.example.fi/1", "https://a.example.fi/2"], True),
        (["https://a.example.fi/1", "https://a.example.fi:8443/2"], True),
        (["https://a.example.fi/1", "https://b.example.fi/1"], False),
        (["https://a.example.fi/1", "https://example.fi/1"], False),
        (["https://a.example.fi/1", "fi.example.app:/callback"], False),
        (["https://a.example.fi/1", "http://127.0.0.1/callback"], False),
        (["fi.example.app:/callback"], True),
        (["fi.example.app:/callback", "http://127.0.0.1/callback", "http://[::1]/callback"], True),
    ],
)
def test_redirect_uris_of_several_hosts_need_a_sector(uris: list[str], one_sector: bool) -> None:
    members = {"redirect_uris": uris, "application_type": "native", "subject_type": "pairwise"}

    assert accepted(**members, sector_identifier_uri="https://a.example.fi/uris.json")
    if one_sector:
        assert accepted(**members)
    else:
        assert refused(**members).startswith("sector_identifier_uri")
        assert accepted(**members | {"subject_type": "public"})


@pytest.mark.parametrize(
    ("members", "sector"),
    [
        ({}, "asiointi.example.fi"),
        ({"redirect_uris": ["HTTPS://Asiointi.example.fi:8443/x"]}, "asiointi.example.fi"),
        ({"sector_identifier_uri": "https://kunta.example.fi/uris.json"}, "kunta.example.fi"),
        ({"redirect_uris": ["fi.example.app:/callback"]}, "client-1"),
        (
            {"redirect_uris": ["fi.example.app://asiointi.example.fi/callback"]},
            "client-1",
        ),  # of an earlier version
        ({"redirect_uris": ["http://127.0.0.1/callback"]}, "client-1"),
        ({"redirect_uris": ["http://[::1]:80/callback", "fi.example.app:/callback"]}, "client-1"),
        ({"redirect_uris": []}, "client-1"),
    ],
)
def test_only_a_host_that_is_sent_something_gives_its_name_to_a_sector(
    members: dict[str, Any], sector: str
) -> None:
    client = Client("client-1", GOOD | members, None, True, True, False)

    assert client.sector == sector


# -- addresses that we ask, and request objects by reference


@pytest.mark.parametrize(
    "member", ["jwks_uri", "sector_identifier_uri", "backchannel_logout_uri", "frontchannel_logout_uri"]
)
def test_what_we_ask_is_https_without_fragment(member: str) -> None:
    assert accepted(**{member: "https://asiointi.example.fi/x?y=1"})
    for address in (
        "http://asiointi.example.fi/x",
        "https://asiointi.example.fi/x#y",
        "https://a:b@c.fi/",
        "x",
    ):
        assert refused(**{member: address}).startswith(member)


def test_request_uris_may_have_a_hash_in_their_fragment() -> None:
    good = [
        "https://asiointi.example.fi/request.jwt",
        "https://asiointi.example.fi/r?x=1#GkurKxf5T0Y-mnPFCHqWOMiZi4",
    ]

    assert accepted(request_uris=good)["request_uris"] == good
    for bad in (
        "http://asiointi.example.fi/r",
        "urn:x",
        "javascript:x",
        "https://asiointi.example.fi/ r#x",
        "https://asiointi.example.fi/r#\n x",
        "https://asiointi.example.fi/r#ä",
        "#x",
    ):
        assert refused(request_uris=[bad]).startswith("request_uris")


def test_a_login_is_started_at_an_https_address_alone() -> None:
    assert accepted(initiate_login_uri="https://asiointi.example.fi/login?service=daycare")
    assert refused(initiate_login_uri="http://asiointi.example.fi/login").startswith("initiate_login_uri")
