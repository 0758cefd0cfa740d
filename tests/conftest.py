"""Fixtures of every test: an app on a fresh database, a clock that stands still, people and clients made in one line.

`app` runs each test on SQLite and on PostgreSQL. Nothing of our own is mocked.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from joserfc._rfc7518.rsa_key import RSABinding
from werkzeug.routing import Rule

from idp import clock, create_app, database, settings
from idp.database import db
from idp.settings import Settings
from tests.support import postgresql
from tests.support.moments import MovableClock
from tests.support.parts import pytest_runtest_setup, pytest_terminal_summary
from tests.support.people import People

__all__ = ["pytest_runtest_setup", "pytest_terminal_summary"]

ISSUER = "http://localhost:8400"
SECRET_KEY = "dGVzdC1rZXktZm9yLXR1bm51cy10ZXN0cy1vbmx5LTAx"

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


def make_settings(**sections: Any) -> Settings:
    """Settings of a test: cheap hashes, no limits that a test would run into; `sections` are laid over them."""
    base: dict[str, Any] = {
        "mode": "test",
        "issuer": ISSUER,
        "secrets": {"keys": [SECRET_KEY]},
        "passwords": {"bcrypt_cost": 4, "parallel_hashes": 2},
        "mail": {"security": "none"},
        "limits": {
            "login_per_address": "100000/hour",
            "login_per_username": "100000/hour",
            "registration_per_address": "100000/hour",
            "recovery_per_address": "100000/hour",
            "mail_per_name": "100000/hour",
            "token_errors_per_address": "100000/minute",
            "feedback_per_address": "100000/hour",
            "client_registration_per_address": "100000/hour",
            "registered_clients_per_address": "100000/hour",
            "pushed_requests_per_address": "100000/hour",
            "device_codes_per_address": "100000/hour",
            "device_entries_per_address": "100000/hour",
            "device_entries_per_account": "100000/hour",
            "client_checks_per_account": "100000/hour",
        },
        "log": {"requests": "errors"},
    }
    for name, section in sections.items():
        base[name] = {**base.get(name, {}), **section} if isinstance(section, dict) else section
    return settings.load(overrides=base)


def migrate(url: str, folder: Path) -> None:
    """Make the tables of a database, by the migrations."""
    app = create_app(make_settings(database={"url": url}, folders={"data": folder}))
    with app.app_context():
        database.upgrade()
        db.engine.dispose()
        app.extensions["lean"].close_idle()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    migrate(f"sqlite:///{folder / 'tunnus.db'}", folder)
    return folder / "tunnus.db"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.PostgreSQL]:
    with postgresql.postgresql_server() as server:
        yield server


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database with its tables, on each engine."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        shutil.copy(template, tmp_path / "tunnus.db")
        yield f"sqlite:///{tmp_path / 'tunnus.db'}"
        return
    server = request.getfixturevalue("postgresql_server")
    name = server.template("schema", lambda url: migrate(url, tmp_path))
    with server.database(name) as url:
        yield url


@pytest.fixture
def moving_clock() -> Iterator[MovableClock]:
    """The project's clock, standing still until a test moves it."""
    movable = MovableClock()
    with clock.use(movable):
        yield movable


AppFactory = Callable[..., Flask]


class _CompiledTemplates(BytecodeCache):
    """What each template was compiled to, once for all apps of a test run; Jinja compares it with the source."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if kept := self._kept.get(bucket.key + bucket.checksum):
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


_COMPILED = _CompiledTemplates()


_import_rsa = RSABinding.import_private_key
_RSA_KEYS: dict[tuple[str, ...], RSAPrivateKey] = {}


def _checked_once(jwk: Any) -> RSAPrivateKey:
    """A private key, whose numbers are checked once for all apps of a test run: that takes longer than a login."""
    key = tuple(f"{name}={value}" for name, value in sorted(jwk.items()))
    if key not in _RSA_KEYS:
        _RSA_KEYS[key] = _import_rsa(jwk)
    return _RSA_KEYS[key]


RSABinding.import_private_key = staticmethod(_checked_once)  # type: ignore[assignment]

_compile_builder = Rule._compile_builder
_BUILDERS: dict[tuple[Any, ...], Callable[..., tuple[str, str]]] = {}


def _compiled_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """What builds the addresses of a route, compiled once for all apps of a test run: it takes its route as `self`."""
    defaults = tuple(sorted((rule.defaults or {}).items()))
    key = (rule.rule, rule.subdomain, rule.host, defaults, append_unknown)
    if key not in _BUILDERS:
        _BUILDERS[key] = _compile_builder(rule, append_unknown)
    return _BUILDERS[key]


Rule._compile_builder = _compiled_once  # type: ignore[method-assign]


@pytest.fixture
def make_app(database_url: str, tmp_path: Path) -> Iterator[AppFactory]:
    """Makes apps on the test's database; the sections given are laid over the test's settings."""
    made: list[Flask] = []

    def factory(**sections: Any) -> Flask:
        sections.setdefault("database", {"url": database_url})
        sections.setdefault("folders", {"data": tmp_path})
        app = create_app(make_settings(**sections))
        app.jinja_env.bytecode_cache = _COMPILED
        made.append(app)
        return app

    yield factory
    for app in made:
        with app.app_context():
            db.engine.dispose()
            app.extensions["lean"].close_idle()


@pytest.fixture
def app(make_app: AppFactory) -> Flask:
    """An app with the usual settings. No context is pushed: requests must not share one."""
    return make_app()


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """The app's context, for tests of the domain that make no requests."""
    with app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser with its own cookies."""
    return app.test_client()


@pytest.fixture
def people(app: Flask) -> People:
    """Makes accounts and client apps."""
    return People(app)
