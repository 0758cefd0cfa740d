"""Scripts of other origins: they may read whatever these endpoints answer, errors too, and nothing of the others."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.database import DatabaseUnavailable
from tests.conftest import AppFactory

ORIGIN = {"Origin": "https://sivusovellus.example.fi"}
FOR_SCRIPTS = [
    ("POST", "/oauth2/token"),
    ("GET", "/oauth2/userinfo"),
    ("POST", "/oauth2/revoke"),
    ("GET", "/oauth2/jwks"),
    ("GET", "/.well-known/openid-configuration"),
    ("GET", "/.well-known/oauth-authorization-server"),
]
NOT_FOR_SCRIPTS = [
    ("GET", "/oauth2/authorize"),
    ("POST", "/oauth2/authorize"),
    ("POST", "/oauth2/par"),
    ("POST", "/oauth2/introspect"),
    ("GET", "/oauth2/logout"),
    ("GET", "/oauth2/check-session"),
]


def assert_readable(answer: TestResponse) -> None:
    assert answer.headers.getlist("Access-Control-Allow-Origin") == ["*"]
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"WWW-Authenticate", "Retry-After"} <= set(exposed)
    assert "Access-Control-Allow-Credentials" not in answer.headers


def assert_not_readable(answer: TestResponse) -> None:
    assert [name for name, _ in answer.headers if name.startswith("Access-Control-")] == []


@pytest.mark.parametrize(("method", "path"), FOR_SCRIPTS)
def test_scripts_may_read_the_answer(client: FlaskClient, method: str, path: str) -> None:
    assert_readable(client.open(path, method=method, headers=ORIGIN))
    assert_readable(client.options(path, headers=ORIGIN))


@pytest.mark.parametrize(("method", "path"), NOT_FOR_SCRIPTS)
def test_scripts_may_read_nothing_of_what_is_for_browsers_and_servers(
    client: FlaskClient, method: str, path: str
) -> None:
    assert_not_readable(client.open(path, method=method, headers=ORIGIN))
    assert_not_readable(client.options(path, headers=ORIGIN))


def test_scripts_may_read_when_to_try_again(make_app: AppFactory) -> None:
    browser = make_app(limits={"token_errors_per_address": "1/minute"}).test_client()
    form = {"grant_type": "authorization_code", "code": "x", "client_id": "nobody"}

    answers = [browser.post("/oauth2/token", data=form, headers=ORIGIN) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [401, 429]
    assert "Retry-After" in answers[-1].headers
    for answer in answers:
        assert_readable(answer)


@pytest.mark.parametrize(("error", "status"), [(ArithmeticError, 500), (DatabaseUnavailable, 503)])
def test_scripts_may_read_that_we_failed(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: type[Exception], status: int
) -> None:
    def broken(*_: Any) -> None:
        raise error

    monkeypatch.setattr(app.extensions["clients"], "find", broken)
    form = {"grant_type": "authorization_code", "code": "x", "client_id": "asiointi"}

    failed = client.post("/oauth2/token", data=form, headers=ORIGIN)
    page = client.get("/oauth2/authorize?client_id=asiointi", headers=ORIGIN)

    assert (failed.status_code, page.status_code) == (status, status)
    assert_readable(failed)
    assert_not_readable(page)


def test_scripts_may_read_that_they_sent_too_much(client: FlaskClient) -> None:
    answer = client.post("/oauth2/token", data={"code": "x" * 100_000}, headers=ORIGIN)

    assert answer.status_code == 413
    assert_readable(answer)
