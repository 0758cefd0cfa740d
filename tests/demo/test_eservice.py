"""The demo e-service as a relying party, against a small OpenID provider that can be told to misbehave.

The whole journey with our own provider and a real browser is under tests/journeys/.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from idp.demo.eservice import EserviceConfig, create_eservice
from idp.demo.eservice_store import BoundedStore
from idp.demo.eservice_texts import LANGUAGES, SERVICES, TEXTS

ROOT = Path(__file__).parents[2]
BASE_URL = "http://127.0.0.1:8401"
PUBLIC_PAGES = ["/", *(f"/services/{slug}" for slug in SERVICES)]
FIRST_KEY = RSAKey.generate_key(2048, {"kid": "first", "alg": "RS256"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "other", "alg": "RS256"})


@dataclass
class SmallProvider:
    """Just enough of an OpenID provider. The fields say what it will answer."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: FIRST_KEY)
    discovery: dict[str, Any] = field(default_factory=dict)
    id_token: dict[str, Any] = field(default_factory=dict)
    signing_key: RSAKey | None = None
    omit_id_token: bool = False
    userinfo: dict[str, Any] = field(default_factory=dict)
    token_status: int = 200
    token_request: dict[str, str] = field(default_factory=dict)
    nonce: str = ""

    def app(self) -> Flask:
        app = Flask("small_provider")

        @app.get("/.well-known/openid-configuration")
        def discovery() -> dict[str, Any]:
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "end_session_endpoint": f"{self.issuer}/logout",
                "jwks_uri": f"{self.issuer}/jwks",
                "id_token_signing_alg_values_supported": ["RS256"],
                "authorization_response_iss_parameter_supported": True,
                **self.discovery,
            }

        @app.get("/jwks")
        def jwks() -> dict[str, Any]:
            return {"keys": [self.key.as_dict(private=False)]}

        @app.post("/token")
        def token() -> tuple[dict[str, Any], int]:
            self.token_request = request.form.to_dict()
            if self.token_status != 200:
                return {"error": "invalid_grant"}, self.token_status
            now = int(time.time())
            claims = {
                "iss": self.issuer,
                "sub": "sub-1",
                "aud": "karttapalvelu",
                "iat": now,
                "exp": now + 300,
            }
            claims |= {"nonce": self.nonce} | self.id_token
            signed = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.signing_key or self.key)
            answer = {"access_token": "at", "token_type": "Bearer", "expires_in": 300}
            return answer if self.omit_id_token else answer | {"id_token": signed}, 200

        @app.get("/userinfo")
        def userinfo() -> dict[str, Any]:
            return {"sub": "sub-1", "name": "Maija Meikäläinen", "email": "maija@example.fi", **self.userinfo}

        return app


@pytest.fixture
def provider() -> Iterator[SmallProvider]:
    small = SmallProvider()
    server = make_server("127.0.0.1", 0, small.app(), threaded=True)
    small.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield small
    server.shutdown()
    thread.join()
    server.server_close()


def eservice_of(issuer: str) -> FlaskClient:
    app = create_eservice(
        EserviceConfig(
            issuer=issuer,
            client_id="karttapalvelu",
            client_secret="a secret of the tests",
            base_url=BASE_URL,
            secret_key="another secret of the tests",
            template_folder=ROOT / "templates",
            asset_folder=ROOT / "templates" / "assets",
            timeout_seconds=2,
        )
    )
    return app.test_client()


@pytest.fixture
def browser(provider: SmallProvider) -> FlaskClient:
    """A browser at the e-service, whose provider works."""
    return eservice_of(provider.issuer)


@pytest.fixture
def browser_alone() -> FlaskClient:
    """A browser at the e-service, whose provider is down."""
    server = make_server("127.0.0.1", 0, Flask("nobody"))
    port = server.server_port
    server.server_close()
    return eservice_of(f"http://127.0.0.1:{port}")


def query_of(answer: TestResponse) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(answer.location).query))


def page_name(answer: TestResponse) -> str:
    match = re.search(r'<main[^>]* data-page="([^"]+)"', answer.text)
    assert match
    return match[1]


def start(browser: FlaskClient, provider: SmallProvider, address: str = "/login") -> dict[str, str]:
    """Press "Log in"; the authorization request that the provider gets."""
    answer = browser.get(address)
    assert answer.status_code == 302
    assert answer.location.startswith(f"{provider.issuer}/authorize?")
    sent = query_of(answer)
    provider.nonce = sent["nonce"]
    return sent


def finish(browser: FlaskClient, provider: SmallProvider, state: str, **changes: str) -> TestResponse:
    """Come back from the provider."""
    values = {"code": "a-code", "state": state, "iss": provider.issuer} | changes
    return browser.get("/callback?" + urlencode({name: value for name, value in values.items() if value}))


def log_in(browser: FlaskClient, provider: SmallProvider, address: str = "/login") -> TestResponse:
    return finish(browser, provider, start(browser, provider, address)["state"])


def is_logged_in(browser: FlaskClient) -> bool:
    return browser.get("/permits").status_code == 200


def press_log_out(browser: FlaskClient) -> TestResponse:
    match = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/").text)
    assert match
    return browser.post("/logout", data={"csrf_token": match[1]})


# --- pages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "log_in_text"), [("fi", "Kirjaudu sisään"), ("sv", "Logga in"), ("en", "Log in")]
)
@pytest.mark.parametrize("page", PUBLIC_PAGES)
def test_public_pages_are_shown_without_a_provider(
    browser_alone: FlaskClient, page: str, language: str, log_in_text: str
) -> None:
    answer = browser_alone.get(f"{page}?lang={language}")
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    link = re.search(r'<a[^>]* id="log-in" href="([^"]+)">([^<]+)</a>', answer.text)
    assert link
    assert link[2] == log_in_text
    assert parse_qs(urlsplit(link[1]).query) == {"return_to": [page]}


def test_finnish_is_the_default_and_a_choice_is_remembered(browser_alone: FlaskClient) -> None:
    assert '<html lang="fi">' in browser_alone.get("/", headers={"Accept-Language": "en-US"}).text
    chosen = browser_alone.get("/?lang=sv").headers["Set-Cookie"]
    assert chosen.startswith("demo_language=sv;")
    assert "HttpOnly" in chosen
    assert "SameSite=Lax" in chosen
    assert '<html lang="sv">' in browser_alone.get("/services/map").text
    assert '<html lang="sv">' in browser_alone.get("/?lang=xx").text


def test_no_text_is_missing_or_left_in_finnish() -> None:
    for name, versions in TEXTS.items():
        assert len(versions) == len(LANGUAGES)
        assert all(text.strip() for text in versions), name
        assert versions[0] not in versions[1:], name


def test_every_page_forbids_scripts_frames_and_other_sites(browser_alone: FlaskClient) -> None:
    for address in ("/", "/callback", "/nowhere", "/assets/demo.css"):
        answer = browser_alone.get(address)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "<script" not in answer.text
        assert " style=" not in answer.text
        answer.close()


def test_unknown_pages_are_answered_in_the_chosen_language(browser_alone: FlaskClient) -> None:
    answer = browser_alone.get("/services/unknown?lang=en")
    assert answer.status_code == 404
    assert "Page not found" in answer.text
    assert browser_alone.get("/logout").status_code == 405


# --- logging in ---------------------------------------------------------------------------------------------


def test_login_sends_a_complete_authorization_request(browser: FlaskClient, provider: SmallProvider) -> None:
    browser.get("/?lang=sv")
    sent = start(browser, provider)
    assert sent["response_type"] == "code"
    assert sent["client_id"] == "karttapalvelu"
    assert sent["redirect_uri"] == f"{BASE_URL}/callback"
    assert "openid" in sent["scope"].split()
    assert sent["code_challenge_method"] == "S256"
    assert sent["ui_locales"] == "sv"
    assert len(sent["state"]) >= 20
    assert len(sent["nonce"]) >= 20


def test_a_person_returns_to_the_page_they_came_from(browser: FlaskClient, provider: SmallProvider) -> None:
    answer = log_in(browser, provider, "/login?return_to=/services/plots")
    assert answer.status_code == 302
    assert answer.location == "/services/plots"
    page = browser.get("/services/plots").text
    assert re.search(rf'id="own-details" href="{provider.issuer}/account">.*Maija Meikäläinen</a>', page)
    assert 'id="log-out"' in page
    assert 'id="log-in"' not in page


def test_the_code_is_redeemed_with_the_pkce_verifier(browser: FlaskClient, provider: SmallProvider) -> None:
    sent = start(browser, provider)
    finish(browser, provider, sent["state"])
    digest = hashlib.sha256(provider.token_request["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == sent["code_challenge"]


def test_own_permits_need_login_and_come_after_it(browser: FlaskClient, provider: SmallProvider) -> None:
    answer = browser.get("/permits")
    assert answer.status_code == 302
    assert answer.location == f"{BASE_URL}/login?return_to=%2Fpermits"
    assert log_in(browser, provider, answer.location.removeprefix(BASE_URL)).location == "/permits"
    page = browser.get("/permits").text
    assert "maija@example.fi" in page


def test_two_tabs_do_not_mix(browser: FlaskClient, provider: SmallProvider) -> None:
    first = start(browser, provider, "/login?return_to=/permits")
    second = start(browser, provider, "/login?return_to=/services/map")
    assert finish(browser, provider, second["state"]).location == "/services/map"
    provider.nonce = first["nonce"]
    assert finish(browser, provider, first["state"]).location == "/permits"


def test_the_provider_may_start_a_login(browser: FlaskClient, provider: SmallProvider) -> None:
    wishes = {
        "iss": provider.issuer,
        "login_hint": "maija@example.fi",
        "target_link_uri": f"{BASE_URL}/services/map",
    }
    sent = start(browser, provider, f"/login?{urlencode(wishes)}")
    assert sent["login_hint"] == "maija@example.fi"
    assert finish(browser, provider, sent["state"]).location == "/services/map"


def test_the_provider_may_start_a_login_by_post(browser: FlaskClient, provider: SmallProvider) -> None:
    answer = browser.post("/login", data={"iss": provider.issuer, "login_hint": "maija@example.fi"})
    assert answer.status_code == 303
    assert start(browser, provider, answer.location)["login_hint"] == "maija@example.fi"


def test_another_issuer_may_not_start_a_login(browser: FlaskClient) -> None:
    answer = browser.get("/login?iss=https://other.example")
    assert answer.status_code == 400
    assert page_name(answer) == "demo-login-problem"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/permits",
        "//evil.example/permits",
        "///evil.example/permits",
        "/\\evil.example/permits",
        "\\\\evil.example",
        "javascript:alert(1)",
        "http://127.0.0.1:8401@evil.example/",
        "http://[broken/",
        "/login",
        "/callback",
        "/logout",
        "/nowhere",
        "permits",
        "\t//evil.example",
        "////evil.example/permits",
        "\x00",
    ],
)
@pytest.mark.parametrize("parameter", ["return_to", "target_link_uri"])
def test_nobody_is_sent_elsewhere_after_login(
    browser: FlaskClient, provider: SmallProvider, parameter: str, target: str
) -> None:
    answer = log_in(browser, provider, f"/login?{urlencode({parameter: target})}")
    assert answer.location in {"/", "/permits"}


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"name": "Maija Meikäläinen"}, "Maija Meikäläinen"),
        ({"name": None, "given_name": "Maija", "family_name": "Meikäläinen"}, "Maija Meikäläinen"),
        ({"name": " ", "preferred_username": "KV-123"}, "KV-123"),
        ({"name": ["odd"], "email": "maija@example.fi"}, "maija@example.fi"),
        ({"name": "<b>Maija</b>"}, "&lt;b&gt;Maija&lt;/b&gt;"),
        ({"name": None, "email": None}, "sub-1"),
    ],
)
def test_the_name_is_shown_whatever_is_known(
    browser: FlaskClient, provider: SmallProvider, claims: dict[str, Any], name: str
) -> None:
    provider.userinfo = claims
    log_in(browser, provider)
    assert f"</span>{name}</a>" in browser.get("/").text


def test_the_cookie_stays_small_and_holds_no_personal_data(
    browser: FlaskClient, provider: SmallProvider
) -> None:
    states = [start(browser, provider)["state"] for _ in range(40)]
    cookie = browser.get_cookie("demo_session")
    assert cookie
    assert len(cookie.value) < 2000
    assert finish(browser, provider, states[0]).status_code == 400  # forgotten: only the latest are kept
    assert finish(browser, provider, states[-1]).location == "/"
    cookie = browser.get_cookie("demo_session")
    assert cookie
    session = browser.application.session_interface.get_signing_serializer(browser.application).loads(
        cookie.value
    )  # type: ignore[attr-defined]
    assert not re.search("sub-1|Maija|maija", json.dumps(session))


# --- answers that are refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?code=a",
        "?code=a&state=",
        "?code=a&state=unknown",
        "?error=access_denied",
        "?error=%00&state=%00&iss=%ff",
        "?state=a&state=b&code=c&code=d",
        "?state=" + "x" * 5000,
        "?code[]=a&state[]=b",
    ],
)
def test_an_answer_nobody_asked_for_leads_to_a_new_start(browser_alone: FlaskClient, query: str) -> None:
    answer = browser_alone.get(f"/callback{query}")
    assert answer.status_code == 400
    assert page_name(answer) == "demo-login-problem"
    assert f'id="start-again" href="{BASE_URL}/login?' in answer.text


def test_an_answer_is_good_once(browser: FlaskClient, provider: SmallProvider) -> None:
    sent = start(browser, provider)
    finish(browser, provider, sent["state"])
    again = finish(browser, provider, sent["state"])
    assert again.location == "/"  # still logged in: nothing to complain about
    press_log_out(browser)
    assert finish(browser, provider, sent["state"]).status_code == 400


def test_an_answer_is_good_in_its_own_browser_only(browser: FlaskClient, provider: SmallProvider) -> None:
    sent = start(browser, provider)
    other = browser.application.test_client()
    assert finish(other, provider, sent["state"]).status_code == 400
    assert not is_logged_in(other)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("access_denied", 403),
        ("login_required", 400),
        ("consent_required", 400),
        ("server_error", 503),
        ("temporarily_unavailable", 503),
        ("invalid_scope", 502),
        ("<script>", 502),
    ],
)
def test_an_error_from_the_provider_is_explained(
    browser: FlaskClient, provider: SmallProvider, error: str, status: int
) -> None:
    sent = start(browser, provider, "/login?return_to=/permits")
    answer = finish(
        browser, provider, sent["state"], code="", error=error, error_description="Call 0600 123 456"
    )
    assert answer.status_code == status
    assert page_name(answer) == "demo-login-problem"
    assert f'href="{BASE_URL}/login?return_to=%2Fpermits"' in answer.text
    assert "0600" not in answer.text
    assert "<script>" not in answer.text
    assert not is_logged_in(browser)


@pytest.mark.parametrize("iss", ["https://other.example", ""])
def test_an_answer_from_another_issuer_is_refused(
    browser: FlaskClient, provider: SmallProvider, iss: str
) -> None:
    sent = start(browser, provider)
    assert finish(browser, provider, sent["state"], iss=iss).status_code == 400
    assert provider.token_request == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://other.example"},
        {"aud": "another-client"},
        {"aud": "another-client", "azp": "karttapalvelu"},
        {"aud": ["another-client"]},
        {"nonce": "another"},
        {"exp": int(time.time()) - 3600},
        {"at_hash": "wrong"},
        {"azp": "another-client"},
    ],
)
def test_a_wrong_id_token_logs_nobody_in(
    browser: FlaskClient, provider: SmallProvider, wrong: dict[str, Any]
) -> None:
    provider.id_token = wrong
    answer = log_in(browser, provider)
    assert answer.status_code == 502
    assert page_name(answer) == "demo-login-problem"
    assert not is_logged_in(browser)


def test_an_id_token_signed_by_somebody_else_logs_nobody_in(
    browser: FlaskClient, provider: SmallProvider
) -> None:
    provider.signing_key = OTHER_KEY
    assert log_in(browser, provider).status_code == 502
    assert not is_logged_in(browser)


def test_a_missing_id_token_logs_nobody_in(browser: FlaskClient, provider: SmallProvider) -> None:
    provider.omit_id_token = True
    assert log_in(browser, provider).status_code == 502
    assert not is_logged_in(browser)


def test_details_of_somebody_else_log_nobody_in(browser: FlaskClient, provider: SmallProvider) -> None:
    provider.userinfo = {"sub": "sub-2"}
    assert log_in(browser, provider).status_code == 502
    assert not is_logged_in(browser)


@pytest.mark.parametrize(("provider_says", "status"), [(400, 502), (500, 503)])
def test_a_refused_code_logs_nobody_in(
    browser: FlaskClient, provider: SmallProvider, provider_says: int, status: int
) -> None:
    provider.token_status = provider_says
    assert log_in(browser, provider).status_code == status
    assert not is_logged_in(browser)


def test_a_new_signing_key_is_fetched_when_needed(browser: FlaskClient, provider: SmallProvider) -> None:
    log_in(browser, provider)
    provider.key = OTHER_KEY
    other = browser.application.test_client()
    assert log_in(other, provider).location == "/"
    assert is_logged_in(other)


# --- the provider is away -----------------------------------------------------------------------------------


def test_login_says_kindly_that_the_provider_is_down(browser_alone: FlaskClient) -> None:
    answer = browser_alone.get("/login?lang=en&return_to=/permits")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    assert "Login is not available right now" in answer.text
    assert f'href="{BASE_URL}/login?return_to=%2Fpermits"' in answer.text


def test_a_discovery_document_of_another_issuer_is_not_used(
    browser: FlaskClient, provider: SmallProvider
) -> None:
    provider.discovery = {"issuer": "https://other.example"}
    assert browser.get("/login").status_code == 503
    provider.discovery = {}
    start(browser, provider)  # and it is asked for again


@pytest.mark.parametrize(
    "missing", ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"]
)
def test_an_incomplete_discovery_document_crashes_nothing(
    browser: FlaskClient, provider: SmallProvider, missing: str
) -> None:
    provider.discovery = {missing: None}
    answer = browser.get("/login")
    if answer.status_code == 302:
        sent = query_of(answer)
        provider.nonce = sent["nonce"]
        answer = finish(browser, provider, sent["state"])
    assert answer.status_code in {502, 503}
    assert not is_logged_in(browser)


# --- logging out --------------------------------------------------------------------------------------------


def test_logging_out_ends_both_sessions(browser: FlaskClient, provider: SmallProvider) -> None:
    log_in(browser, provider)
    answer = press_log_out(browser)
    assert answer.location.startswith(f"{provider.issuer}/logout?")
    sent = query_of(answer)
    assert jwt.decode(sent["id_token_hint"], provider.key).claims["sub"] == "sub-1"
    assert sent["client_id"] == "karttapalvelu"
    assert sent["post_logout_redirect_uri"] == f"{BASE_URL}/logged-out"
    assert not is_logged_in(browser)
    after = browser.get(f"/logged-out?state={sent['state']}")
    assert page_name(after) == "demo-logged-out"
    assert browser.get(f"/logged-out?state={sent['state']}").location == "/"


def test_a_stolen_cookie_is_worth_nothing_after_logout(browser: FlaskClient, provider: SmallProvider) -> None:
    log_in(browser, provider)
    cookie = browser.get_cookie("demo_session")
    assert cookie
    thief = browser.application.test_client()
    thief.set_cookie("demo_session", cookie.value)
    assert is_logged_in(thief)
    press_log_out(browser)
    assert not is_logged_in(thief)


def test_logging_out_needs_our_own_form(browser: FlaskClient, provider: SmallProvider) -> None:
    log_in(browser, provider)
    assert browser.post("/logout").status_code == 400
    assert is_logged_in(browser)


def test_logging_out_twice_leaves_it_to_the_provider_to_ask(
    browser: FlaskClient, provider: SmallProvider
) -> None:
    log_in(browser, provider)
    other_tab = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/").text)
    assert other_tab
    press_log_out(browser)
    answer = browser.post("/logout", data={"csrf_token": other_tab[1]})
    assert answer.location.startswith(f"{provider.issuer}/logout?")
    assert "id_token_hint" not in query_of(answer)


def test_logging_out_works_at_a_provider_without_logout(
    browser: FlaskClient, provider: SmallProvider
) -> None:
    provider.discovery = {"end_session_endpoint": None}
    log_in(browser, provider)
    assert page_name(press_log_out(browser)) == "demo-logged-out"
    assert not is_logged_in(browser)


def test_logging_out_works_while_the_provider_is_down(browser: FlaskClient, provider: SmallProvider) -> None:
    log_in(browser, provider)
    client = browser.application.extensions["eservice"].client
    client.server_metadata.pop("_loaded_at")  # as after a restart
    provider.discovery = {"issuer": "https://other.example"}
    answer = press_log_out(browser)
    assert page_name(answer) == "demo-logged-out"
    assert "ei vastannut" in answer.text
    assert not is_logged_in(browser)


@pytest.mark.parametrize("query", ["", "?state=unknown", "?state=%00"])
def test_a_made_up_logout_answer_tells_nothing(browser_alone: FlaskClient, query: str) -> None:
    assert browser_alone.get(f"/logged-out{query}").location == "/"


# --- the store ----------------------------------------------------------------------------------------------


def test_the_store_forgets_by_time_and_by_number() -> None:
    now = 0.0
    store = BoundedStore[str](limit=2, seconds=10, now=lambda: now)
    store.set("a", "1")
    now = 9.9
    assert store.get("a") == "1"
    now = 10.0
    assert store.get("a") is None
    for key in "abc":
        store.set(key, json.dumps(key))
    assert store.get("a") is None
    assert store.get("c") == '"c"'
    store.delete("c")
    store.delete("never there")
    assert store.get("c") is None


# --- told by the provider -----------------------------------------------------------------------------------

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
SIGNED = {"alg": "RS256", "typ": "logout+jwt"}


def logout_token(
    provider: SmallProvider, key: RSAKey | None = None, header: dict[str, str] | None = None, **claims: Any
) -> str:
    """A logout token of the provider; a claim that is None is left out."""
    now = int(time.time())
    usual = {"iss": provider.issuer, "aud": "karttapalvelu", "iat": now, "exp": now + 120, "sub": "sub-1"}
    usual |= {"sid": "sid-1", "jti": f"jti-{time.monotonic_ns()}", "events": {LOGOUT_EVENT: {}}}
    content = {name: value for name, value in (usual | claims).items() if value is not None}
    signing = key or provider.key
    return jwt.encode({**SIGNED, "kid": signing.kid} | (header or {}), content, signing)


def tell(browser: FlaskClient, token: str) -> TestResponse:
    """As the provider's server does: without any browser's cookie."""
    return browser.application.test_client().post("/backchannel-logout", data={"logout_token": token})


@pytest.fixture
def logged_in(browser: FlaskClient, provider: SmallProvider) -> FlaskClient:
    provider.id_token = {"sid": "sid-1"}
    log_in(browser, provider)
    return browser


@pytest.mark.parametrize("who", [{}, {"sub": None}, {"sid": None}])
def test_a_logout_elsewhere_ends_the_session_here(
    logged_in: FlaskClient, provider: SmallProvider, who: dict[str, None]
) -> None:
    answer = tell(logged_in, logout_token(provider, **who))

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert not is_logged_in(logged_in)


@pytest.mark.parametrize(
    "who", [{"sid": "sid-2"}, {"sid": "sid-2", "sub": None}, {"sub": "sub-2", "sid": None}]
)
def test_the_sessions_of_others_go_on(
    logged_in: FlaskClient, provider: SmallProvider, who: dict[str, Any]
) -> None:
    assert tell(logged_in, logout_token(provider, **who)).status_code == 200
    assert is_logged_in(logged_in)


def test_a_logout_by_sub_ends_every_session_of_the_person(
    logged_in: FlaskClient, provider: SmallProvider
) -> None:
    other = logged_in.application.test_client()
    provider.id_token = {"sid": "sid-2"}
    log_in(other, provider)

    tell(logged_in, logout_token(provider, sid=None))

    assert not is_logged_in(logged_in)
    assert not is_logged_in(other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": None},
        {"iat": None},
        {"iat": int(time.time()) + 86_400},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"jti": None},
        {"nonce": "n"},
        {"events": None},
        {"events": {}},
        {"events": [LOGOUT_EVENT]},
        {"events": {LOGOUT_EVENT: True}},
        {"events": {"http://schemas.openid.net/event/other": {}}},
        {"sub": None, "sid": None},
        {"sub": 1, "sid": ""},
        {"header": {"typ": "JWT"}},
        {"header": {"kid": "unknown"}},
        {"key": OTHER_KEY},
        {"key": OTHER_KEY, "header": {"kid": "first"}},
    ],
)
def test_a_wrong_logout_token_ends_nothing(
    logged_in: FlaskClient, provider: SmallProvider, wrong: dict[str, Any]
) -> None:
    answer = tell(logged_in, logout_token(provider, **wrong))

    assert (answer.status_code, answer.get_json()) == (400, {"error": "invalid_request"})
    assert is_logged_in(logged_in)


@pytest.mark.parametrize("text", ["", "a.b.c", "\x00", "e30.e30.", "x" * 5000])
def test_what_is_no_token_ends_nothing(logged_in: FlaskClient, text: str) -> None:
    assert tell(logged_in, text).status_code == 400
    assert is_logged_in(logged_in)


def test_an_id_token_is_no_logout_token(logged_in: FlaskClient) -> None:
    person = next(value for _, value in logged_in.application.extensions["eservice"].people._values.values())

    assert tell(logged_in, person.id_token).status_code == 400
    assert is_logged_in(logged_in)


def test_an_unsigned_logout_token_ends_nothing(logged_in: FlaskClient, provider: SmallProvider) -> None:
    _, claims, _ = logout_token(provider).split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"logout+jwt"}').rstrip(b"=").decode()

    assert tell(logged_in, f"{header}.{claims}.").status_code == 400
    assert is_logged_in(logged_in)


def test_a_logout_token_counts_once(logged_in: FlaskClient, provider: SmallProvider) -> None:
    token = logout_token(provider)
    assert tell(logged_in, token).status_code == 200
    log_in(logged_in, provider)

    assert tell(logged_in, token).status_code == 400
    assert is_logged_in(logged_in)


def test_a_logout_token_of_a_new_key_is_understood(logged_in: FlaskClient, provider: SmallProvider) -> None:
    provider.key = OTHER_KEY

    assert tell(logged_in, logout_token(provider)).status_code == 200
    assert not is_logged_in(logged_in)


def test_nonsense_does_not_make_us_fetch_the_keys_again_and_again(
    logged_in: FlaskClient, provider: SmallProvider
) -> None:
    tell(logged_in, logout_token(provider, header={"kid": "unknown"}))
    provider.key = OTHER_KEY

    assert tell(logged_in, logout_token(provider)).status_code == 400


def test_when_the_keys_cannot_be_had_the_provider_is_to_try_again(browser_alone: FlaskClient) -> None:
    token = logout_token(SmallProvider(issuer=browser_alone.application.extensions["eservice"].config.issuer))
    assert tell(browser_alone, token).status_code == 503


def test_the_store_adds_once_and_forgets_by_what_is_kept() -> None:
    now = 0.0
    store = BoundedStore[str](limit=9, seconds=10, now=lambda: now)
    assert store.add("a", "1")
    assert not store.add("a", "2")
    assert store.get("a") == "1"
    store.add("b", "2")
    store.delete_where(lambda value: value == "1")
    assert (store.get("a"), store.get("b")) == (None, "2")
    now = 10.0
    assert store.add("b", "3")
