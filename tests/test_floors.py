"""The floors of docs/architecture.md: imports only go down, and a few things have one door only."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "idp"

# From the top down. A room is a module or folder directly below idp/; "" is idp/__init__.py.
FLOORS = {
    "wiring": {"", "__main__", "cli", "listeners", "migrations", "serving"},
    "faces": {"admin", "demo", "oidc", "pages"},
    "web": {"web"},
    "domain": {
        "accounts",
        "audit",
        "audit_log",
        "clients",
        "grants",
        "housekeeping",
        "mail",
        "sessions",
        "statistics",
        "transfer",
        "upstream",
    },
    "policy": {"policy"},
    "ground": {
        "background",
        "clock",
        "crypto",
        "database",
        "deliveries",
        "keys",
        "lasting",
        "leaving",
        "metrics",
        "nesting",
        "outbound",
        "schedule",
        "settings",
        "texts",
        "tracing",
        "versions",
    },
}
FLOOR_OF = {room: number for number, rooms in enumerate(reversed(FLOORS.values())) for room in rooms}

REQUESTS_AND_PAGES = {
    *("flask_limiter", "flask_wtf", "werkzeug", "wtforms", "flask.Blueprint", "flask.abort", "flask.jsonify"),
    *("flask.make_response", "flask.redirect", "flask.request", "flask.session", "flask.url_for"),
}
CLOCKS = {
    *(
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "func.now",
        "func.current_timestamp",
    ),
    *("time.time", "time.time_ns", "time.localtime", "time.gmtime"),
}
HTTP_CLIENTS = {
    *("aiohttp", "authlib.integrations.flask_client", "authlib.integrations.httpx_client"),
    *(
        "authlib.integrations.requests_client",
        "http.client",
        "httpx",
        "requests",
        "urllib.request",
        "urllib3",
    ),
}


@dataclass(frozen=True)
class Use:
    """A dotted name that one line of one module imports or reads."""

    module: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}: {self.name}"

    def is_one_of(self, names: set[str]) -> bool:
        return any(self.name == name or self.name.startswith(f"{name}.") for name in names)


def room(module: str) -> str:
    """The room of a dotted name below idp; "" for what idp/__init__.py itself offers."""
    name = [*module.removesuffix(".__init__").split("."), ""][1]
    return name if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file() else ""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["idp", *path.relative_to(PACKAGE).with_suffix("").parts]
        yield ".".join(parts), ast.parse(path.read_text(encoding="utf-8"))


def imports(module: str, tree: ast.Module) -> Iterator[Use]:
    """Every imported name, `from a import b` as a.b; wherever in the module it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Use(module, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = [*above, *([node.module] if node.module else [])]
            yield from (Use(module, node.lineno, ".".join([*base, alias.name])) for alias in node.names)


def attributes(module: str, tree: ast.Module) -> Iterator[Use]:
    """Every `a.b` that is read, by its last two names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            yield Use(module, node.lineno, f"{owner}.{node.attr}")


def all_imports() -> list[Use]:
    return [use for module, tree in modules() for use in imports(module, tree)]


def inner_imports() -> list[Use]:
    return [use for use in all_imports() if use.is_one_of({"idp"})]


def expect_none(breaches: list[Use], rule: str) -> None:
    if breaches:
        pytest.fail("\n".join([f"{rule}:", *map(str, breaches)]), pytrace=False)


def test_every_room_has_a_floor() -> None:
    rooms = {room(module) for module, _ in modules()}
    assert rooms <= FLOOR_OF.keys(), "give the new rooms a floor, here and in docs/architecture.md"


def test_imports_only_go_down() -> None:
    upward = [use for use in inner_imports() if FLOOR_OF[room(use.module)] < FLOOR_OF[room(use.name)]]
    expect_none(upward, "imports only go down")


def test_no_face_imports_another() -> None:
    faces = FLOORS["faces"]
    across = [use for use in inner_imports() if {room(use.module), room(use.name)} <= faces]
    expect_none([use for use in across if room(use.module) != room(use.name)], "no face imports another")


def test_the_domain_knows_no_requests_and_no_pages() -> None:
    domain = [use for use in all_imports() if room(use.module) in FLOORS["domain"]]
    expect_none([use for use in domain if use.is_one_of(REQUESTS_AND_PAGES)], "the domain knows no HTTP")


def test_policy_is_pure() -> None:
    impure = {
        "alembic",
        "authlib",
        "flask",
        "jinja2",
        "psycopg",
        "sqlalchemy",
        *REQUESTS_AND_PAGES,
        *HTTP_CLIENTS,
    }
    rules = [use for use in all_imports() if room(use.module) == "policy"]
    outside = [use for use in rules if use.is_one_of({"idp"}) and room(use.name) != "policy"]
    flask = [use for use in rules if use.name.startswith("flask_")]
    expect_none([*outside, *flask, *(use for use in rules if use.is_one_of(impure))], "policy is pure")


def test_time_comes_from_the_clock() -> None:
    uses = [use for module, tree in modules() for use in (*attributes(module, tree), *imports(module, tree))]
    own = [use for use in uses if use.is_one_of(CLOCKS) and use.module != "idp.clock"]
    expect_none(own, "time comes from idp/clock.py")


def test_randomness_comes_from_secrets() -> None:
    expect_none(
        [use for use in all_imports() if use.is_one_of({"random"})], "randomness comes from `secrets`"
    )


def test_outgoing_requests_go_through_one_door() -> None:
    outgoing = [use for use in all_imports() if use.is_one_of(HTTP_CLIENTS)]
    expect_none(
        [use for use in outgoing if room(use.module) not in {"outbound", "demo"}],
        "outgoing HTTP goes through idp/outbound.py",
    )


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import httpx", "httpx"),
        ("from idp import clock", "idp.clock"),
        ("from . import models", "idp.accounts.models"),
        ("from ..grants import codes", "idp.grants.codes"),
        ("def f():\n    from flask import request", "flask.request"),
    ],
)
def test_every_form_of_import_is_seen(line: str, name: str) -> None:
    assert [use.name for use in imports("idp.accounts.registration", ast.parse(line))] == [name]


@pytest.mark.parametrize(
    "line", ["datetime.now(UTC)", "dt.datetime.utcnow()", "time.time()", "sa.func.now()"]
)
def test_every_form_of_clock_is_seen(line: str) -> None:
    assert any(use.is_one_of(CLOCKS) for use in attributes("idp.accounts.registration", ast.parse(line)))
