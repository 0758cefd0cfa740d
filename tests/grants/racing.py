"""Doing one thing many times at the same moment: the two ways, and the things that are done.

The things are functions of this module, so that another process can be told which one to do.
"""

import itertools
import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Protocol, Self

from flask import Flask

from idp import clock, create_app
from idp.accounts import links
from idp.accounts.links import Purpose
from idp.database import db, writing
from idp.grants import codes, consents
from tests.conftest import AppFactory, make_settings

Action = Callable[..., Any]
WAIT = 60  # seconds until a race that does not come about is a failure


class Competition(Protocol):
    def __call__(
        self, action: Action, /, settings: dict[str, Any] | None = None, **arguments: Any
    ) -> list[Any]:
        """Do `action(app, **arguments)` ten times at the same moment, in apps with these settings."""


def at_once(
    number: int, action: Callable[[int], Any], gathered: Callable[[], Any] = lambda: None
) -> list[Any]:
    """What `number` threads got, which began together; `gathered` is called just before."""
    line = threading.Barrier(number, action=gathered)

    def run(index: int) -> Any:
        line.wait(WAIT)
        return action(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


class ByThreads:
    """Ten threads of one app."""

    def __init__(self, make_app: AppFactory) -> None:
        self._make_app = make_app

    def __call__(
        self, action: Action, /, settings: dict[str, Any] | None = None, **arguments: Any
    ) -> list[Any]:
        app = self._make_app(**(settings or {}))
        return at_once(10, lambda _: action(app, **arguments))


class Racers:
    """Two processes that wait for orders."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(2, context, initializer=_remember, initargs=(context.Barrier(2),))
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def race(self, *order: Any) -> list[Any]:
        running = [self._pool.submit(_compete, *order) for _ in range(2)]
        return [outcome for future in running for outcome in future.result(WAIT * 2)]


class ByProcesses:
    """Five threads in each of two processes, each with an app of its own on the same database."""

    def __init__(self, racers: Racers, url: str, folder: Path) -> None:
        self._racers, self._url, self._folder = racers, url, folder

    def __call__(
        self, action: Action, /, settings: dict[str, Any] | None = None, **arguments: Any
    ) -> list[Any]:
        return self._racers.race(self._url, self._folder, settings or {}, action, arguments)


_line: list[Barrier] = []  # of this process, when it is one of the two
_turn = itertools.count()


def _remember(line: Barrier) -> None:
    _line.append(line)


def _compete(
    url: str, folder: Path, settings: dict[str, Any], action: Action, arguments: dict[str, Any]
) -> list[Any]:
    """The part of one process."""
    line = _line[0]
    app = create_app(make_settings(database={"url": url}, folders={"data": folder}, **settings))
    app.test_client().get("/oauth2/jwks")  # warm, so that both begin together
    try:
        return at_once(5, lambda _: action(app, **arguments), gathered=lambda: line.wait(WAIT))
    finally:
        with app.app_context():
            db.engine.dispose()
            app.extensions["lean"].close_idle()


# -- the things


def post(
    app: Flask, path: str, form: dict[str, str], basic: tuple[str, str] | None
) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a request to a protocol endpoint."""
    response = app.test_client().post(path, data=form, auth=basic)
    return response.status_code, response.get_json()


def visit(app: Flask, path: str, cookies: dict[str, str]) -> tuple[int, str | None]:
    """Status and Location of a page, in a browser with these cookies."""
    browser = app.test_client()
    for name, value in cookies.items():
        browser.set_cookie(name, value)
    response = browser.get(path)
    return response.status_code, response.location


def use_link(app: Flask, token: str) -> bool:
    """Whether a mailed link could be used."""
    with app.app_context(), writing() as session:
        return links.use(session, token, Purpose.RESET, clock.now())


def refresh_or_revoke(
    app: Flask, form: dict[str, str], basic: tuple[str, str], grant_id: str, revokers: int
) -> dict[str, Any] | str:
    """Every so many-th revokes the grant, the others refresh: the tokens, or what came instead."""
    if next(_turn) % revokers == 0:
        with app.app_context():
            return "revoked" if codes.revoke(grant_id, clock.now()) else "revoked before"
    status, body = post(app, "/oauth2/token", form, basic)
    return body if status == 200 else str(body["error"])


def consent_to_one_of(app: Flask, account_id: str, client_id: str, scopes: list[str]) -> None:
    """Allow a client one of these, another one each time."""
    with app.app_context():
        consents.give(account_id, client_id, scopes[next(_turn) % len(scopes)], clock.now())
