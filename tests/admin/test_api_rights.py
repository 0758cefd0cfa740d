"""Nobody gets more at the API than their scopes give: each operation for each scope, and no way up."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from idp.accounts import roles
from idp.accounts.roles import OPERATOR, Role
from idp.admin.api import api
from idp.admin.api.operations import OPERATIONS
from idp.admin.api.rights import RIGHTS
from idp.clients import managed, registry
from idp.clients.managed import ADMIN_API
from tests.admin.conftest import Colleague
from tests.admin.machine import MERGE_PATCH, SCOPES, Machine, machine_metadata, problem
from tests.support.people import People, Person

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(frozen=True)
class Door:
    """An operation of the API, at an address of its own."""

    operation: str
    method: str
    path: str  # below the API


def doors(app: Flask) -> Iterator[Door]:
    """Every operation, about what is not there: who may gets as far as hearing so."""
    nobody = {"client_id": "nobody", "account_id": "nobody", "registration_id": "nobody"}
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(f"{api.name}."):
            wanted = {name: nobody[name] for name in rule.arguments}
            path = adapter.build(rule.endpoint, wanted, method=next(iter(rule.methods or ())))
            for method in (rule.methods or set()) - {"HEAD"}:
                yield Door(rule.endpoint.partition(".")[2], method, path.removeprefix(ADMIN_API))


def test_every_operation_says_who_may(app: Flask) -> None:
    assert {door.operation for door in doors(app)} == set(RIGHTS)
    assert set(RIGHTS) - {"openapi"} == set(OPERATIONS)
    assert {scope for right in RIGHTS.values() for scope in right.scopes} == set(SCOPES)


def test_only_the_document_is_for_everybody(app: Flask) -> None:
    assert [name for name, right in RIGHTS.items() if not right.scopes] == ["openapi"]
    stranger = app.test_client()

    statuses = {
        door.operation: stranger.open(ADMIN_API + door.path, method=door.method).status_code
        for door in doors(app)
    }

    assert statuses.pop("openapi") == 200
    assert set(statuses.values()) == {401}


EXPECTED = {
    "admin:clients": {"list_clients", "create_client", "read_client", "replace_client", "change_client"}
    | {"delete_client", "disable_client", "enable_client", "rotate_secret", "end_previous_secret"}
    | {"put_logo", "remove_logo", "check_client", "end_self_registration"},
    "admin:accounts": {"search_accounts", "invite_account", "read_account", "read_history", "change_account"}
    | {"read_latest_message", "read_latest_message_of_registration"}
    | {"change_address", "unlock_account", "disable_account", "enable_account", "start_reset"}
    | {"log_out_everywhere", "delete_account", "keep_account", "read_registration", "resend_activation"}
    | {"remove_registration", "release_identity", "resend_invitation", "import_accounts", "export_accounts"},
    "admin:audit": {
        "list_clients",
        "read_client",
        "check_client",
        "search_accounts",
        "read_account",
        "read_history",
        "read_latest_message",
        "read_latest_message_of_registration",
    }
    | {"read_registration", "list_events"},
}
"""Written down once more, so that a slip in the table shows."""


@SQLITE
@pytest.mark.parametrize("scope", SCOPES)
def test_every_operation_opens_for_its_scopes_alone(app: Flask, scope: str) -> None:
    machine = Machine(app, scope, client_id="machine")

    opened = set()
    for door in doors(app):
        answer = machine.call(door.method, door.path, content_type="text/plain")
        if answer.status_code == 403:
            assert problem(answer) == (403, "insufficient-scope"), door
            assert 'error="insufficient_scope", scope="admin:' in answer.headers["WWW-Authenticate"]
        else:
            assert answer.status_code in {200, 400, 404, 422, 428, 415}, (door, answer.status_code)
            opened.add(door.operation)

    assert opened == EXPECTED[scope] | {"openapi"}


@SQLITE
def test_a_token_without_these_scopes_is_not_for_this_api(app: Flask) -> None:
    machine = Machine(app, "invoices:read", client_id="machine")

    closed = {
        door.operation
        for door in doors(app)
        if (answer := machine.call(door.method, door.path, content_type="text/plain")).status_code == 401
        and problem(answer) == (401, "invalid-token")
    }
    assert closed == {door.operation for door in doors(app)} - {"openapi"}


@SQLITE
def test_what_the_table_does_not_know_is_there_for_nobody(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(app, *SCOPES)
    monkeypatch.delitem(RIGHTS, "list_clients")  # type: ignore[arg-type]

    assert machine.call("GET", "/clients").status_code == 404


# -- no way up: clients that may more


@pytest.fixture
def clerk(app: Flask) -> Machine:
    """May look after client apps, and nothing else."""
    return Machine(app, "admin:clients")


@pytest.fixture
def powerful(app: Flask) -> Machine:
    """May help residents."""
    return Machine(app, "admin:accounts")


@pytest.mark.parametrize("scope", ["admin:accounts", "admin:audit", "admin:clients admin:accounts"])
def test_nobody_makes_a_client_that_may_more_than_they(app: Flask, clerk: Machine, scope: str) -> None:
    answer = clerk.call(
        "POST", "/clients", {"client_id": "more", "metadata": machine_metadata("More", *scope.split())}
    )

    assert problem(answer) == (403, "not-allowed")
    assert "WWW-Authenticate" in answer.headers
    with app.app_context():
        assert registry.find("more") is None


def test_who_may_as_much_can_make_such_a_client(clerk: Machine) -> None:
    made = clerk.call("POST", "/clients", {"metadata": machine_metadata("Same", "admin:clients")})

    assert made.status_code == 201


@pytest.mark.parametrize("how", ["PUT", "PATCH"])
@pytest.mark.parametrize("which", ["own", "another"])
def test_nobody_gives_a_client_more_than_they_have(
    app: Flask, clerk: Machine, people: People, how: str, which: str
) -> None:
    """Not to others, and not to themselves."""
    people.client("another", grant_types=["client_credentials"], scope="invoices:read")
    path = f"/clients/{clerk.client.client_id if which == 'own' else which}"
    etag = clerk.call("GET", path).headers["ETag"]
    metadata = machine_metadata("Greedy", *SCOPES)

    answer = clerk.call(how, path, {"metadata": metadata}, if_match=etag)

    assert problem(answer) == (403, "not-allowed")
    assert "admin:audit" not in clerk.get(path)["metadata"]["scope"]


def test_nobody_touches_a_client_that_may_more_than_they(
    app: Flask, clerk: Machine, powerful: Machine
) -> None:
    """A new secret of a client that may help residents would be the right to help residents."""
    path = f"/clients/{powerful.client.client_id}"
    before = clerk.call("GET", path)
    etag = before.headers["ETag"]
    plain = {"metadata": machine_metadata("Tamed", "invoices:read")}
    tries: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/secret", {"json": {}}),
        ("DELETE", "/previous-secret", {}),
        ("POST", "/disable", {"json": {"note": "Syy"}}),
        ("POST", "/enable", {"json": {"note": "Syy"}}),
        ("PUT", "", {"json": plain, "if_match": etag}),
        ("PATCH", "", {"json": plain, "if_match": etag}),
        ("DELETE", "?note=Syy", {"if_match": etag}),
        ("PUT", "/logo", {"data": b"\x89PNG\r\n\x1a\n", "content_type": "image/png"}),
        ("DELETE", "/logo", {}),
    ]

    answers = {
        (how, where): problem(clerk.call(how, path + where, **options)) for how, where, options in tries
    }

    assert set(answers.values()) == {(403, "not-allowed")}
    assert clerk.call("GET", path).get_json() == before.get_json()
    assert powerful.new_token()  # by the secret that it had


def test_an_unknown_scope_of_ours_is_no_way_in(clerk: Machine) -> None:
    answer = clerk.call("POST", "/clients", {"metadata": machine_metadata("Root", "admin:everything")})

    assert problem(answer) == (422, "invalid")


def test_no_scope_gives_the_role_admin() -> None:
    assert Role.ADMIN not in set(managed.ADMIN_SCOPES.values())


# -- no way up: people who may more


@pytest.mark.parametrize("role", list(Role))
def test_accounts_that_have_a_role_are_changed_by_no_program(
    app: Flask, powerful: Machine, colleague: Colleague, role: Role
) -> None:
    other = colleague(role)
    path = f"/accounts/{other.id}"
    note = {"note": "Syy"}
    bodies: dict[str, Any] = {
        "unlock": {},
        "logout": {},
        "reset": {},
        "disable": note,
        "enable": note,
        "delete": note,
        "keep": note,
        "email": {"email": "uusi@example.fi", **note},
    }

    answers = {name: problem(powerful.call("POST", f"{path}/{name}", body)) for name, body in bodies.items()}
    answers["PATCH"] = problem(powerful.call("PATCH", path, {"given_name": "Toinen", **note}))

    assert set(answers.values()) == {(403, "not-allowed")}
    assert powerful.get(path)["roles"] == [role]
    with app.app_context():
        assert roles.of(other.id) == {role}


def test_nobody_gets_a_role_at_the_api(app: Flask, powerful: Machine, resident: Person) -> None:
    for member in ("roles", "role", "admin", "status", "password", "password_hash", "email_verified"):
        patched = powerful.call("PATCH", f"/accounts/{resident.id}", {member: "admin", "note": "Syy"})
        invited = powerful.call(
            "POST",
            "/accounts",
            {"email": "x@example.fi", "given_name": "A", "family_name": "B", member: "admin"},
        )
        assert problem(patched) == problem(invited) == (422, "invalid")

    with app.app_context():
        assert roles.holders() == []
        assert OPERATOR.name == "operator"


def test_a_patch_must_say_that_it_is_one(powerful: Machine, resident: Person) -> None:
    answer = powerful.call(
        "PATCH",
        f"/accounts/{resident.id}",
        {"given_name": "Toinen", "note": "Syy"},
        content_type="application/json",
    )

    assert problem(answer) == (415, "unsupported-media-type")
    assert answer.headers["Accept-Patch"] == MERGE_PATCH
