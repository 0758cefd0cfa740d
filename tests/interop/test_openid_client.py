"""openid-client (npm, certified by the OpenID Foundation) logs in by each way of client authentication."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.interop.browser import Browser
from tests.interop.conftest import NODE
from tests.support.installation import Installation
from tests.support.people import App, Person

pytestmark = pytest.mark.interop

SCOPE = "openid profile email offline_access"
REDIRECT_URI = "https://rp.example.fi/callback"
LOGGED_OUT = "https://rp.example.fi/logged-out"


@pytest.fixture
def relying_party(node_folder: Path) -> Path:
    return Path(shutil.copy(NODE / "relying_party.mjs", node_folder))


def log_in(
    script: Path, place: Installation, browser: Browser, person: Person, app: App, method: str, **more: Any
) -> dict[str, Any]:
    """Run the relying party through one login; what it learnt."""
    described = {
        "issuer": place.provider,
        "client_id": app.client_id,
        "secret": app.secret,
        "method": method,
        "redirect_uri": app.redirect_uri,
        "post_logout_redirect_uri": LOGGED_OUT,
        "scope": SCOPE,
        **more,
    }
    command = ["node", str(script), json.dumps(described)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        assert node.stderr is not None
        first = node.stdout.readline()
        assert first, node.stderr.read()
        node.stdin.write(browser.log_in(json.loads(first)["authorize"], person) + "\n")
        node.stdin.flush()
        second = node.stdout.readline()
        assert second, node.stderr.read()
        found: dict[str, Any] = json.loads(second)
        return found


def register(place: Installation, method: str, **metadata: Any) -> App:
    values: dict[str, Any] = {
        "redirect_uris": [REDIRECT_URI],
        "post_logout_redirect_uris": [LOGGED_OUT],
        "token_endpoint_auth_method": method,
    }
    return place.people.client(f"openid-client-{method}", first_party=False, **(values | metadata))


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"])
def test_a_certified_relying_party_logs_in_and_out(
    relying_party: Path, place: Installation, browser: Browser, resident: Person, method: str
) -> None:
    key = ECKey.generate_key("P-256", {"kid": "rp-1"})
    jwt = method == "private_key_jwt"
    metadata = {"jwks": {"keys": [key.as_dict(private=False)]}} if jwt else {}
    more = {"private_jwk": key.as_dict(private=True)} if jwt else {}
    app = register(place, method, **metadata)

    learnt = log_in(relying_party, place, browser, resident, app, method, **more)

    assert learnt["claims"]["sub"] == resident.id
    assert learnt["userinfo"]["email"] == resident.username
    assert learnt["refreshed"]["sub"] == resident.id
    assert learnt["refreshed"]["auth_time"] == learnt["claims"]["auth_time"]
    assert learnt["rotated"] is True
    assert learnt["active"] == ([None, None] if method == "none" else [True, False])
    assert learnt["reuse"] == "invalid_grant"
    assert browser.go(learnt["end_session"]) == f"{LOGGED_OUT}?state=bye"


def test_an_es256_id_token_is_accepted_by_registration(
    relying_party: Path, place: Installation, browser: Browser, resident: Person
) -> None:
    app = place.people.client(
        "openid-client-es256",
        redirect_uris=[REDIRECT_URI],
        post_logout_redirect_uris=[LOGGED_OUT],
        id_token_signed_response_alg="ES256",
    )

    learnt = log_in(relying_party, place, browser, resident, app, "client_secret_basic", alg="ES256")

    assert learnt["claims"]["sub"] == resident.id
