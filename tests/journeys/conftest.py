"""Whole journeys in a real Chromium, against the real programs; each is started once for many tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request

from tests.conftest import migrate
from tests.support import browser
from tests.support.harvest import Traffic
from tests.support.installation import Installation, installation
from tests.support.postgresql import PostgreSQL
from tests.support.visitor import PATIENCE_SECONDS, Visitor

VisitorFactory = Callable[..., Visitor]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser.chromium() as running:
        yield running


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running provider and e-service on SQLite."""
    with installation(tmp_path_factory.mktemp("installation")) as running:
        yield running


@pytest.fixture(scope="session")
def strong_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The same with the demo's broker, which every account needs."""
    with installation(tmp_path_factory.mktemp("strong"), strong=True) as running:
        yield running


@pytest.fixture
def place_on_postgresql(postgresql_server: PostgreSQL, tmp_path: Path) -> Iterator[Installation]:
    name = postgresql_server.template("schema", lambda url: migrate(url, tmp_path))
    with (
        postgresql_server.database(name) as url,
        installation(tmp_path, database_url=url) as running,
    ):
        yield running


def listen(traffic: Traffic, asked: Request) -> None:
    """Keep what a page sends; its cookies come at the end, since asking for them now would wait for the browser."""
    try:
        body = asked.post_data or ""
    except UnicodeDecodeError:
        body = ""
    traffic.take_request(asked.url, {}, body)


def take_cookies(traffic: Traffic, page: Page) -> None:
    if not page.is_closed():
        traffic.add_all((cookie["name"], cookie["value"]) for cookie in page.context.cookies())


@pytest.fixture
def visit(chromium: Browser, place: Installation) -> Iterator[VisitorFactory]:
    """Makes visitors, each with a browser of their own; the test fails when a page of theirs had a problem."""
    with ExitStack() as stack:
        made: list[Visitor] = []

        def factory(at: Installation = place, **options: Any) -> Visitor:
            page = stack.enter_context(browser.new_page(chromium, patience=PATIENCE_SECONDS, **options))
            page.on("request", lambda asked: listen(at.traffic, asked))
            stack.callback(lambda: take_cookies(at.traffic, page))
            visitor = Visitor(page, at, browser.watch(page))
            made.append(visitor)
            return visitor

        yield factory
        problems = [problem for visitor in made for problem in visitor.problems]
    assert problems == []


@pytest.fixture
def visitor(visit: VisitorFactory) -> Visitor:
    """Somebody with a browser in Finnish."""
    return visit()
