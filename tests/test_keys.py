"""Signing keys: made once, encrypted at rest, rotated without a restart, withdrawn when they leak."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import import_key

from idp import housekeeping, keys, versions
from idp.accounts.rules import rules
from idp.crypto import random_token
from idp.database import db, writing
from idp.keys import NotOurToken, SigningKey
from idp.lasting import lasting_secret
from tests.conftest import SECRET_KEY, AppFactory
from tests.support.moments import MovableClock

RESEALED_NONE = dict.fromkeys(
    ("signing_keys", "lasting_secrets", "upstream_keys", "identity_codes", "clients"), 0
)
CLAIMS = {"iss": "http://localhost:8400", "sub": "somebody"}


def published(app: Flask) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = app.test_client().get("/oauth2/jwks").get_json()["keys"]
    return found


def kids(app: Flask) -> set[str]:
    return {key["kid"] for key in published(app)}


def stored(app: Flask, state: str | None = None) -> dict[str, SigningKey]:
    """The keys of the database by kid."""
    query = sa.select(SigningKey)
    if state is not None:
        query = query.where(SigningKey.state == state)
    with app.app_context():
        return {key.kid: key for key in db.session.scalars(query)}


def rotate(app: Flask, *, emergency: bool = False) -> None:
    """As `idp keys rotate` does, in a process of its own: no worker is told."""
    with app.app_context(), writing() as session:
        keys.rotate(session, rules().vault, emergency=emergency)


def check(app: Flask) -> None:
    """What the watcher of a running worker does every two seconds."""
    with app.app_context():
        versions.watcher(app).check()


def sign(app: Flask, alg: str = "RS256") -> str:
    with app.app_context():
        return keys.keyring().signing(alg).sign(CLAIMS)


def is_ours(app: Flask, token: str) -> bool:
    with app.app_context():
        try:
            return keys.keyring().verify(token).claims == CLAIMS
        except NotOurToken:
            return False


@pytest.fixture
def started(app: Flask, moving_clock: MovableClock) -> Flask:
    """A worker that has its keys."""
    published(app)
    return app


# -- the first keys


def test_the_first_request_makes_an_active_and_a_next_key_of_each_algorithm(started: Flask) -> None:
    made = sorted((key.alg, key.state) for key in stored(started).values())

    assert made == [("ES256", "active"), ("ES256", "next"), ("RS256", "active"), ("RS256", "next")]
    assert kids(started) == set(stored(started))


def at_the_same_time(apps: list[Flask], action: Callable[[Flask], Any]) -> list[Any]:
    line = Barrier(len(apps))

    def run(app: Flask) -> Any:
        line.wait(30)
        return action(app)

    with ThreadPoolExecutor(len(apps)) as pool:
        return list(pool.map(run, apps))


def test_workers_that_start_at_once_make_them_once(make_app: AppFactory) -> None:
    workers = [make_app() for _ in range(5)]

    seen = at_the_same_time(workers, kids)

    assert len(stored(workers[0])) == 4
    assert seen == [set(stored(workers[0]))] * 5


def test_making_them_again_changes_nothing(started: Flask) -> None:
    before = set(stored(started))

    with started.app_context():
        keys.ensure(rules().vault)

    assert set(stored(started)) == before


def test_an_algorithm_that_has_no_key_yet_gets_its_own(started: Flask, make_app: AppFactory) -> None:
    """As after an update to a version that knows one algorithm more."""
    with started.app_context(), writing() as session:
        session.execute(sa.delete(SigningKey).where(SigningKey.alg == "ES256"))
    rsa = set(stored(started))

    assert is_ours(make_app(), sign(make_app(), "ES256"))
    assert rsa < set(stored(started))


# -- at rest


def test_no_private_part_is_readable_in_the_database(started: Flask) -> None:
    with started.app_context():
        rows = db.session.execute(sa.text("SELECT * FROM signing_keys")).all()
        private = [
            json.loads(rules().vault.decrypt(key.sealed_private_key)) for key in stored(started).values()
        ]

    secret_parts = [key[part] for key in private for part in ("d", "p", "q") if part in key]
    assert len(secret_parts) == 2 * 3 + 2
    assert not [part for part in secret_parts if part in repr(rows)]
    assert '"kty"' not in repr(rows)


def test_they_open_with_an_older_secret_of_the_settings_but_not_without_it(
    started: Flask, make_app: AppFactory
) -> None:
    new = random_token()
    token = sign(started)

    changed = make_app(secrets={"keys": [new, SECRET_KEY]})
    assert is_ours(changed, token)

    without = make_app(secrets={"keys": [new]}).test_client()
    assert without.get("/oauth2/jwks").status_code == 500


def test_each_key_is_strong(started: Flask) -> None:
    for key in published(started):
        bits = import_key(key).raw_value.key_size  # type: ignore[arg-type]
        assert bits == (2048 if key["kty"] == "RSA" else 256)


# -- rotation


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_rotation_promotes_the_next_key_and_publishes_a_new_next_one(started: Flask, alg: str) -> None:
    before = {key.state: key.kid for key in stored(started).values() if key.alg == alg}

    rotate(started)
    check(started)

    after = {key.state: key.kid for key in stored(started).values() if key.alg == alg}
    assert after["active"] == before["next"]
    assert after["retired"] == before["active"]
    assert after["next"] not in before.values()
    assert kids(started) == set(stored(started))


def test_old_tokens_still_verify_and_new_ones_carry_the_new_kid(started: Flask) -> None:
    old = {alg: sign(started, alg) for alg in keys.ALGORITHMS}

    rotate(started)
    check(started)

    for alg in keys.ALGORITHMS:
        assert is_ours(started, old[alg])
        assert is_ours(started, sign(started, alg))
        assert sign(started, alg).partition(".")[0] != old[alg].partition(".")[0]


def test_two_rotations_at_once_are_one_after_the_other(make_app: AppFactory) -> None:
    workers = [make_app() for _ in range(2)]
    published(workers[0])

    at_the_same_time(workers, rotate)

    states = sorted((key.alg, key.state) for key in stored(workers[0]).values())
    of_each = ["active", "next", "retired", "retired"]
    assert states == [(alg, state) for alg in ("ES256", "RS256") for state in of_each]


def test_a_retired_key_stays_published_for_a_day(started: Flask, moving_clock: MovableClock) -> None:
    old = set(stored(started, "active"))
    rotate(started)
    check(started)

    moving_clock.move(hours=24, seconds=-1)
    assert old < kids(started)
    moving_clock.move(seconds=1)
    assert not old & kids(started)  # without a restart, and though nobody said that anything changed


def test_a_retired_key_verifies_for_thirteen_months(started: Flask, moving_clock: MovableClock) -> None:
    token = sign(started)
    rotate(started)
    check(started)

    moving_clock.move(days=397, seconds=-1)
    assert is_ours(started, token)
    moving_clock.move(seconds=1)
    assert not is_ours(started, token)


def test_each_retired_key_goes_at_its_own_time(started: Flask, moving_clock: MovableClock) -> None:
    first = sign(started)
    rotate(started)
    check(started)
    second = sign(started)
    moving_clock.move(days=100)
    rotate(started)
    check(started)

    moving_clock.move(days=297)
    assert (is_ours(started, first), is_ours(started, second)) == (False, True)
    moving_clock.move(days=100)
    assert (is_ours(started, second), is_ours(started, sign(started))) == (False, True)


# -- emergency


def test_in_an_emergency_what_the_leaked_keys_signed_is_worth_nothing(started: Flask) -> None:
    leaked = {alg: sign(started, alg) for alg in keys.ALGORITHMS}
    active = set(stored(started, "active"))

    rotate(started, emergency=True)
    check(started)

    assert not [alg for alg in keys.ALGORITHMS if is_ours(started, leaked[alg])]
    assert not active & kids(started)
    assert set(stored(started, "withdrawn")) == active
    assert is_ours(started, sign(started))


def test_after_an_emergency_the_next_key_signs_which_relying_parties_know_already(started: Flask) -> None:
    known = kids(started)
    waiting = set(stored(started, "next"))

    rotate(started, emergency=True)
    check(started)

    assert set(stored(started, "active")) == waiting <= known


# -- another worker


@pytest.fixture
def second(started: Flask, make_app: AppFactory) -> Flask:
    other = make_app()
    check(other)
    published(other)
    return other


def test_another_worker_notices_by_the_version(started: Flask, second: Flask) -> None:
    before = kids(second)
    rotate(started)

    assert kids(second) == before
    check(second)
    assert kids(second) == set(stored(started)) != before


def test_another_worker_knows_what_the_next_key_signs_before_it_notices(
    started: Flask, second: Flask
) -> None:
    rotate(started)
    check(started)

    assert is_ours(second, sign(started))


def test_an_unknown_kid_makes_it_look_at_once(started: Flask, second: Flask) -> None:
    for _ in range(2):  # the key that signs now was made after this worker last looked
        rotate(started)
    check(started)

    assert is_ours(second, sign(started))
    assert kids(second) == set(stored(started))


def test_an_unknown_kid_that_nobody_made_changes_nothing(started: Flask, second: Flask) -> None:
    with second.app_context():
        before = keys.keyring()._current()
        stranger = keys._make(rules().vault, "ES256", "active", stored(started).popitem()[1].created_at)
        private = import_key(json.loads(rules().vault.decrypt(stranger.sealed_private_key)))
        token = keys.Key(stranger.kid, "ES256", private).sign(CLAIMS)  # type: ignore[arg-type]

    assert not is_ours(second, token)
    with second.app_context():
        assert keys.keyring()._current() is before


@pytest.mark.parametrize("token", ["", "x", "x.y.z", "e30.e30.", "\x00", "ä.ö.å", "." * 100, "a" * 50_000])
def test_what_is_no_token_is_not_ours(started: Flask, client: FlaskClient, token: str) -> None:
    assert not is_ours(started, token)


# -- on schedule


def rotate_if_due(app: Flask, days: int = 90) -> bool:
    with app.app_context():
        return keys.rotate_if_due(rules().vault, timedelta(days=days))


def test_keys_sign_for_ninety_days(started: Flask, moving_clock: MovableClock) -> None:
    first = set(stored(started, "active"))

    moving_clock.move(days=90, seconds=-1)
    assert not rotate_if_due(started)
    assert set(stored(started, "active")) == first

    moving_clock.move(seconds=1)
    assert rotate_if_due(started)
    assert set(stored(started, "retired")) == first


def test_the_time_counts_from_the_last_rotation_whoever_made_it(
    started: Flask, moving_clock: MovableClock
) -> None:
    moving_clock.move(days=60)
    rotate(started)
    moving_clock.move(days=60)
    assert not rotate_if_due(started)
    moving_clock.move(days=30)
    assert rotate_if_due(started)


def test_when_nothing_is_due_no_worker_is_told(started: Flask) -> None:
    with started.app_context():
        before = db.session.scalars(sa.select(versions.Version.number)).all()
    assert not rotate_if_due(started)
    with started.app_context():
        assert db.session.scalars(sa.select(versions.Version.number)).all() == before


def test_of_two_workers_that_find_it_due_one_rotates(
    make_app: AppFactory, moving_clock: MovableClock
) -> None:
    workers = [make_app() for _ in range(2)]
    published(workers[0])
    moving_clock.move(days=90)

    assert sorted(at_the_same_time(workers, rotate_if_due)) == [False, True]
    assert len(stored(workers[0])) == 6


# -- a change of secrets.keys


def test_after_resealing_the_old_secret_is_needed_no_more(make_app: AppFactory) -> None:
    old, new = SECRET_KEY, random_token()
    first = make_app(secrets={"keys": [old]})
    token = sign(first)
    with first.app_context():
        lasting = lasting_secret("test")
    both = make_app(secrets={"keys": [new, old]})
    with both.app_context():
        assert housekeeping.reseal() == RESEALED_NONE | {"signing_keys": 4, "lasting_secrets": 1}
        assert housekeeping.reseal() == RESEALED_NONE

    after = make_app(secrets={"keys": [new]})
    assert is_ours(after, token)
    with after.app_context():
        assert lasting_secret("test") == lasting


def test_lasting_secrets_differ_by_purpose_and_are_the_same_for_all_workers(make_app: AppFactory) -> None:
    workers = [make_app() for _ in range(4)]

    def secrets_of(app: Flask) -> tuple[bytes, bytes]:
        with app.app_context():
            return lasting_secret("one"), lasting_secret("other")

    found = set(at_the_same_time(workers, secrets_of))
    assert len(found) == 1
    one, other = found.pop()
    assert one != other
    assert (len(one), len(other)) == (32, 32)
