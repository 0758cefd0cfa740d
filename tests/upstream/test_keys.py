"""Our keys for the broker: made once, published plain and signed, rotated without losing anybody who is on the way."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from idp import housekeeping, versions
from idp.accounts.rules import rules
from idp.audit import AuditEvent
from idp.crypto import random_token
from idp.database import db, writing
from idp.upstream import keys, signing
from idp.upstream.models import UpstreamKey
from idp.upstream.providers import Refusal
from tests.conftest import SECRET_KEY, AppFactory
from tests.support.broker import CLIENT_ID, Bench, give_keys, upstream_settings
from tests.support.moments import MovableClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ISSUER = "https://tunnus.example.fi"


@pytest.fixture
def provider(make_app: AppFactory, moving_clock: MovableClock) -> Flask:
    app = make_app(issuer=ISSUER, upstream=upstream_settings("https://broker.example.fi"))
    give_keys(app)
    return app


def fetch(app: Flask, path: str) -> Any:
    return app.test_client().get(f"/upstream/{path}")


def published(app: Flask) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(fetch(app, "jwks.json").text)["keys"]
    return found


def rotate(app: Flask, **how: bool) -> None:
    with app.app_context():
        with writing() as session:
            keys.rotate(session, rules().vault, **how)
        versions.watcher(app).check()


def kids(app: Flask, use: str) -> list[str]:
    return [key["kid"] for key in published(app) if key["use"] == use]


# -- publishing


@on_sqlite
def test_only_public_halves_are_published(provider: Flask) -> None:
    answer = fetch(provider, "jwks.json")

    assert (answer.status_code, answer.mimetype) == (200, "application/jwk-set+json")
    assert all(set(key) - {"alg"} == {"kty", "n", "e", "kid", "use"} for key in published(provider))
    assert sorted(key["use"] for key in published(provider)) == ["enc", "sig", "sig"]


@on_sqlite
def test_signing_and_encryption_have_keys_of_their_own(provider: Flask) -> None:
    assert len({key["n"] for key in published(provider)}) == 3


@on_sqlite
def test_the_signed_key_set_is_signed_with_the_key_of_the_entity_statement(
    provider: Flask, moving_clock: MovableClock
) -> None:
    statement, signed = fetch(provider, "entity-statement"), fetch(provider, "jwks.jwt")
    unverified = json.loads(contents(statement.text))
    entity = KeySet.import_key_set(unverified["jwks"])

    told = jwt.decode(statement.text, entity, algorithms=["RS256"])
    key_set = jwt.decode(signed.text, entity, algorithms=["RS256"])

    assert (statement.mimetype, signed.mimetype) == (
        "application/entity-statement+jwt",
        "application/jwk-set+jwt",
    )
    assert (told.header["typ"], key_set.header["typ"]) == ("entity-statement+jwt", "jwk-set+jwt")
    assert (
        told.claims["iss"] == told.claims["sub"] == key_set.claims["iss"] == key_set.claims["sub"] == ISSUER
    )
    assert key_set.claims["keys"] == published(provider)
    assert key_set.claims["exp"] - key_set.claims["iat"] == 24 * 3600
    assert key_set.claims["iat"] == moving_clock().timestamp()
    party = told.claims["metadata"]["openid_relying_party"]
    assert party["client_id"] == CLIENT_ID
    assert party["redirect_uris"] == [f"{ISSUER}/upstream/callback"]
    assert party["signed_jwks_uri"] == f"{ISSUER}/upstream/jwks.jwt"
    assert party["token_endpoint_auth_method"] == "private_key_jwt"
    assert party["organization_name"] == "Esimerkkikunta"


MANDATORY = {
    "redirect_uris",
    "application_type",
    "client_registration_types",
    "id_token_signed_response_alg",
    "id_token_encrypted_response_alg",
    "id_token_encrypted_response_enc",
    "request_object_signing_alg",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "grant_types",
    "response_types",
    "organization_name",
    "signed_jwks_uri",
}
"""What brokers' guides demand of a client's metadata in its entity statement."""


@on_sqlite
@pytest.mark.parametrize(("dialect", "types"), [("op", []), ("ftn", ["automatic"])])
def test_the_entity_statement_has_what_brokers_demand(
    make_app: AppFactory, dialect: str, types: list[str]
) -> None:
    section = upstream_settings("https://broker.example.fi", claims_dialect=dialect)
    app = make_app(issuer=ISSUER, upstream=section)
    give_keys(app)

    told = json.loads(contents(fetch(app, "entity-statement").text))

    assert {"iss", "sub", "iat", "exp", "jwks", "metadata"} <= told.keys()
    party = told["metadata"]["openid_relying_party"]
    assert party.keys() >= MANDATORY
    assert party["client_registration_types"] == types
    (key,) = told["jwks"]["keys"]
    assert {"kty", "kid", "n", "e", "use", "alg"} == key.keys()
    assert (key["use"], key["alg"]) == ("sig", "RS256")


def contents(token: str) -> bytes:
    return urlsafe_b64decode(token.split(".")[1].encode())


@on_sqlite
def test_the_entity_key_is_not_among_the_others(provider: Flask) -> None:
    with provider.app_context():
        entity = keys.upstream_keys().current().entity
        assert signing.fingerprint(entity) == entity.thumbprint()

    assert entity.as_dict(private=False)["n"] not in {key["n"] for key in published(provider)}


@on_sqlite
@pytest.mark.parametrize("path", ["jwks.json", "jwks.jwt", "entity-statement"])
def test_nothing_is_published_where_there_is_no_broker(make_app: AppFactory, path: str) -> None:
    assert fetch(make_app(), path).status_code == 404


# -- making


def test_workers_that_start_at_once_make_one_set(make_app: AppFactory) -> None:
    apps = [make_app(upstream=upstream_settings("https://broker.example.fi")) for _ in range(3)]
    start = Barrier(3)

    def first_use(app: Flask) -> str:
        with app.app_context():
            start.wait()
            return keys.upstream_keys().current().signing.kid or ""

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(first_use, apps))) == 1
    with apps[0].app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(UpstreamKey)) == 4


@on_sqlite
def test_private_halves_are_encrypted(provider: Flask) -> None:
    with provider.app_context():
        sealed = db.session.scalars(sa.select(UpstreamKey.sealed_private_key)).all()
        assert all('"d"' not in each and '"kty": "RSA"' in rules().vault.decrypt(each) for each in sealed)


@on_sqlite
def test_they_are_encrypted_anew_with_a_new_secret(provider: Flask, make_app: AppFactory) -> None:
    before = published(provider)
    newer = random_token()
    with make_app(secrets={"keys": [newer, SECRET_KEY]}).app_context():
        assert housekeeping.reseal()["upstream_keys"] == 4
        assert housekeeping.reseal()["upstream_keys"] == 0

    alone = make_app(
        issuer=ISSUER, secrets={"keys": [newer]}, upstream=upstream_settings("https://broker.example.fi")
    )
    assert published(alone) == before


# -- rotating


def test_the_next_signing_key_was_published_all_along(provider: Flask) -> None:
    with provider.app_context():
        old = keys.upstream_keys().current().signing.kid
    following = next(kid for kid in kids(provider, "sig") if kid != old)

    rotate(provider)

    with provider.app_context():
        assert keys.upstream_keys().current().signing.kid == following
    assert old in kids(provider, "sig")
    assert len(kids(provider, "sig")) == 3


def test_a_retired_signing_key_is_published_for_a_day(provider: Flask, moving_clock: MovableClock) -> None:
    rotate(provider)
    moving_clock.move(hours=23)
    assert len(kids(provider, "sig")) == 3

    moving_clock.move(hours=1)

    assert len(kids(provider, "sig")) == 2


def test_whoever_is_on_the_way_during_a_rotation_arrives(place: Bench) -> None:
    """The broker has our old key set in its cache, and encrypts to the key that we publish no more."""
    place.person()  # the broker fetches our keys
    old = kids(place.app, "enc")
    rotate(place.app)
    assert kids(place.app, "enc") != old
    assert len(kids(place.app, "enc")) == 1

    parameters = place.choose(place.begin())  # signed with the next key, which it knows

    assert place.finish(parameters).ticket is not None


def test_the_old_key_still_decrypts_for_a_month(place: Bench, moving_clock: MovableClock) -> None:
    """As long as the broker keeps our key set: here it does, since it has fetched it and knows the signing keys."""
    place.person()
    rotate(place.app)
    moving_clock.move(days=29)
    assert place.identify().ticket is not None

    moving_clock.move(days=1)

    assert place.identify().refusal is Refusal.FAILED


def test_a_key_that_leaked_is_read_no_more_and_the_next_one_has_leaked_with_it(place: Bench) -> None:
    before = {*kids(place.app, "sig"), *kids(place.app, "enc")}

    rotate(place.app, emergency=True)

    assert len(kids(place.app, "sig")) == 2
    with place.app.app_context():
        current = keys.upstream_keys().current()
    assert not before & {key.kid for key in (*current.published, *current.decrypting, current.signing)}
    assert place.person("matti").family_name == "Mallikas"  # a broker fetches keys that it does not know


def test_the_entity_key_stays_unless_it_is_named(provider: Flask) -> None:
    def entity() -> str | None:
        with provider.app_context():
            return keys.upstream_keys().current().entity.kid

    before = entity()
    rotate(provider)
    assert entity() == before
    rotate(provider, entity=True)
    assert entity() != before


def test_they_rotate_by_themselves_when_they_are_old(provider: Flask, moving_clock: MovableClock) -> None:
    after = timedelta(days=30)
    with provider.app_context():
        keys.upstream_keys().current()
        moving_clock.move(days=29)
        assert not keys.rotate_if_due(rules().vault, after)
        moving_clock.move(days=1)
        assert keys.rotate_if_due(rules().vault, after)
        assert not keys.rotate_if_due(rules().vault, after)


def test_that_they_rotated_by_themselves_is_noted(provider: Flask, moving_clock: MovableClock) -> None:
    after = timedelta(days=30)
    before = kids(provider, "enc")
    moving_clock.move(days=30)
    with provider.app_context():
        assert housekeeping.rotate_upstream_keys(after)
        assert not housekeeping.rotate_upstream_keys(after)
        event = db.session.scalars(sa.select(AuditEvent)).one()

    assert (event.event, event.actor, event.reason) == ("keys.rotated", "schedule", "broker")
    changes = event.changes or {}
    assert changes.keys() == {"sig", "enc"}
    assert changes["enc"] == [*before, *(kid for kid in kids(provider, "enc") if kid not in before)]
