"""What a person does on the pages, in one line each."""

import re

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.accounts.models import Account
from idp.database import db
from tests.support import journey
from tests.support.people import PASSWORD, Letter, People

EMAIL = "uusi@example.fi"
REGISTRATION = {
    "email": EMAIL,
    "email_confirm": EMAIL,
    "new_password": PASSWORD,
    "new_password_confirm": PASSWORD,
    "given_name": "Uusi",
    "family_name": "Asukas",
    "accept_terms": "y",
}
"""The mandatory fields."""
RESULTS = ("/activated", "/reset/done", "/done")


def register(browser: FlaskClient, path: str = "/create-account", **changes: str | None) -> TestResponse:
    """Fill in the registration form; None leaves a field out."""
    if "email" in changes:
        changes = {"email_confirm": changes["email"], **changes}
    fields = {name: value for name, value in {**REGISTRATION, **changes}.items() if value is not None}
    return journey.submit(browser, path, **fields)


def letter(people: People, kind: str) -> Letter:
    """The newest mail of a kind."""
    return next(found for found in people.letters() if found.kind == kind)


def kinds(people: People) -> list[str]:
    """The kinds of all mails, newest first."""
    return [found.kind for found in people.letters()]


def sign_up(browser: FlaskClient, people: People, path: str = "/create-account", **changes: str) -> str:
    """Register; the activation link that was mailed."""
    answer = register(browser, path, **changes)
    assert answer.location == "/created", journey.errors(answer)
    return letter(people, "activation").link


def press(browser: FlaskClient, link: str, **fields: str) -> TestResponse:
    """Open a mailed link and press its button; the page that says what came of it, if there is one."""
    answer = journey.submit(browser, link, **fields)
    return browser.get(answer.location) if answer.location in RESULTS else answer


def text(response: TestResponse) -> str:
    """What a person reads in the page's main part."""
    main = journey.soup(response).find("main")
    assert main is not None
    return re.sub(r"\s+", " ", main.get_text(" ", strip=True))


def link_to(response: TestResponse, label: str) -> str:
    """Where the link of that text leads, in the page's main part."""
    found = journey.soup(response).select("main a")
    return next(str(link["href"]) for link in found if link.get_text(" ", strip=True).startswith(label))


def looks(response: TestResponse, *particulars: str) -> tuple[int, list[tuple[str, str]], str]:
    """All that an answer shows, without its tokens and the `particulars` (a typed name): to compare two answers."""
    body = re.sub(r'value="[\w.-]{60,}"', 'value="TOKEN"', response.text)
    headers = [
        (name, re.sub(r"=[^;]+;", "=;", v) if name == "Set-Cookie" else v) for name, v in response.headers
    ]
    for particular in particulars:
        body = body.replace(particular, "NAME")
    return response.status_code, headers, body


def accounts(app: Flask) -> list[Account]:
    with app.app_context():
        return list(db.session.scalars(sa.select(Account)))
