"""What an administrator does at the pages of client apps: fill in the form as it stands and change some of it."""

from typing import Any

from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.accounts.roles import OPERATOR
from idp.clients import managed
from idp.clients.managed import ManagedClient
from tests.support import journey

PAGE = "/admin/clients/asiointi"


def fields_of(page: BeautifulSoup) -> dict[str, list[str]]:
    """What a browser would send if the form were sent as it is."""
    found: dict[str, list[str]] = {}
    for each in page.select("main form input, main form textarea"):
        kind = each.get("type", "text")
        if kind in ("submit", "search", "file") or (
            kind in ("checkbox", "radio") and not each.has_attr("checked")
        ):
            continue
        value = (
            each.text.removeprefix("\r\n").removeprefix("\n")
            if each.name == "textarea"
            else each.get("value", "")
        )
        found.setdefault(str(each["name"]), []).append(str(value))
    for each in page.select("main form select"):
        chosen = each.select_one("option[selected]") or each.select_one("option")
        found[str(each["name"])] = [str(chosen["value"])] if chosen else []
    return found


def edit(browser: FlaskClient, path: str, **changes: Any) -> TestResponse:
    """Open a page, change some fields (None or [] empties one), and send the form."""
    page = browser.get(path)
    assert page.status_code == 200, path
    return send(browser, path, page, **changes)


def send(browser: FlaskClient, path: str, page: TestResponse, **changes: Any) -> TestResponse:
    """Send the form of a page that is open already."""
    fields: dict[str, Any] = dict(fields_of(journey.soup(page)))
    for name, value in changes.items():
        fields[name] = [] if value is None else value
    return browser.post(path, data=fields)


def stored(app: Flask, client_id: str = "asiointi") -> ManagedClient:
    with app.app_context():
        return managed.look(client_id, OPERATOR)


def secret_in(answer: TestResponse) -> str:
    found = journey.soup(answer).select_one("#client-secret")
    assert found is not None
    return found.text


def field_error(answer: TestResponse, field: str) -> str:
    """What is said at a field."""
    found = journey.soup(answer).select_one(f"#{field}-error")
    return found.get_text(" ", strip=True) if found else ""
