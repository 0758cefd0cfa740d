"""What protocol tests do again and again, beside the journeys of tests/support."""

import base64
import json
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from idp import clock, versions
from idp.accounts.models import Account
from idp.clients.models import ClientApp
from idp.crypto import random_id, random_token
from idp.database import db, writing
from idp.grants import codes
from idp.grants.codes import Approval
from tests.support import journey
from tests.support.people import App, Person

ISSUER = "http://localhost:8400"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


# -- at the authorization endpoint


def ask(browser: FlaskClient, service: App, method: str = "GET", **parameters: str | None) -> TestResponse:
    """Send an authorization request; with POST the answer is that of the GET it leads to."""
    path, _, query = journey.authorize_url(service, **parameters).partition("?")
    if method == "GET":
        return browser.get(f"{path}?{query}")
    response = browser.post(path, data=query, content_type="application/x-www-form-urlencoded")
    if response.status_code == 303 and response.location.startswith("/oauth2/authorize/resume?"):
        return browser.get(response.location)
    return response


def redirected(response: TestResponse, service: App, place: str = "?") -> dict[str, str]:
    """The parameters of an answer that a 303 takes to the service, and nowhere else: in the query, or behind `#`."""
    assert response.status_code == 303, (response.status_code, journey.page_name(response))
    address, _, _ = response.location.partition(place)
    assert address == service.redirect_uri.partition("?")[0], response.location
    return journey.answer_of(response)


def error_of(response: TestResponse, service: App) -> str:
    """The error that the service is told."""
    return redirected(response, service)["error"]


def posted(response: TestResponse, service: App) -> dict[str, str]:
    """The parameters of an answer that the browser is to post to the service."""
    assert (response.status_code, journey.page_name(response)) == (200, "form-post")
    form = journey.soup(response).select_one("#form-post")
    assert form is not None
    assert (form["method"], form["action"]) == ("post", service.redirect_uri)
    return {str(field["name"]): str(field["value"]) for field in form.select("input")}


def page_of(response: TestResponse) -> str:
    """The path of our own page that the browser is sent to."""
    assert response.status_code == 303, response.status_code
    assert response.location.startswith("/"), response.location
    return response.location.partition("?")[0]


def silently(browser: FlaskClient, service: App, **parameters: str | None) -> dict[str, str]:
    """The answer to a request with prompt=none."""
    return redirected(ask(browser, service, prompt="none", **parameters), service)


def log_in(browser: FlaskClient, person: Person) -> None:
    """Log in at the provider itself."""
    assert journey.log_in(browser, person).location == "/account"


def finish(browser: FlaskClient, service: App, response: TestResponse) -> dict[str, Any]:
    """From the redirect that carries the code to the claims of the ID token."""
    code = redirected(response, service)["code"]
    answer = journey.redeem(browser, service, code)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return journey.claims_of(answer.get_json()["id_token"])


# -- tokens


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def header_of(token: str) -> dict[str, Any]:
    """The header of a JWT."""
    part = token.partition(".")[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def refusal(response: TestResponse) -> tuple[int, str]:
    """Status and error code of a JSON answer."""
    return response.status_code, response.get_json()["error"]


def introspected(browser: FlaskClient, caller: App, token: str) -> dict[str, Any]:
    response = browser.post("/oauth2/introspect", data={"token": token}, auth=caller.basic)
    assert response.status_code == 200, response.get_data(as_text=True)
    found: dict[str, Any] = response.get_json()
    return found


def assertion(key: Any, client_id: str, *, alg: str = "ES256", **claims: Any) -> dict[str, str]:
    """The form fields of private_key_jwt; a claim that is None is left out."""
    now = clock.timestamp()
    usual = {
        "iss": client_id,
        "sub": client_id,
        "aud": ISSUER,
        "jti": random_id(),
        "iat": now,
        "exp": now + 60,
    }
    content = {name: value for name, value in (usual | claims).items() if value is not None}
    signed = jwt.encode({"alg": alg}, content, key, algorithms=[alg])
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


def public_jwks(*keys: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def foreign_id_token(**claims: Any) -> str:
    """An ID token that looks like ours, signed by somebody else."""
    key = ECKey.generate_key("P-256")
    return jwt.encode({"alg": "ES256", "typ": "JWT"}, {"iss": ISSUER, "aud": "asiointi", **claims}, key)


def granted(app: Flask, service: App, person: Person, **approved: Any) -> str:
    """A code of what the person has just approved, without the browser: for what comes after the code."""
    code = random_token()
    values: dict[str, Any] = {
        "client_id": service.client_id,
        "account_id": person.id,
        "sid": random_id(),
        "scope": "openid profile email",
        "resource": None,
        "redirect_uri": service.redirect_uri,
        "nonce": "nonce-1",
        "claims": None,
        "code_challenge": journey.CHALLENGE,
        "acr": "urn:tunnus:acr:password",
        "amr": ("pwd",),
        "auth_time": clock.timestamp(),
    }
    now = clock.now()
    with app.app_context():
        codes.issue(code, Approval(**(values | approved)), now, now + timedelta(seconds=60))
    return code


def tokens_of(app: Flask, service: App, person: Person, **approved: Any) -> dict[str, Any]:
    """The tokens of what the person has just approved."""
    answer = journey.redeem(app.test_client(), service, granted(app, service, person, **approved))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def userinfo(browser: FlaskClient, tokens: dict[str, Any]) -> dict[str, Any]:
    """What userinfo tells the client by these tokens, as JSON."""
    answer = browser.get("/oauth2/userinfo", headers=bearer(tokens["access_token"]))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


# -- what an operator does


def disable_account(app: Flask, person: Person) -> None:
    with app.app_context(), writing() as session:
        session.execute(sa.update(Account).where(Account.id == person.id).values(status="disabled"))


def disable_client(app: Flask, service: App) -> None:
    _update_client(app, service, {"enabled": False})


def change_client(app: Flask, service: App, **metadata: Any) -> None:
    """Lay `metadata` over what the client has registered."""
    with app.app_context():
        present = db.session.get_one(ClientApp, service.client_id).registration
    _update_client(app, service, {"registration": present | metadata})


def allow_resources(app: Flask, service: App, *uris: str) -> None:
    """Let the client have tokens for these APIs, and for no others."""
    _update_client(app, service, {"options": {"allowed_resources": list(uris)}})


def _update_client(app: Flask, service: App, values: dict[str, Any]) -> None:
    """As the admin pages do: in the database, with the version that tells every worker."""
    with app.app_context():
        with writing() as session:
            query = sa.update(ClientApp).where(ClientApp.client_id == service.client_id)
            session.execute(query.values(**values))
            versions.bump(session, "clients")
        versions.watcher(app).check()


def everything_stored(app: Flask) -> str:
    """The whole contents of the database as one text."""
    with app.app_context(), db.engine.connect() as connection:
        tables = [connection.execute(sa.select(table)).all() for table in db.metadata.sorted_tables]
    return repr(tables)
