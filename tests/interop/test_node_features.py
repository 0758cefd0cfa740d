"""openid-client and oauth4webapi (npm) use what else the provider offers: each feature as their documentation shows."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.interop.browser import Browser
from tests.interop.conftest import NODE
from tests.support.installation import Installation
from tests.support.people import Person

pytestmark = pytest.mark.interop

REDIRECT_URI = "https://rp.example.fi/callback"
LOGGED_OUT = "https://rp.example.fi/logged-out"
API = "https://api.example.fi/invoices"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"

SIGNING = ECKey.generate_key("P-256", {"kid": "rp-sign", "use": "sig", "alg": "ES256"})
ENCRYPTION = RSAKey.generate_key(2048, {"kid": "rp-encrypt", "use": "enc", "alg": "RSA-OAEP-256"})
KEYS = {"keys": [key.as_dict(private=False) for key in (SIGNING, ENCRYPTION)]}

_HYBRID = {"grant_types": ["authorization_code", "implicit"], "response_types": ["code id_token"]}
_IMPLICIT = {
    "grant_types": ["implicit"],
    "response_types": ["id_token"],
    "token_endpoint_auth_method": "none",
}
_SIGNED = {"require_signed_request_object": True, "request_object_signing_alg": "ES256"}
_PUSHED = {"require_pushed_authorization_requests": True}
_MACHINE = {"grant_types": ["client_credentials"], "scope": "invoices:read"}
_DEVICE = {"grant_types": [DEVICE_CODE], "token_endpoint_auth_method": "none"}

# What a client must have registered for it.
METADATA: dict[str, dict[str, Any]] = {
    "pushed_request": _PUSHED,
    "signed_request": _SIGNED,
    "signed_request_pushed": _SIGNED | _PUSHED,
    "form_post": {},
    "hybrid": _HYBRID,
    "hybrid_form_post": _HYBRID,
    "implicit": _IMPLICIT,
    "implicit_form_post": _IMPLICIT,
    "client_secret_jwt": {"token_endpoint_auth_method": "client_secret_jwt"},
    "private_key_jwt": {"token_endpoint_auth_method": "private_key_jwt"} | _PUSHED,
    "signed_userinfo": {"userinfo_signed_response_alg": "ES256"},
    "encrypted": {
        "id_token_encrypted_response_alg": "RSA-OAEP-256",
        "id_token_encrypted_response_enc": "A256GCM",
        "userinfo_signed_response_alg": "RS256",
        "userinfo_encrypted_response_alg": "RSA-OAEP-256",
    },
    "resource": {},
    "client_credentials": _MACHINE,
    "access_token_at_an_api": _MACHINE,
    "device": _DEVICE,
    "device_denied": _DEVICE,
    "registration": {},
}

Uses = Callable[[str, str], dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def api(place: Installation) -> None:
    """A resource server, for which access tokens can be made (RFC 8707)."""
    place.people.client("invoices", resource_server=True, resource_uris=[API])


@pytest.fixture
def uses(place: Installation, browser: Browser, resident: Person, node_folder: Path) -> Uses:
    """Let a library use a feature, with the resident's browser; what it learnt."""

    def use(library: str, feature: str) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code"],
            "scope": "openid profile email",
            "jwks": KEYS,
        }
        app = place.people.client(
            f"{library}-{feature}-{secrets.token_hex(4)}",
            allowed_resources=[API],
            **(metadata | METADATA[feature]),
        )
        described = {
            "feature": feature,
            "issuer": place.provider,
            "client_id": app.client_id,
            "secret": app.secret,
            "redirect_uri": REDIRECT_URI,
            "logged_out": LOGGED_OUT,
            "resource": API,
            "sign": SIGNING.as_dict(private=True),
            "encrypt": ENCRYPTION.as_dict(private=True),
        }
        for script in ("conversation", f"{library}_features"):
            shutil.copy(NODE / f"{script}.mjs", node_folder)
        return converse(node_folder / f"{library}_features.mjs", described, browser, resident)

    return use


def converse(script: Path, described: dict[str, Any], browser: Browser, person: Person) -> dict[str, Any]:
    """Do what the script asks of the person's browser, until it tells what it learnt."""
    pipe = subprocess.PIPE
    command = ["node", str(script), json.dumps(described)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        assert node.stderr is not None
        for line in node.stdout:
            said = json.loads(line)
            if "learnt" in said:
                learnt: dict[str, Any] = said["learnt"]
                return learnt
            node.stdin.write(json.dumps(_asked(said, described["feature"], browser, person)) + "\n")
            node.stdin.flush()
        raise AssertionError(node.stderr.read())


def _asked(said: dict[str, Any], feature: str, browser: Browser, person: Person) -> dict[str, Any]:
    if "device" in said:
        _at_the_device(said["device"], browser, person, "deny" if feature.endswith("denied") else "allow")
        return {}
    if not feature.endswith("form_post"):
        return {"address": browser.log_in(said["authorize"], person)}
    page = BeautifulSoup(browser.come_back(said["authorize"], person).text, "html.parser")
    form = page.select_one("#form-post")
    assert form is not None
    assert form["action"] == REDIRECT_URI
    fields = {str(tag["name"]): str(tag["value"]) for tag in form.select("input")}
    return {"address": str(form["action"]), "form": fields}


def _at_the_device(device: dict[str, Any], browser: Browser, person: Person, decision: str) -> None:
    page = browser.visit(device["verification_uri_complete"])
    page = browser.press(page, "main form", username=person.username, password=person.password)
    page = browser.press(page, "main form", user_code=device["user_code"])
    assert device["user_code"] in page.text
    page = browser.press(page, "main form", decision=decision)
    assert 'data-page="device-done"' in page.text


both = pytest.mark.parametrize("library", ["openid_client", "oauth4webapi"])


@both
@pytest.mark.parametrize(
    "feature",
    [
        "pushed_request",
        "signed_request",
        "signed_request_pushed",
        "hybrid",
        "hybrid_form_post",
        "client_secret_jwt",
        "private_key_jwt",
        "signed_userinfo",
        "encrypted",
        "device",
        "registration",
    ],
)
def test_a_login_and_its_claims(uses: Uses, resident: Person, library: str, feature: str) -> None:
    learnt = uses(library, feature)

    assert learnt["claims"]["sub"] == resident.id
    assert learnt["userinfo"]["sub"] == resident.id
    assert learnt["userinfo"]["name"] == "Maija Meikäläinen"
    assert learnt["userinfo"]["email"] == resident.username
    assert learnt.get("parts", 3) == (5 if feature == "encrypted" else 3)


@pytest.mark.parametrize("feature", ["form_post", "implicit", "implicit_form_post"])
def test_a_login_and_its_claims_by_what_openid_client_alone_can_do(
    uses: Uses, resident: Person, feature: str
) -> None:
    learnt = uses("openid_client", feature)

    assert learnt["claims"]["sub"] == resident.id
    assert learnt["userinfo"]["email"] == resident.username


@both
def test_a_device_that_is_not_allowed(uses: Uses, library: str) -> None:
    assert uses(library, "device_denied")["error"] == "access_denied"


def test_a_device_that_asks_too_early(uses: Uses) -> None:
    assert uses("oauth4webapi", "device")["first"] == "authorization_pending"


@both
def test_a_program_in_its_own_name(uses: Uses, place: Installation, library: str) -> None:
    learnt = uses(library, "client_credentials")

    assert (learnt["type"].lower(), learnt["scope"]) == ("bearer", "invoices:read")
    claims = _read(place, learnt["access_token"])
    assert claims["aud"] == API
    assert claims["sub"] == claims["client_id"]


def test_an_api_checks_an_access_token_itself(uses: Uses) -> None:
    claims = uses("oauth4webapi", "access_token_at_an_api")["claims"]

    assert claims["scope"] == "invoices:read"


def test_an_access_token_for_one_api(uses: Uses, place: Installation, resident: Person) -> None:
    learnt = uses("openid_client", "resource")

    claims = _read(place, learnt["access_token"])
    assert (claims["aud"], claims["sub"]) == (API, resident.id)


def test_a_client_that_registered_itself_logs_out(uses: Uses, browser: Browser) -> None:
    learnt = uses("openid_client", "registration")

    assert browser.go(learnt["end_session"]) == LOGGED_OUT
    assert not browser.is_logged_in()


def _read(place: Installation, access_token: str) -> dict[str, Any]:
    keys = httpx.get(f"{place.provider}/oauth2/jwks", trust_env=False).json()
    found: dict[str, Any] = jwt.decode(access_token, KeySet.import_key_set(keys), ["RS256", "ES256"]).claims
    return found
