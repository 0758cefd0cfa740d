"""Authlib's own clients log in, as its documentation shows: the requests session and the Flask registry."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.flask_client import OAuth
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask, redirect, session, url_for
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.interop.browser import Browser
from tests.support.installation import Installation
from tests.support.people import App, Person

REDIRECT_URI = "https://authlib.example.fi/callback"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_the_requests_session_logs_in_refreshes_and_revokes(
    place: Installation, browser: Browser, resident: Person, method: str
) -> None:
    app = place.people.client(
        f"authlib-{method}", redirect_uris=[REDIRECT_URI], token_endpoint_auth_method=method
    )
    metadata = requests.get(f"{place.provider}/.well-known/openid-configuration", timeout=10).json()
    session_of = OAuth2Session(
        app.client_id,
        app.secret,
        scope="openid profile email offline_access",
        redirect_uri=app.redirect_uri,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        code_challenge_method="S256",
    )
    with session_of as client:
        _whole_life(client, metadata, app, browser, resident)


def _whole_life(
    client: OAuth2Session, metadata: dict[str, str], app: App, browser: Browser, resident: Person
) -> None:
    verifier = "v" * 50
    address, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce="n-1"
    )

    answer = browser.log_in(address, resident)
    token = client.fetch_token(
        metadata["token_endpoint"], authorization_response=answer, state=state, code_verifier=verifier
    )

    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
    claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
    assert (claims["sub"], claims["nonce"], claims["aud"]) == (resident.id, "n-1", app.client_id)
    assert client.get(metadata["userinfo_endpoint"]).json()["email"] == resident.username
    renewed = client.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    assert renewed["refresh_token"] != token["refresh_token"]
    assert client.revoke_token(metadata["revocation_endpoint"], renewed["refresh_token"]).status_code == 200
    assert client.get(metadata["userinfo_endpoint"]).status_code == 401


def test_the_flask_registry_logs_in(place: Installation, browser: Browser, resident: Person) -> None:
    registered = place.people.client("authlib-flask", redirect_uris=["http://localhost/callback"])
    app = Flask("relying-party")
    app.secret_key = "only for this test"
    oauth = OAuth(app)
    oauth.register(
        "tunnus",
        server_metadata_url=f"{place.provider}/.well-known/openid-configuration",
        client_id=registered.client_id,
        client_secret=registered.secret,
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
    )

    @app.route("/login")
    def login() -> object:
        return oauth.tunnus.authorize_redirect(url_for("callback", _external=True))

    @app.route("/callback")
    def callback() -> object:
        session["person"] = oauth.tunnus.authorize_access_token()["userinfo"]["sub"]
        return redirect("/")

    relying_party = app.test_client()
    answer = browser.log_in(relying_party.get("/login").location, resident)
    assert parse_qs(urlsplit(answer).query)["iss"] == [place.provider]
    relying_party.get(answer.removeprefix("http://localhost"))

    with relying_party.session_transaction() as stored:
        assert stored["person"] == resident.id
