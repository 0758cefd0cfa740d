"""oidc-provider (npm, certified by the OpenID Foundation) as the broker: it takes our signed requests and proofs, and
we read the ID tokens that it encrypts. It is not ours, and was made by people who read the same specifications.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from idp.upstream.identification import Outcome
from idp.upstream.providers import Refusal
from tests.conftest import AppFactory
from tests.interop.conftest import NODE
from tests.support.broker import CLIENT_ID, LEVEL, Bench, give_keys, upstream_settings
from tests.support.ports import free_port, is_open
from tests.support.processes import Program
from tests.support.relying_party import serving

pytestmark = [
    pytest.mark.interop,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

PERSON = {
    "urn:oid:1.2.246.21": "150590-9010",
    "urn:oid:1.2.246.575.1.14": "Matti Juhani",
    "urn:oid:2.5.4.4": "Mallikas",
}


class Foreign(Bench):
    """A provider of ours whose broker is oidc-provider."""

    issuer: str

    def come_back(self, address: str) -> dict[str, str]:
        """Follow the browser's way through the broker; the parameters that it brings to our callback."""
        with httpx.Client(trust_env=False) as browser:
            answer = browser.get(address)
            while answer.is_redirect:
                there = urlsplit(str(answer.url.join(answer.headers["Location"])))
                if there.path == "/upstream/callback":
                    return dict(parse_qsl(there.query))
                answer = browser.get(there.geturl())
        raise AssertionError(answer.text, self.errors())

    def log_in(self) -> Outcome:
        return self.finish(self.come_back(self.begin()))

    def errors(self) -> Any:
        return httpx.get(f"{self.issuer}/errors", trust_env=False).json()


@pytest.fixture
def client() -> dict[str, Any]:
    """What we register at the broker, beside our addresses."""
    return {}


@pytest.fixture
def section() -> dict[str, Any]:
    """Our settings, beside the usual ones."""
    return {}


@pytest.fixture
def foreign(
    make_app: AppFactory, node_modules: Path, tmp_path: Path, client: dict[str, Any], section: dict[str, Any]
) -> Iterator[Foreign]:
    ours, theirs = free_port(), free_port()
    provider, issuer = f"http://localhost:{ours}", f"http://localhost:{theirs}"
    (tmp_path / "node_modules").symlink_to(node_modules)
    script = tmp_path / "broker.mjs"
    script.write_text((NODE / "broker.mjs").read_text())
    registered = {
        "client_id": CLIENT_ID,
        "redirect_uris": [f"{provider}/upstream/callback"],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
        "jwks_uri": f"{provider}/upstream/jwks.json",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "RS256",
        "require_signed_request_object": True,
        "request_object_signing_alg": "RS256",
        "id_token_signed_response_alg": "RS256",
        "id_token_encrypted_response_alg": "RSA-OAEP",
        "id_token_encrypted_response_enc": "A128CBC-HS256",
        **client,
    }
    registered = {name: value for name, value in registered.items() if value is not None}
    described = {"issuer": issuer, "port": theirs, "client": registered, "person": PERSON, "level": LEVEL}
    app = make_app(
        issuer=provider,
        upstream=upstream_settings(issuer, **section),
        outbound={"allowed_hosts": ["localhost"]},
    )
    give_keys(app)
    program = Program(["node", script, json.dumps(described)], log=tmp_path / "broker.log", folder=tmp_path)
    try:
        program.wait_until(lambda: is_open(theirs, "localhost"))
        with serving(app, ours):
            made = Foreign(app, None)  # type: ignore[arg-type]
            made.issuer = issuer
            yield made
    finally:
        program.stop()


def expect_matti(foreign: Foreign, outcome: Outcome) -> None:
    assert outcome.refusal is None, foreign.errors()
    found = foreign.found(outcome)
    assert (found.given_names, found.family_name) == ("Matti Juhani", "Mallikas")
    assert (found.acr, found.broker) == (LEVEL, foreign.issuer)


def test_a_signed_request_and_an_encrypted_id_token(foreign: Foreign) -> None:
    expect_matti(foreign, foreign.log_in())


@pytest.mark.parametrize("section", [{"request": "pushed", "assertion_audience": "issuer"}])
@pytest.mark.parametrize("client", [{"require_pushed_authorization_requests": True}])
def test_a_pushed_request(foreign: Foreign) -> None:
    expect_matti(foreign, foreign.log_in())


@pytest.mark.parametrize(
    "client",
    [{"id_token_encrypted_response_alg": "RSA-OAEP-256", "id_token_encrypted_response_enc": "A128GCM"}],
)
def test_the_other_encryption_of_the_profile(foreign: Foreign) -> None:
    expect_matti(foreign, foreign.log_in())


@pytest.mark.parametrize(
    "client", [{"id_token_encrypted_response_alg": None, "id_token_encrypted_response_enc": None}]
)
def test_an_id_token_that_is_only_signed_is_refused(foreign: Foreign) -> None:
    assert foreign.log_in().refusal is Refusal.FAILED


@pytest.mark.parametrize("section", [{"client_id": "somebody-else"}])
def test_what_the_broker_does_not_know_it_does_not_answer(foreign: Foreign) -> None:
    with pytest.raises(AssertionError, match="client is invalid"):
        foreign.come_back(foreign.begin())


def test_everybody_identifies_themselves_anew(foreign: Foreign) -> None:
    """We ask for that (prompt, max_age), and the broker may have a session of an earlier person."""
    first, second = foreign.log_in(), foreign.log_in()

    expect_matti(foreign, second)
    assert first.ticket != second.ticket
