"""What a browser and an e-service do, in a few lines: fill a form, log in, get a code, redeem it."""

import base64
import hashlib
import json
import secrets
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from bs4 import BeautifulSoup
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.people import App, Person

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def soup(response: TestResponse) -> BeautifulSoup:
    return BeautifulSoup(response.get_data(as_text=True), "html.parser")


def page_name(response: TestResponse) -> str | None:
    """`data-page` of the page, None for anything else."""
    main = soup(response).find("main")
    return str(main["data-page"]) if main else None


def errors(response: TestResponse) -> list[str]:
    """The sentences of the error summary."""
    return [item.get_text(" ", strip=True) for item in soup(response).select(".error-summary li")]


def csrf_token(response: TestResponse) -> str:
    return str(soup(response).find("input", {"name": "csrf_token"})["value"])  # type: ignore[index]


def submit(browser: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Open a page and send its form with `fields`, as a browser does: with its hidden fields."""
    page = browser.get(path)
    hidden = {str(each["name"]): str(each["value"]) for each in soup(page).select("main input[type=hidden]")}
    return browser.post(path, data={"csrf_token": csrf_token(page), **hidden, **fields})


def log_in(browser: FlaskClient, person: Person, path: str = "/login", **fields: str) -> TestResponse:
    return submit(browser, path, username=person.username, password=person.password, **fields)


def authorize_url(app: App, **parameters: str | None) -> str:
    """The address of an authorization request with PKCE; None leaves a parameter out."""
    values: dict[str, str | None] = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "scope": "openid profile email",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **parameters,
    }
    return f"/oauth2/authorize?{urlencode({k: v for k, v in values.items() if v is not None})}"


def follow_to_client(browser: FlaskClient, response: TestResponse) -> TestResponse:
    """Follow redirects within the provider; the last response leads to the client or is a page."""
    while response.status_code == 303 and response.location.startswith("/"):
        response = browser.get(response.location)
    return response


def answer_of(response: TestResponse) -> dict[str, str]:
    """The parameters that a redirect to the client carries, in the query or in the fragment."""
    parts = urlsplit(response.location)
    return {name: values[0] for name, values in parse_qs(parts.fragment or parts.query).items()}


def code_for(browser: FlaskClient, app: App, person: Person, **parameters: str | None) -> str:
    """Authorize and log in if asked to; the code."""
    response = browser.get(authorize_url(app, **parameters))
    if response.location.startswith("/login"):
        response = follow_to_client(browser, log_in(browser, person, response.location))
    return answer_of(response)["code"]


def redeem(browser: FlaskClient, app: App, code: str, **fields: str) -> TestResponse:
    data = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": app.redirect_uri,
        "code_verifier": VERIFIER,
        **fields,
    }
    return token_request(browser, app, data)


def refresh(browser: FlaskClient, app: App, refresh_token: str, **fields: str) -> TestResponse:
    return token_request(
        browser, app, {"grant_type": "refresh_token", "refresh_token": refresh_token, **fields}
    )


def token_request(browser: FlaskClient, app: App, data: dict[str, str]) -> TestResponse:
    """By client_secret_basic, or without authentication for a public client."""
    if app.secret is None:
        return browser.post("/oauth2/token", data={"client_id": app.client_id, **data})
    return browser.post("/oauth2/token", data=data, auth=app.basic)


def tokens_for(browser: FlaskClient, app: App, person: Person, **parameters: str | None) -> dict[str, Any]:
    """The whole way: authorize, log in, redeem."""
    response = redeem(browser, app, code_for(browser, app, person, **parameters))
    assert response.status_code == 200, response.get_data(as_text=True)
    found: dict[str, Any] = response.get_json()
    return found


def claims_of(jwt: str) -> dict[str, Any]:
    """The claims of a JWT, unverified."""
    part = jwt.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def random_email() -> str:
    return f"asukas-{secrets.token_hex(4)}@example.fi"
