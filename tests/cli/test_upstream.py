"""`idp upstream`: what a broker has to know of us, whether it answers, and the rotation of both kinds of keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from idp.audit import AuditEvent
from idp.database import db, writing
from idp.upstream import persons
from idp.upstream.models import UpstreamKey
from tests.cli.conftest import Idp
from tests.conftest import AppFactory
from tests.support.broker import CLIENT_ID, LEVEL, Bench, bench
from tests.support.people import People


@pytest.fixture
def place(make_app: AppFactory, settings_file: Path) -> Iterator[Bench]:
    """A provider and its broker; the command finds the same settings."""
    with bench(make_app) as made:
        section = f'[upstream]\nissuer = "{made.broker.config.issuer}"\nclient_id = "{CLIENT_ID}"\nacr = "{LEVEL}"\n'
        hosts = '[outbound]\nallowed_hosts = ["localhost"]\n'
        settings_file.write_text(settings_file.read_text() + section + hosts)
        yield made


def kids(app: Flask, state: str) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(sa.select(UpstreamKey.kid).where(UpstreamKey.state == state)))


def test_what_the_broker_asks_for_is_told(idp: Idp, place: Bench) -> None:
    told = idp("upstream", "describe").stdout

    for part in ("/upstream/callback", "/upstream/jwks.jwt", "/upstream/entity-statement", CLIENT_ID):
        assert part in told
    assert all(kid in told for kid in list(kids(place.app, "next")))
    assert "entity key" in told


def test_a_broker_that_answers_is_told(idp: Idp, place: Bench) -> None:
    result = idp("upstream", "check")

    assert result.exit_code == 0
    assert "1 published key" in result.stdout
    assert "without a signature" in " ".join(result.stdout.split())


@pytest.mark.usefixtures("settings_file")
def test_that_there_is_no_broker_is_told(idp: Idp) -> None:
    result = idp("upstream", "check")

    assert result.exit_code == 1
    assert "upstream.issuer is empty" in result.output


def test_a_broker_that_does_not_answer_is_told(idp: Idp, settings_file: Path) -> None:
    section = '[upstream]\nissuer = "http://localhost:9"\nclient_id = "x"\n[outbound]\nallowed_hosts = ["localhost"]\n'
    settings_file.write_text(settings_file.read_text() + section)

    result = idp("upstream", "check")

    assert result.exit_code == 1
    assert "cannot be used" in result.output


def test_keys_are_rotated(idp: Idp, place: Bench) -> None:
    following = kids(place.app, "next")

    assert idp("upstream", "rotate-keys").exit_code == 0

    assert following <= kids(place.app, "active")
    assert len(kids(place.app, "retired")) == 2
    with place.app.app_context():
        event = db.session.scalars(sa.select(AuditEvent)).one()
        assert (event.event, event.actor, event.reason) == ("keys.rotated", "operator", "broker")
        changes = event.changes or {}
    assert changes.keys() == {"sig", "enc"}
    assert changes["sig"][1] in following


def test_a_leaked_key_and_the_entity_key_are_withdrawn(idp: Idp, place: Bench) -> None:
    assert idp("upstream", "rotate-keys", "--emergency", "--entity").exit_code == 0

    assert len(kids(place.app, "withdrawn")) == 4


def test_an_account_is_released_from_an_identity(idp: Idp, place: Bench) -> None:
    people = People(place.app)
    resident, maija = people.resident(), place.person()
    with place.app.app_context(), writing() as session:
        persons.bind(session, resident.id, maija)

    assert idp("account", "release", resident.username, "--note", "Väärä henkilö").exit_code == 0

    with place.app.app_context():
        assert persons.of_account(resident.id) is None
    assert people.letters()[0].kind == "identity_released"
    assert idp("account", "release", resident.username, "--note", "x").exit_code == 1


def test_people_are_named_by_a_new_key(idp: Idp, place: Bench) -> None:
    place.person()

    told = idp("upstream", "rotate-person-key")

    assert told.exit_code == 0
    assert "0 people" in told.stdout
    assert list(place.person().person_keys) == [2, 1]
