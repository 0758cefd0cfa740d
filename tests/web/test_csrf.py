"""No page acts on a form that another site sends, and what a person typed is never lost by it."""

from collections.abc import Iterator

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.clients.managed import ADMIN_API
from tests.support import journey
from tests.support.people import People
from tests.web.pages_with_forms import OPENERS, WITHOUT_TOKENS, Page, Town, everything_in_the_form

TYPED = {
    "/login": {"username": "maija@example.fi"},
    "/create-account": {
        "email": "uusi@example.fi",
        "email_confirm": "uusi@example.fi",
        "given_name": "Ульяна",
        "family_name": "O'Neill-Öberg",
        "phone": "+358 40 123 4567",
        "street_address": "Kirkkokatu 1 A 2",
        "postal_code": "00100",
        "locality": "Helsinki",
    },
    "/forgot": {"email": "maija@example.fi"},
    "/feedback": {"message": "Hyvä palvelu", "email": "uusi@example.fi"},
    "/account/details": {"given_name": "Maija-Liisa", "family_name": "Virtanen", "phone": "040 123 4567"},
    "/account/email": {"new_email": "uusi@example.fi", "new_email_confirm": "uusi@example.fi"},
}


def test_every_page_that_takes_a_form_is_walked(app: Flask) -> None:
    posts = {rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or set())}
    posts -= {rule for rule in posts if rule.startswith(ADMIN_API)}  # which reads no cookie

    assert posts == set(OPENERS) | WITHOUT_TOKENS


def test_a_form_without_its_token_is_refused_and_shown_again(app: Flask) -> None:
    problems = {rule: list(what_is_wrong(Town(app).open(rule), TYPED.get(rule, {}))) for rule in OPENERS}

    assert {rule: wrong for rule, wrong in problems.items() if wrong} == {}


def what_is_wrong(page: Page, typed: dict[str, str]) -> Iterator[str]:
    shown = page.browser.get(page.url)
    foreign = {"csrf_token": journey.csrf_token(page.browser.application.test_client().get("/forgot"))}
    if shown.status_code != 200:
        yield f"not shown: {shown.status_code}"
    for what, token in (("no token", {}), ("a token of another browser", foreign)):
        refused = page.browser.post(page.url, data=everything_in_the_form(shown) | typed | token)
        if refused.status_code != 422 or journey.page_name(refused) != journey.page_name(shown):
            yield f"{what}: {refused.status_code} {journey.page_name(refused)}"
        elif not any("evästeitä" in error for error in journey.errors(refused)):
            yield f"{what}: the page does not say so"
        elif not typed.items() <= values_of(refused).items():
            yield f"{what}: something typed is lost"


def values_of(page: TestResponse) -> dict[str, str]:
    found = journey.soup(page)
    values = {str(field.get("name")): str(field.get("value")) for field in found.find_all("input")}
    return values | {str(field["name"]): field.text.strip() for field in found.find_all("textarea")}


def test_a_login_without_its_token_logs_nobody_in(client: FlaskClient, people: People) -> None:
    person = people.resident()

    client.post("/login", data={"username": person.username, "password": person.password})

    assert client.get("/account").location == "/login"
    assert client.get_cookie("tunnus_session") is None


def test_the_refused_form_carries_a_token_that_works(client: FlaskClient, people: People) -> None:
    person = people.resident()
    refused = client.post("/login", data={"username": person.username})

    answer = client.post(
        "/login",
        data={
            "username": person.username,
            "password": person.password,
            "csrf_token": journey.csrf_token(refused),
        },
    )

    assert answer.location == "/account"


def test_tokens_work_in_all_tabs_of_a_browser(client: FlaskClient, people: People) -> None:
    person = people.resident()
    older = journey.csrf_token(client.get("/login"))
    client.get("/login")

    answer = client.post(
        "/login", data={"username": person.username, "password": person.password, "csrf_token": older}
    )

    assert answer.location == "/account"
