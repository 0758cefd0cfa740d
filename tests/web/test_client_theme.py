"""Pages on behalf of an e-service: its colour, its logo, its support; and what none of them may open."""

import hashlib
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.accounts.roles import OPERATOR
from idp.clients import managed, management
from idp.clients.management import Wanted
from idp.clients.metadata import InvalidClientMetadata
from tests.oidc.steps import ask
from tests.support import journey
from tests.support.people import App, People

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 50
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def branded(app: Flask, service: App, **options: object) -> None:
    with app.app_context():
        client = managed.look(service.client_id, OPERATOR)
        management.change(service.client_id, Wanted(client.metadata, options), OPERATOR)


def login_page(app: Flask, service: App) -> tuple[FlaskClient, TestResponse]:
    browser = app.test_client()
    return browser, browser.get(ask(browser, service).location)


@SQLITE
@pytest.mark.parametrize("client_id", ["asiointi", "https://asiointi.example.fi/äö"])
def test_its_colour_is_laid_over_the_municipalitys(app: Flask, people: People, client_id: str) -> None:
    service = people.client(client_id)
    branded(app, service, colour="#0b5d3b", colour_dark="#9be3c0")
    browser, page = login_page(app, service)
    sheets = [str(link["href"]) for link in journey.soup(page).select("link[rel=stylesheet]")]

    assert sheets[-1].startswith(f"/client-theme/{quote(client_id)}.css?v=")
    css = browser.get(sheets[-1])
    assert "--municipality-colour: #0b5d3b;" in css.text
    assert "--municipality-colour-dark: #9be3c0;" in css.text
    assert css.mimetype == "text/css"


@SQLITE
def test_without_one_nothing_is_laid_over(app: Flask, people: People) -> None:
    service = people.client()
    browser, page = login_page(app, service)
    assert "/client-theme/" not in page.text
    assert browser.get(f"/client-theme/{service.client_id}.css").status_code == 404
    assert browser.get("/client-theme/nobody.css").status_code == 404


def test_its_logo_is_shown_from_here(app: Flask, people: People) -> None:
    service = people.client(logo_uri="https://asiointi.example.fi/logo.png")
    with app.app_context():
        management.put_logo(service.client_id, PNG, OPERATOR)
    browser = app.test_client()
    response = browser.get(ask(browser, service).location)

    address = f"/client-logo/{hashlib.sha256(PNG).hexdigest()}"
    assert journey.soup(response).select_one(f'img[src="{address}"]') is not None
    assert "asiointi.example.fi/logo" not in response.text
    assert "img-src 'self' data:;" in response.headers["Content-Security-Policy"]
    logo = browser.get(address)
    assert (logo.mimetype, logo.data) == ("image/png", PNG)
    assert logo.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert logo.headers["X-Content-Type-Options"] == "nosniff"


def test_a_logo_that_was_taken_away_is_gone(app: Flask, people: People) -> None:
    service = people.client()
    with app.app_context():
        management.put_logo(service.client_id, PNG, OPERATOR)
        management.put_logo(service.client_id, None, OPERATOR)
        assert managed.look(service.client_id, OPERATOR).options.logo is None
    address = f"/client-logo/{hashlib.sha256(PNG).hexdigest()}"
    assert app.test_client().get(address).status_code == 404


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a",
        b"<html>",
        b"RIFF0000WAVE",
        PNG + b"0" * 200_000,
    ],
)
def test_only_pictures_that_can_do_nothing_are_taken(app: Flask, people: People, content: bytes) -> None:
    service = people.client()
    with app.app_context(), pytest.raises(InvalidClientMetadata, match=r"^logo: "):
        management.put_logo(service.client_id, content, OPERATOR)


@SQLITE
def test_whoever_has_trouble_is_told_its_support(app: Flask, people: People) -> None:
    service = people.client()
    branded(app, service, support_email="lupa@example.fi", support_phone="09 123 4567")
    _, page = login_page(app, service)
    contact = journey.soup(page).select_one(".contact")
    assert contact is not None
    assert [str(link["href"]) for link in contact.select("a")] == ["mailto:lupa@example.fi", "tel:091234567"]
