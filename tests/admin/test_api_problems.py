"""Errors at the API's addresses are problem documents (RFC 9457), whoever finds them; and what must never be in one."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from idp.clients import managed
from idp.clients.managed import ADMIN_API
from tests.admin.machine import SCOPES, Machine, machine_metadata, problem
from tests.conftest import AppFactory
from tests.support.people import Person

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BODY = {"metadata": machine_metadata("Job")}


@pytest.fixture
def machine(app: Flask) -> Machine:
    return Machine(app, *SCOPES)


# -- the server's own


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/clients/", "/clients/a/b/c", "/clients/a%2Fb", "/openapi"]
)
def test_an_unknown_address_is_a_problem(client: FlaskClient, path: str) -> None:
    assert problem(client.get(ADMIN_API + path)) == (404, "not-found")


def test_other_versions_of_the_api_are_problems_too(client: FlaskClient) -> None:
    assert problem(client.get("/admin/api/v2/clients")) == (404, "not-found")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"])
def test_a_wrong_method_is_a_problem_that_names_the_right_ones(client: FlaskClient, method: str) -> None:
    answer = client.open(f"{ADMIN_API}/clients", method=method)

    assert problem(answer) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD, POST"


def test_a_large_body_is_a_problem(machine: Machine) -> None:
    answer = machine.call("POST", "/clients", BODY | {"x": "y" * 70_000})

    assert problem(answer) == (413, "too-large")


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/merge-patch+json"]
)
def test_a_body_of_another_type_is_a_problem(machine: Machine, kind: str) -> None:
    answer = machine.call("POST", "/clients", data=json.dumps(BODY), content_type=kind)

    assert problem(answer) == (415, "unsupported-media-type")
    assert answer.headers["Accept"] == "application/json"


def test_a_charset_does_no_harm(machine: Machine) -> None:
    answer = machine.call(
        "POST", "/clients", data=json.dumps(BODY), content_type="application/json; charset=utf-8"
    )

    assert answer.status_code == 201


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"{'metadata': {}}",
        b'{"metadata": NaN}',
        b'{"metadata": {"default_max_age": Infinity}}',
        b'{"metadata": {}, "metadata": {}}',
        b'{"metadata": {"scope": "openid", "scope": "admin:audit"}}',
        b'{"metadata": "\\u0000"}',
        b'{"metadata": "\\ud800"}',
        b'{"metadata": "\xff"}',
        '{"metadata": {}}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"[" * 50_000,
        b'{"a":' * 9_000,
        b'{"metadata": {"jwks": ' + b"[" * 900 + b"]" * 900 + b"}}",
    ],
)
def test_what_is_no_json_is_malformed(machine: Machine, content: bytes) -> None:
    answer = machine.call("POST", "/clients", data=content, content_type="application/json")

    assert problem(answer) == (400, "malformed")


def test_a_backslash_is_no_nul(machine: Machine) -> None:
    note = {"note": "a \\u0000 b"}

    machine.call("POST", "/clients", {"client_id": "job", "metadata": machine_metadata("Job", "a:b")})

    assert machine.call("POST", "/clients/job/disable", note).status_code == 200
    assert machine.get("/audit?event=client.disabled")["items"][0]["note"] == note["note"]


@pytest.mark.parametrize("content", ["[]", '"x"', "1", "null", "true"])
def test_a_body_that_is_no_object_is_invalid(machine: Machine, content: str) -> None:
    answer = machine.call("POST", "/clients", data=content, content_type="application/json")

    assert problem(answer) == (422, "invalid")


def test_a_database_that_is_gone_is_a_problem_for_now(
    make_app: AppFactory, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    good = machine.token

    def lost(*_args: object, **_kwargs: object) -> None:
        raise managed.sa.exc.OperationalError("SELECT secrets", {}, Exception("connection lost"))

    monkeypatch.setattr(managed, "search", lost)
    answer = app.test_client().get(f"{ADMIN_API}/clients", headers={"Authorization": f"Bearer {good}"})

    assert problem(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert "SELECT" not in answer.get_data(as_text=True)


def test_a_fault_of_ours_tells_its_reference_and_nothing_else(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret-of-the-house")

    monkeypatch.setattr(managed, "search", broken)
    with capture_logs() as logs:
        answer = machine.call("GET", "/clients")

    assert problem(answer) == (500, "internal-error")
    assert "secret-of-the-house" not in answer.get_data(as_text=True)
    assert "Traceback" not in answer.get_data(as_text=True)
    assert answer.get_json()["reference"] in {entry.get("reference") for entry in logs}


def test_pages_and_protocol_keep_their_own_errors(client: FlaskClient) -> None:
    page, protocol = client.get("/admin/apix"), client.get("/oauth2/nothing")

    assert page.mimetype == "text/html"
    assert protocol.get_json()["error"] == "invalid_request"


# -- all of them


def test_no_other_site_may_read_it(machine: Machine, resident: Person) -> None:
    """No CORS: a browser has no business here."""
    origin = {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "GET"}

    answers = [
        machine.call("GET", path, headers=origin)
        for path in ("/clients", "/openapi.json", "/accounts?q=maija", "/x")
    ]
    answers.append(machine.call("OPTIONS", "/clients", headers=origin))

    assert [name for each in answers for name, _ in each.headers if name.startswith("Access-Control")] == []


def test_nothing_is_kept(machine: Machine) -> None:
    answers = [machine.call("GET", path) for path in ("/clients", "/openapi.json", "/nothing", "/accounts")]

    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_head_is_get_without_its_content(machine: Machine) -> None:
    get, head = machine.call("GET", "/clients"), machine.call("HEAD", "/clients")

    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", get.headers["ETag"])
