"""Work that is due from time to time: by one worker of all, again after its time, also when it fails."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa
from flask import Flask

from idp import serving
from idp.accounts.rules import rules
from idp.audit import AuditEvent
from idp.database import db
from idp.keys import SigningKey
from idp.schedule import Job, Scheduler
from tests.conftest import AppFactory
from tests.support.moments import MovableClock

HOUR = timedelta(hours=1)


def run(app: Flask, *jobs: Job) -> list[str]:
    with app.app_context():
        return Scheduler(app, jobs).run_due()


@pytest.fixture
def tally() -> list[str]:
    return []


@pytest.fixture
def hourly(tally: list[str]) -> Job:
    return Job("hourly", HOUR, lambda: tally.append("done"))


def test_a_job_runs_at_the_first_start_and_then_once_in_its_time(
    moving_clock: MovableClock, app: Flask, hourly: Job
) -> None:
    assert run(app, hourly) == ["hourly"]
    moving_clock.move(minutes=59, seconds=59)
    assert run(app, hourly) == []
    moving_clock.move(seconds=1)
    assert run(app, hourly) == ["hourly"]


def test_jobs_have_their_own_times(moving_clock: MovableClock, app: Flask, hourly: Job) -> None:
    daily = Job("daily", timedelta(days=1), lambda: None)
    run(app, hourly, daily)

    moving_clock.move(hours=1)
    assert run(app, hourly, daily) == ["hourly"]
    moving_clock.move(hours=23)
    assert run(app, hourly, daily) == ["hourly", "daily"]


@pytest.mark.parametrize("seen_before", [False, True])
def test_of_all_workers_one_does_it(
    moving_clock: MovableClock, make_app: AppFactory, hourly: Job, tally: list[str], seen_before: bool
) -> None:
    workers = [make_app() for _ in range(4)]
    if seen_before:
        run(workers[0], hourly)
        tally.clear()
        moving_clock.move(hours=1)
    together = Barrier(len(workers))

    def tick(app: Flask) -> list[str]:
        together.wait()
        return run(app, hourly)

    with ThreadPoolExecutor(len(workers)) as pool:
        found = list(pool.map(tick, workers))

    assert sorted(found) == [[], [], [], ["hourly"]]
    assert tally == ["done"]


def test_what_failed_is_tried_again_after_its_time(moving_clock: MovableClock, app: Flask) -> None:
    def broken() -> None:
        raise RuntimeError

    job = Job("broken", HOUR, broken)
    with pytest.raises(RuntimeError):
        run(app, job)
    assert run(app, job) == []
    moving_clock.move(hours=1)
    with pytest.raises(RuntimeError):
        run(app, job)


def jobs_of(app: Flask) -> dict[str, Callable[[], object]]:
    with app.app_context():
        return {job.name: job.work for job in serving.jobs(rules().settings)}


def test_every_job_of_the_server_works(app: Flask) -> None:
    found = jobs_of(app)
    assert set(found) == {"purge", "reseal", "keys"}
    with app.app_context():
        for work in found.values():
            work()


def test_keys_that_change_by_themselves_are_in_the_audit_log(app: Flask, moving_clock: MovableClock) -> None:
    app.test_client().get("/oauth2/jwks")
    before = active(app)

    for _ in range(2):
        moving_clock.move(days=45)
        with app.app_context():
            jobs_of(app)["keys"]()

    with app.app_context():
        event = db.session.scalars(sa.select(AuditEvent)).one()
    assert (event.event, event.actor, event.reason) == ("keys.rotated", "schedule", None)
    assert event.changes == {alg: [kid, active(app)[alg]] for alg, kid in before.items()}


def active(app: Flask) -> dict[str, str]:
    with app.app_context():
        keys = db.session.scalars(sa.select(SigningKey).where(SigningKey.state == "active"))
        return {key.alg: key.kid for key in keys}


def test_keys_stay_as_they_are_when_the_setting_says_so(make_app: AppFactory) -> None:
    assert "keys" not in jobs_of(make_app(tokens={"signing_key_days": 0}))
