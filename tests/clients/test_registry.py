"""Clients in memory: read once, read again as soon as their version says so, in every worker."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask

from idp import versions
from idp.clients import registry
from idp.clients.registry import Client
from idp.database import db
from tests.conftest import AppFactory
from tests.oidc import steps
from tests.support import journey
from tests.support.people import App, People


@pytest.fixture
def service(people: People) -> App:
    return people.client()


@pytest.fixture
def second(make_app: AppFactory) -> Flask:
    """Another worker on the same database."""
    return make_app()


def found(app: Flask, client_id: str = "asiointi") -> Client | None:
    with app.app_context():
        return registry.find(client_id)


def check(app: Flask) -> None:
    """What the watcher of a running worker does every two seconds."""
    with app.app_context():
        versions.watcher(app).check()


@pytest.fixture
def queries(app: Flask) -> Iterator[list[str]]:
    """The statements that SQLAlchemy sends."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement != "BEGIN":
            sent.append(statement)

    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


def test_a_client_is_read_once(app: Flask, service: App, queries: list[str]) -> None:
    for _ in range(5):
        assert found(app) is not None

    assert len(queries) == 1


def test_an_unknown_client_is_not_remembered_so_a_new_one_is_found_at_once(
    app: Flask, people: People
) -> None:
    assert found(app) is None

    people.client()

    assert found(app) is not None


@pytest.mark.parametrize("client_id", [None, "", "x" * 101, "a\x00", "a\n", "\ud800", "' OR 1=1 --"])
def test_a_name_that_nobody_can_have_is_unknown(app: Flask, service: App, client_id: str | None) -> None:
    with app.app_context():
        assert registry.find(client_id) is None


def test_another_worker_notices_a_change_by_the_version(app: Flask, second: Flask, service: App) -> None:
    before = found(second)
    assert before is not None

    steps.change_client(app, service, client_name="Uusi nimi")

    assert found(second) is before
    check(second)
    after = found(second)
    assert after is not None
    assert after.registration["client_name"] == "Uusi nimi"


def test_another_worker_notices_that_a_client_was_disabled(app: Flask, second: Flask, service: App) -> None:
    assert found(second) is not None

    steps.disable_client(app, service)
    check(second)

    assert found(second) is None


def test_checking_without_a_change_reads_no_client_again(
    app: Flask, service: App, queries: list[str]
) -> None:
    check(app)
    client = found(app)
    queries.clear()

    for _ in range(3):
        check(app)

    assert found(app) is client
    assert queries == []


def test_a_client_that_is_read_while_it_changes_is_not_kept(app: Flask, service: App) -> None:
    """A reader that was in the database before the change writes into a dictionary that nobody looks at any more."""
    with app.app_context():
        engine = db.engine

    begun: list[str] = []

    def change(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement != "BEGIN" and not begun:
            begun.append(statement)
            steps.change_client(app, service, client_name="Uusi nimi")

    sa.event.listen(engine, "after_cursor_execute", change)
    before, after = found(app), found(app)

    assert before is not None
    assert before.registration["client_name"] == "Asiointipalvelu"
    assert after is not None
    assert after.registration["client_name"] == "Uusi nimi"


def test_a_disabled_client_gets_neither_page_nor_token(app: Flask, people: People, service: App) -> None:
    person, browser = people.resident(), app.test_client()
    tokens = journey.tokens_for(browser, service, person, scope="openid offline_access")

    steps.disable_client(app, service)

    asked = steps.ask(browser, service)
    assert (asked.status_code, journey.page_name(asked)) == (400, "error")
    assert "Asiointipalvelu" not in asked.get_data(as_text=True)
    refreshed = journey.refresh(browser, service, tokens["refresh_token"])
    assert steps.refusal(refreshed) == (401, "invalid_client")
    userinfo = browser.get("/oauth2/userinfo", headers=steps.bearer(tokens["access_token"]))
    assert userinfo.status_code == 401


@pytest.mark.parametrize(
    ("language", "name"), [("fi", "Asiointipalvelu"), ("sv", "E-tjänsten"), ("en", "The e-service")]
)
def test_texts_are_in_the_language_of_the_page_else_in_the_plain_member(
    app: Flask, service: App, language: str, name: str
) -> None:
    client = found(app)
    assert client is not None
    assert client.text("client_name", language) == name
    assert client.text("client_uri", language) == "https://asiointi.example.fi/"
    assert client.text("logo_uri", language) is None
