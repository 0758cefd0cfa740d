"""What happens beside requests, with real programs: scheduled work, the command, traces."""

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp import clock
from idp.audit import AuditEvent, Event
from idp.database import db, writing
from idp.schedule import POLL_SECONDS, ScheduledJob
from tests.machines.conftest import PlaceFactory
from tests.support.collector import listening
from tests.support.machines import Installation, Machine, wait_until
from tests.support.people import PASSWORD
from tests.support.residents import Browser

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OLD_EVENTS = 3000


def done(machines: list[Machine]) -> Counter[str]:
    """How often each scheduled job was done, by all logs together."""
    return Counter(
        line["job"]
        for machine in machines
        for line in machine.lines
        if line["event"] == "scheduled work done"
    )


def test_scheduled_work_is_done_by_one_of_two_machines(place: Installation) -> None:
    machines = [place.start(), place.start()]
    for machine in machines:
        machine.wait_until_ready()
    with place.domain() as app, app.app_context():

        def jobs() -> set[str]:
            db.session.rollback()
            return set(db.session.scalars(sa.select(ScheduledJob.name)))

        wait_until(lambda: jobs() and set(done(machines)) == jobs())
        assert set(done(machines).values()) == {1}  # at the first start, too

        with writing() as session:
            session.execute(sa.update(ScheduledJob).values(due_at=clock.now()))
        wait_until(lambda: all(done(machines)[name] >= 2 for name in jobs()))
        time.sleep(POLL_SECONDS + 1)  # in which each of them looks once more

        assert done(machines) == dict.fromkeys(jobs(), 2)


def test_purging_beside_a_busy_server_disturbs_nobody(place: Installation) -> None:
    machine = place.start(workers=2)
    machine.wait_until_ready()
    wait_until(lambda: done([machine])["purge"] == 1)  # of the server itself, for an hour
    with place.people() as people:
        person = people.resident()
        with people.app.app_context(), writing() as session:
            old = clock.now() - timedelta(days=4000)
            row = {"at": old, "event": Event.LOGGED_IN.value, "outcome": "success"}
            session.execute(sa.insert(AuditEvent), [row] * OLD_EVENTS)
        statuses: Counter[int] = Counter()
        over = threading.Event()

        def come() -> None:
            while not over.is_set():
                answer = Browser([machine.address]).log_in(person.username, person.password)
                statuses[answer.status_code] += 1

        threads = [threading.Thread(target=come) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: statuses[303] >= 4)
            told = machine.idp("purge")
            wait_until(lambda: statuses[303] >= 12)
        finally:
            over.set()
            for thread in threads:
                thread.join(60)

        assert set(statuses) == {303}
        assert f"audit_events: {OLD_EVENTS}" in told
        with people.app.app_context():
            assert db.session.scalar(sa.select(sa.func.count()).where(AuditEvent.at == old)) == 0


@SQLITE
def test_a_server_sends_its_traces_to_the_collector(make_place: PlaceFactory) -> None:
    with listening() as collector:
        place = make_place(traces=collector.url)
        machine = place.start()
        machine.wait_until_ready()
        with place.people() as people:
            person = people.resident()
        assert Browser([machine.address]).log_in(person.username, person.password).status_code == 303

        machine.stop()  # what was not sent yet is sent now

        login = next(span for span in collector.spans if span.get("http.response.status_code") == 303)
        hashed = collector.named("hash")
        assert (login["name"], hashed["parent"]) == ("pages.login", login["id"])
        sent = b"".join(collector.bodies)
        assert person.username.encode() not in sent
        assert PASSWORD.encode() not in sent
