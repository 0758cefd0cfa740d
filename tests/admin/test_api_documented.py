"""docs/admin-api.md: its commands work, from nothing to a changed client, and its tables have everything."""

import json
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from idp.clients.managed import ADMIN_SCOPES
from idp.web.problems import KINDS
from tests.cli.conftest import Idp, idp, logging_as_before, settings_file
from tests.conftest import ISSUER, AppFactory
from tests.support.ports import free_port

__all__ = ["idp", "logging_as_before", "settings_file"]

PAGE = (Path(__file__).parents[2] / "docs" / "admin-api.md").read_text(encoding="utf-8")
MAKING, *CALLING = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture
def issuer(make_app: AppFactory) -> Iterator[str]:
    """Of a provider that answers over HTTP."""
    port = free_port()
    app = make_app(issuer=f"http://localhost:{port}")
    server = make_server("localhost", port, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{port}"
    server.shutdown()
    thread.join()
    server.server_close()


def objects(text: str) -> list[Any]:
    """The JSON documents that stand one after the other in a text."""
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        content, end = decoder.raw_decode(text)
        found.append(content)
        text = text[end:]
    return found


@SQLITE
@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs bash and curl")
def test_the_commands_lead_from_nothing_to_a_changed_client(
    issuer: str, idp: Idp, settings_file: Path
) -> None:
    settings_file.write_text(settings_file.read_text().replace(ISSUER, issuer))
    made = idp(*shlex.split(MAKING.removeprefix("idp ")), "--json")
    secret = json.loads(made.output)["client_secret"]
    script = "\n".join(CALLING)
    for written, real in {"https://login.example.fi": issuer, "the-secret-that-was-shown": secret}.items():
        assert script.count(written) == 1
        script = script.replace(written, real)

    ran = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60)

    assert ran.returncode == 0, ran.stderr
    listed, created, changed = objects(ran.stdout)
    assert [item["client_id"] for item in listed["items"]] == ["inventory"]
    assert created["client_secret"]
    assert changed["metadata"]["client_name#sv"] == "Fakturor"
    assert changed["options"]["access_token_seconds"] == 300


def rows(heading: str) -> list[str]:
    """The first cells of a table of the page, by the heading of its first column."""
    table = PAGE.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)


def test_the_page_explains_every_problem_with_its_status() -> None:
    told = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", PAGE, re.MULTILINE)

    assert {name: int(status) for name, status in told} == {kind.name: kind.status for kind in KINDS.values()}
    assert rows("name") == list(KINDS)


def test_the_page_explains_every_scope() -> None:
    told = dict(re.findall(r"^\| `(admin:[a-z]+)` \| `([a-z]+)` \|", PAGE, re.MULTILINE))

    assert told == {scope: role.value for scope, role in ADMIN_SCOPES.items()}


def test_problems_keep_their_names() -> None:
    """Programs compare them: new ones may come, none changes."""
    assert {kind.type.removeprefix("urn:tunnus:problem:"): kind.status for kind in KINDS.values()} == {
        "malformed": 400,
        "unauthenticated": 401,
        "invalid-token": 401,
        "insufficient-scope": 403,
        "delegated-token": 403,
        "not-allowed": 403,
        "not-found": 404,
        "method-not-allowed": 405,
        "client-exists": 409,
        "no-secret": 409,
        "account-exists": 409,
        "wrong-state": 409,
        "no-address": 409,
        "last-admin": 409,
        "changed-meanwhile": 412,
        "too-large": 413,
        "unsupported-media-type": 415,
        "invalid": 422,
        "precondition-required": 428,
        "too-many-errors": 429,
        "internal-error": 500,
        "unavailable": 503,
    }
