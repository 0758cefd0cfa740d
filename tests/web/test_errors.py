"""Error pages: what happened, a way on, and a reference that is in the log too; JSON for programs."""

import re

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from idp.database import db, writing
from tests.pages.steps import link_to, text
from tests.support import journey
from tests.support.people import People

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
REFERENCE = re.compile(r"(?:Viite tukipyyntöä varten|Referens för supportärenden): ([0-9A-Z]{4}-[0-9A-Z]{4})")


def reference_of(page: TestResponse) -> str:
    found = REFERENCE.search(text(page))
    assert found is not None, text(page)
    return found[1]


def break_the_sessions(app: Flask) -> None:
    """As a failed upgrade would: reading them is a fault of ours, not an outage."""
    with app.app_context(), writing() as session:
        if db.engine.dialect.name == "sqlite":
            session.execute(sa.text("UPDATE sessions SET auth_time = 'broken'"))
        else:
            session.execute(sa.text("ALTER TABLE sessions RENAME COLUMN auth_time TO broken"))


@SQLITE
@pytest.mark.parametrize(
    ("path", "title"), [("/nowhere", "Sivua ei löytynyt"), ("/login/x", "Sivua ei löytynyt")]
)
def test_an_unknown_address(client: FlaskClient, path: str, title: str) -> None:
    page = client.get(path)

    assert (page.status_code, journey.page_name(page)) == (404, "error")
    assert title in text(page)
    assert link_to(page, "Takaisin kirjautumissivulle") == "/login"
    assert "tuki@example.fi" in text(page)
    assert reference_of(page)


@SQLITE
def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    page = client.delete("/login")

    assert (page.status_code, journey.page_name(page)) == (405, "error")
    assert {"GET", "POST"} <= set(page.headers["Allow"].split(", "))
    assert reference_of(page)


@SQLITE
@pytest.mark.parametrize("language", ["sv", "en"])
def test_errors_in_the_other_languages(client: FlaskClient, language: str) -> None:
    page = client.get(f"/nowhere?lang={language}")

    assert {"sv": "Sidan hittades inte", "en": "Page not found"}[language] in text(page)


@pytest.mark.parametrize(
    "change", ["DROP TABLE login_counters", "ALTER TABLE accounts RENAME COLUMN status TO x"]
)
def test_tables_of_another_version_are_no_outage_and_the_log_says_what_to_do(
    client: FlaskClient, people: People, change: str
) -> None:
    person = people.resident()
    with people.app.app_context(), writing() as session:
        session.execute(sa.text(change))
    with capture_logs() as logs:
        page = journey.log_in(client, person)

    assert (page.status_code, "Retry-After" in page.headers) == (500, False)
    told = [entry for entry in logs if entry["log_level"] == "error"]
    assert [(entry["event"], entry["hint"]) for entry in told] == [
        ("unexpected error", "the tables are older than this version: run `idp migrate`")
    ]
    assert reference_of(page)


@pytest.mark.parametrize("path", ["/account", "/login", "/account?lang=sv"])
def test_a_fault_of_ours_is_a_page_whose_reference_is_in_the_log(
    client: FlaskClient, people: People, path: str
) -> None:
    journey.log_in(client, people.resident())
    break_the_sessions(people.app)

    with capture_logs() as logs:
        page = client.get(path)

    assert (page.status_code, journey.page_name(page)) == (500, "error")
    assert "Traceback" not in page.text
    assert "sessions" not in page.text
    told = [entry for entry in logs if entry["event"] == "unexpected error"]
    assert [entry["reference"] for entry in told] == [reference_of(page)]
    assert told[0]["exc_info"] is not None


@POSTGRESQL
def test_a_fault_of_ours_is_json_for_programs(client: FlaskClient, people: People) -> None:
    person, service = people.resident(), people.client()
    code = journey.code_for(client, service, person)
    with people.app.app_context(), writing() as session:
        session.execute(sa.text("ALTER TABLE grants RENAME COLUMN auth_time TO broken"))

    with capture_logs() as logs:
        answer = journey.redeem(client, service, code)

    assert answer.status_code == 500
    assert answer.get_json()["error"] == "server_error"
    assert answer.headers["Cache-Control"] == "no-store"
    told = next(entry for entry in logs if entry["event"] == "unexpected error")
    assert told["reference"] in answer.get_json()["error_description"]


@SQLITE
@pytest.mark.parametrize("path", ["/oauth2/nowhere", "/.well-known/nowhere"])
def test_programs_get_json(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.get_json()["error"]) == (404, "invalid_request")


@SQLITE
def test_a_reference_is_easy_to_read_aloud(client: FlaskClient) -> None:
    references = {reference_of(client.get("/nowhere")) for _ in range(20)}

    assert len(references) == 20
    assert not set("".join(references)) & set("01OIl")
