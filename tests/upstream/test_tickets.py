"""What an identification found out works once, in one browser, for 15 minutes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa

from idp.database import db, writing
from idp.upstream import tickets
from idp.upstream.models import IdentificationTicket
from idp.upstream.tickets import Identified
from tests.support.broker import BROWSER, Bench
from tests.support.moments import MovableClock


class RolledBack(Exception):
    pass


def use(place: Bench, ticket: str | None, browser: str = BROWSER) -> Identified | None:
    with place.app.app_context(), writing() as session:
        return tickets.use(session, ticket, browser=browser)


def find(place: Bench, ticket: str | None, browser: str = BROWSER) -> Identified | None:
    with place.app.app_context():
        return tickets.find(ticket, browser=browser)


def test_a_ticket_is_used_once(place: Bench) -> None:
    ticket = place.identify().ticket
    found = find(place, ticket)

    assert use(place, ticket) == found is not None
    assert use(place, ticket) is None
    assert find(place, ticket) is None


def test_who_it_was_is_erased_with_its_use(place: Bench) -> None:
    use(place, place.identify().ticket)

    with place.app.app_context():
        assert db.session.scalars(sa.select(IdentificationTicket.sealed)).all() == [""]


def test_a_use_that_is_rolled_back_is_none(place: Bench) -> None:
    """The account was not created after all: the person need not identify themselves again."""
    ticket = place.identify().ticket

    def fail_after_use() -> None:
        with place.app.app_context(), writing() as session:
            assert tickets.use(session, ticket, browser=BROWSER) is not None
            raise RolledBack

    with pytest.raises(RolledBack):
        fail_after_use()
    assert use(place, ticket) is not None


def test_of_many_uses_at_once_one_succeeds(place: Bench) -> None:
    ticket = place.identify().ticket
    start = Barrier(8)

    def race(_: int) -> bool:
        start.wait()
        return use(place, ticket) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(race, range(8))) == 1


def test_another_browser_can_neither_see_nor_use_it(place: Bench) -> None:
    ticket = place.identify().ticket

    assert find(place, ticket, "another browser") is None
    assert use(place, ticket, "another browser") is None
    assert use(place, ticket) is not None


def test_it_works_for_a_quarter_of_an_hour(place: Bench, moving_clock: MovableClock) -> None:
    ticket = place.identify().ticket

    moving_clock.move(minutes=14, seconds=59)
    assert find(place, ticket) is not None
    moving_clock.move(seconds=1)
    assert find(place, ticket) is None
    assert use(place, ticket) is None


def test_a_new_identification_ends_the_earlier_one_of_the_browser(place: Bench) -> None:
    """Two people at one computer: the form is that of who came last."""
    first = place.identify("maija").ticket
    elsewhere = place.identify("aino", browser="another browser").ticket

    second = place.identify("matti").ticket

    assert find(place, first) is None
    assert use(place, first) is None
    assert find(place, second) is not None
    assert find(place, elsewhere, "another browser") is not None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("ticket", [None, "", "x" * 43, "\ud800\x00", "x" * 100_000])
def test_any_other_value_is_no_ticket(place: Bench, ticket: str | None) -> None:
    place.identify()

    assert find(place, ticket) is None
    assert use(place, ticket) is None
