"""The settings to copy hold the client's values, never its secret, and the parameters of the tested documentation."""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.accounts.roles import OPERATOR, Role
from idp.admin import client_snippets
from idp.admin.client_snippets import KINDS, quoted
from idp.clients import managed
from tests.admin.client_steps import PAGE
from tests.support import journey
from tests.support.people import People

DOCS = Path(__file__).parents[2] / "docs" / "relying-parties"
TESTED = ("openid-client", "authlib", "mod_auth_openidc", "mozilla-django-oidc", "oidc-client-ts")
OF: dict[str, dict[str, Any]] = {key: {} for key in TESTED}
OF["oidc-client-ts"] = {
    "token_endpoint_auth_method": "none",
    "post_logout_redirect_uris": ["https://asiointi.example.fi/"],
}
STRINGS = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'')
COMMENTS = re.compile(r"(?<!:)//.*|(?m:^|  )#.*")
ADDRESSES = re.compile(r"https?://\S+")
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]+")
VIEWS = {
    *("views", "as_view", "name"),
    *("OIDCAuthenticationCallbackView", "OIDCAuthenticationRequestView", "OIDCLogoutView"),
}  # of mozilla-django-oidc, where an app has a callback of its own
ODD = "a\"b\\c'd ${e} {{f}} <g>"


@pytest.fixture
def keeper(at_desk: Callable[..., FlaskClient]) -> FlaskClient:
    return at_desk(Role.CLIENTS)


def texts(app: Flask, client_id: str = "asiointi") -> dict[str, str]:
    with app.app_context():
        client = managed.look(client_id, OPERATOR)
    with app.test_request_context():
        return {snippet.key: snippet.text for snippet in client_snippets.snippets(client)}


def names(code: str) -> set[str]:
    """The names of parameters and functions: without what stands in quotes and comments."""
    return set(WORD.findall(ADDRESSES.sub("", COMMENTS.sub("", STRINGS.sub("", code)))))


def words(code: str) -> set[str]:
    return set(WORD.findall(code))


@pytest.mark.parametrize("key", TESTED)
def test_the_names_are_those_of_the_page_that_is_tested(app: Flask, people: People, key: str) -> None:
    people.client(scope="openid profile email", **OF[key])
    page = (DOCS / f"{key}.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```\w+\n(.*?)```", page, re.DOTALL))

    used = names(texts(app)[key])

    assert len(used) > 10
    assert used - words(code) - {"allowInsecureRequests", "execute", "logout"} - VIEWS == set()
    if key == "authlib":
        in_quotes = set(re.findall(r'^\s+"(\w+)":', texts(app)[key], re.MULTILINE))
        assert in_quotes == {"scope", "code_challenge_method", "timeout"} <= words(code)


@pytest.mark.parametrize("key", TESTED)
def test_a_change_of_the_page_would_be_noticed(app: Flask, people: People, key: str) -> None:
    people.client(scope="openid profile email", **OF[key])
    text = texts(app)[key]
    main = {
        "openid-client": {"redirect_uri", "scope", "code_challenge", "expectedNonce", "id_token_hint"},
        "authlib": {"server_metadata_url", "client_id", "client_kwargs", "authorize_redirect"},
        "mod_auth_openidc": {"OIDCClientID", "OIDCPKCEMethod", "OIDCRedirectURI", "OIDCCryptoPassphrase"},
        "mozilla-django-oidc": {"OIDC_RP_CLIENT_ID", "OIDC_USE_PKCE", "OIDC_RP_SIGN_ALGO"},
        "oidc-client-ts": {"UserManager", "authority", "loadUserInfo", "signinCallback", "signoutCallback"},
    }
    assert main[key] <= names(text)


def test_each_holds_the_values_of_the_client_and_not_its_secret(
    app: Flask, keeper: FlaskClient, people: People
) -> None:
    registered = people.client()

    found = texts(app)
    page = keeper.get(f"{PAGE}/settings").get_data(as_text=True)

    servers = {key for key, kind in KINDS.items() if kind.runs == "server"}
    assert set(found) == servers - {"curl", "aspnet-core"}
    for key, text in found.items():
        assert "http://localhost:8400" in text, key
        assert "asiointi" in text, key
        assert "offline_access" in text, key
    assert registered.secret is not None
    assert registered.secret not in page
    assert page.count("<pre") == len(found)
    plain = journey.soup(page_response := keeper.get(f"{PAGE}/settings")).select_one("#plain")
    assert plain is not None
    assert page_response.status_code == 200
    assert "https://asiointi.example.fi/callback" in plain.text


@pytest.mark.parametrize(
    ("metadata", "shown"),
    [
        ({"token_endpoint_auth_method": "none"}, {"oidc-client-ts"}),
        (
            {
                "token_endpoint_auth_method": "none",
                "application_type": "native",
                "redirect_uris": ["fi.example.app:/callback"],
            },
            {"appauth-android", "appauth-ios"},
        ),
        (
            {
                "response_types": ["code id_token"],
                "grant_types": ["authorization_code", "implicit"],
                "token_endpoint_auth_method": "client_secret_post",
            },
            {"mod_auth_openidc", "aspnet-core"},
        ),
        ({"grant_types": ["client_credentials"], "scope": "invoices:read"}, {"curl"}),
        (
            {"token_endpoint_auth_method": "client_secret_jwt"},
            {"openid-client", "mod_auth_openidc", "spring-boot", "keycloak"},
        ),
    ],
    ids=["page", "app", "hybrid", "machine", "jwt"],
)  # fmt: skip
def test_only_what_fits_the_client_is_shown(
    app: Flask, people: People, metadata: dict[str, Any], shown: set[str]
) -> None:
    people.client(**metadata)

    found = texts(app)

    assert set(found) == shown
    if "response_types" in metadata:
        assert "code id_token" in found["aspnet-core"]
        assert "form_post" in found["mod_auth_openidc"]


def test_what_sends_the_secret_in_the_form_is_for_apps_that_do(app: Flask, people: People) -> None:
    people.client(token_endpoint_auth_method="client_secret_post")

    assert "aspnet-core" in texts(app)


def test_the_settings_of_django_name_nothing_that_is_not_there(app: Flask, people: People) -> None:
    people.client(redirect_uris=["https://asiointi.example.fi/paluu"])
    page = (DOCS / "mozilla-django-oidc.md").read_text(encoding="utf-8")
    module = re.search(r"`asiointi/tunnus.py`:\n\n```python\n(.*?)```", page, re.DOTALL)

    text = texts(app)["mozilla-django-oidc"]

    assert module is not None
    assert module[1] in text
    assert 'path("paluu", views.OIDCAuthenticationCallbackView' in text
    assert 'LOGOUT_REDIRECT_URL = "https://asiointi.example.fi/logged-out"' in text
    defined = {node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assert set(re.findall(r'"asiointi\.tunnus\.(\w+)"', text)) == defined


@pytest.mark.parametrize(
    ("scope", "named"),
    [("admin:clients admin:audit", True), ("admin:audit invoices:read", True), ("invoices:read", False)],
)
def test_a_program_of_the_administrators_api_asks_for_a_token_for_it(
    app: Flask, people: People, scope: str, named: bool
) -> None:
    people.client(grant_types=["client_credentials"], scope=scope)

    text = texts(app)["curl"]

    assert ('"resource=http://localhost:8400/admin/api/v1"' in text) is named


def test_a_program_asks_for_a_token_for_the_first_api_that_it_may_call(app: Flask, people: People) -> None:
    apis = ["https://laskut.example.fi/", "https://luvat.example.fi/"]
    people.client(grant_types=["client_credentials"], scope="invoices:read", allowed_resources=apis)

    assert '--data-urlencode "resource=https://laskut.example.fi/"' in texts(app)["curl"]


def test_a_public_client_has_no_line_for_a_secret(app: Flask, people: People) -> None:
    people.client(token_endpoint_auth_method="none")

    assert all("secret" not in text.lower() for text in texts(app).values())


def test_an_app_is_found_by_its_own_scheme(app: Flask, people: People) -> None:
    people.client(
        "id$x",
        token_endpoint_auth_method="none",
        application_type="native",
        redirect_uris=["fi.example.app:/callback"],
    )

    found = texts(app, "id$x")

    assert 'manifestPlaceholders["appAuthRedirectScheme"] = "fi.example.app"' in found["appauth-android"]
    assert r'"id\$x"' in found["appauth-android"]  # a Kotlin text would read a value there
    assert '"id$x"' in found["appauth-ios"]
    assert all('"fi.example.app:/callback"' in text for text in found.values())


def test_an_odd_identifier_stays_a_text_in_every_language(app: Flask, people: People) -> None:
    people.client(ODD)

    found = texts(app, ODD)

    for text in found.values():
        assert quoted(ODD) in text
    tree = ast.parse(found["authlib"])
    assert ODD in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert json.loads(found["keycloak"])["config"]["clientId"] == ODD
    django = ast.parse(found["mozilla-django-oidc"])
    assert ODD in [node.value for node in ast.walk(django) if isinstance(node, ast.Constant)]


def test_an_address_cannot_leave_its_line_of_the_web_servers_configuration(
    app: Flask, people: People
) -> None:
    people.client(redirect_uris=["https://x.example.fi/cb?a='b';c=$(d)"])

    lines = texts(app)["mod_auth_openidc"].splitlines()

    assert "OIDCRedirectURI https://x.example.fi/cb?a='b';c=$(d)" in lines
