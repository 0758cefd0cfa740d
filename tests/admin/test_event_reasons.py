"""The reasons of events: every code has words, and administrators read them; residents do not."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import idp
from idp import audit, clock
from idp.admin.words import reason_text, reason_texts
from idp.audit import Event
from idp.database import writing
from idp.upstream.providers import Refusal
from idp.upstream.purposes import Purpose
from tests.support import journey
from tests.support.people import People, Person

WRITING = {"record", "record_rotation", "_audit", "_audit_failure", "_record", "_written_out"}


def _texts(node: ast.AST) -> Iterator[str]:
    """The texts that an expression can be."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _written() -> Iterator[str]:
    """The codes that stand in the code which writes events, directly or as a variable named `reason`."""
    for path in Path(idp.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if "audit.record" not in source and "helping.record" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "reason":
                yield from _texts(node.value)
            elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in WRITING:
                named = [each.value for each in node.keywords if each.arg == "reason"]
                told = node.args if ast.unparse(node.func) in {"_audit_failure", "_written_out"} else []
                for each in (*named, *told):
                    yield from _texts(each)


def test_every_reason_that_is_written_has_words(app: Flask) -> None:
    written = {*_written(), *Refusal, *Purpose}

    assert {"wrong_credentials", "locked", "emergency", "csv", "secured", "unused", "limited"} <= written
    with app.test_request_context():
        assert set(reason_texts()) == written
        assert len(set(reason_texts().values())) == len(written)
        assert reason_text("of_a_newer_version") == "of_a_newer_version"


@pytest.fixture
def failed(app: Flask, people: People, resident: Person) -> None:
    people.client()
    who = {"account_id": resident.id, "client_id": "asiointi"}
    with app.app_context(), writing() as session:
        for reason in ("wrong_credentials", "of_a_newer_version"):
            audit.record(session, Event.LOGGED_IN, at=clock.now(), outcome="failure", reason=reason, **who)
        audit.record(session, Event.CLIENT_REMOVED, at=clock.now(), client_id="asiointi", reason="unused")
        audit.record(session, Event.KEYS_ROTATED, at=clock.now(), reason="emergency")


def _reasons(browser: FlaskClient, path: str) -> list[str]:
    return [each.get_text() for each in journey.soup(browser.get(path)).select(".table .reason")]


UNUSED = "Sovellus oli rekisteröitynyt itse, eikä kukaan käyttänyt sitä"
WRONG = "Väärä salasana tai tunnusta ei ole"


def test_administrators_read_why(admin: FlaskClient, failed: None, resident: Person) -> None:
    emergency = "Hätätilanne: aiemmat avaimet poistettiin käytöstä heti"

    assert _reasons(admin, "/admin/audit") == [emergency, UNUSED, "of_a_newer_version", WRONG]
    for path in (f"/admin/accounts/{resident.id}", f"/admin/accounts/{resident.id}/history"):
        assert _reasons(admin, path)[:2] == ["of_a_newer_version", WRONG]
    assert _reasons(admin, "/admin/clients/asiointi") == [UNUSED]


def test_residents_do_not(app: Flask, failed: None, resident: Person) -> None:
    own = app.test_client()
    journey.log_in(own, resident)

    text = own.get("/account/history").get_data(as_text=True)

    assert "Epäonnistunut kirjautuminen" in text
    assert WRONG not in text
    assert "of_a_newer_version" not in text
