"""What was acknowledged is there, whoever is killed in the middle of it: a worker, or the database's primary."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from idp.accounts.models import Account, Registration
from idp.database import db
from tests.conftest import migrate
from tests.support.machines import PATIENCE, Installation, Machine, installation, wait_until
from tests.support.postgresql import Primary, Standby, replicated_postgresql
from tests.support.residents import Crowd
from tests.support.smtp import SmtpServer

ENOUGH = 6  # of each, before and after


def grow(crowd: Crowd) -> None:
    """Wait until more people have registered, activated and changed their passwords."""
    goals = [len(found) + ENOUGH for found in (crowd.registered, crowd.activated, crowd.changed)]
    wait_until(
        lambda: all(
            len(found) >= goal
            for found, goal in zip((crowd.registered, crowd.activated, crowd.changed), goals, strict=True)
        ),
        2 * PATIENCE,
    )


def expect_nothing_lost(crowd: Crowd, place: Installation) -> None:
    """Every acknowledged registration has its mail, every activation its account, every change its password."""
    with place.domain() as app, app.app_context():
        accounts = set(db.session.scalars(sa.select(Account.username)))
        registrations = set(db.session.scalars(sa.select(Registration.email)))
    assert [r.email for r in crowd.registered if r.email not in accounts | registrations] == []
    assert [r.email for r in crowd.activated if r.email not in accounts] == []
    assert [r.email for r in crowd.activated if not r.can_log_in()] == []


@pytest.fixture
def busy(place: Installation) -> Machine:
    machine = place.start(workers=2)
    machine.wait_until_ready()
    return machine


def test_a_worker_killed_under_load_loses_nothing_acknowledged(busy: Machine, place: Installation) -> None:
    with Crowd([busy.address], place.mail) as crowd:
        grow(crowd)
        first = set(busy.workers)
        for victim in sorted(first):
            busy.kill_a_worker(sorted(busy.workers).index(victim))
            wait_until(lambda: len(busy.workers) == 2 and busy.status("/readyz") == 200)
        grow(crowd)
        assert not first & set(busy.workers)

    expect_nothing_lost(crowd, place)


@pytest.fixture
def pair() -> Iterator[tuple[Primary, Standby]]:
    with replicated_postgresql() as both:
        yield both


@pytest.fixture
def failing_over(
    pair: tuple[Primary, Standby], tmp_path: Path, mail: SmtpServer
) -> Iterator[tuple[Installation, Primary, Standby]]:
    """An installation that finds whichever of the two takes writes."""
    primary, standby = pair
    wait_until(lambda: primary.has_synchronous_standby)
    name = primary.create_database()
    hosts = f"{primary.folder},{standby.folder}"
    url = f"postgresql+psycopg://postgres@/{name}?host={hosts}&target_session_attrs=read-write"
    migrate(url, tmp_path)
    with installation(tmp_path, url, mail) as place:
        yield place, primary, standby


@pytest.mark.postgresql
def test_a_primary_killed_under_load_loses_nothing_acknowledged(
    failing_over: tuple[Installation, Primary, Standby],
) -> None:
    place, primary, standby = failing_over
    machines = [place.start(), place.start()]
    for machine in machines:
        machine.wait_until_ready()

    with Crowd([machine.address for machine in machines], place.mail) as crowd:
        grow(crowd)
        primary.kill()
        wait_until(lambda: all(machine.status("/readyz") == 503 for machine in machines))
        standby.promote()
        wait_until(lambda: all(machine.status("/readyz") == 200 for machine in machines))
        grow(crowd)

    expect_nothing_lost(crowd, place)
