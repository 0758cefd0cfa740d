"""Whatever the broker does wrong is refused, tells the page only what the person can do about it, and keeps nothing.

Each fault is a switch of the demo's broker, which really runs. Five of them are none, and are taken.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from idp.audit import AuditEvent, Event
from idp.database import db
from idp.demo.broker_faults import Fault
from idp.demo.broker_people import PEOPLE
from idp.upstream import broker
from idp.upstream.models import IdentificationTicket, PendingIdentification
from idp.upstream.providers import Refusal
from tests.conftest import AppFactory
from tests.support.broker import Bench, bench
from tests.support.moments import MovableClock

on_sqlite = pytest.mark.parametrize(
    "database_url", ["sqlite"], indirect=True
)  # no fault is about the database

# The refusal, and what the log says of the reason.
REFUSED: dict[Fault, tuple[Refusal, str]] = {
    Fault.WRONG_NONCE: (Refusal.FAILED, "another nonce"),
    Fault.NO_NONCE: (Refusal.FAILED, "nonce"),
    Fault.WRONG_AUDIENCE: (Refusal.FAILED, "aud"),
    Fault.SEVERAL_AUDIENCES_WITHOUT_AZP: (Refusal.FAILED, "azp"),
    Fault.WRONG_AZP: (Refusal.FAILED, "azp"),
    Fault.WRONG_ISSUER: (Refusal.FAILED, "iss"),
    Fault.LOWER_LEVEL: (Refusal.OTHER_LEVEL, "another level"),
    Fault.OTHER_LEVEL: (Refusal.OTHER_LEVEL, "another level"),
    Fault.NO_LEVEL: (Refusal.OTHER_LEVEL, "another level"),
    Fault.EXPIRED: (Refusal.FAILED, "expired"),
    Fault.MADE_IN_THE_FUTURE: (Refusal.FAILED, "future"),
    Fault.MADE_LONG_AGO: (Refusal.STALE, "made long ago"),
    Fault.OLD_AUTH_TIME: (Refusal.STALE, "auth_time is not of now"),
    Fault.NO_AUTH_TIME: (Refusal.STALE, "no auth_time"),
    Fault.FUTURE_AUTH_TIME: (Refusal.STALE, "auth_time is not of now"),
    Fault.NO_IDENTITY_CODE: (Refusal.NO_IDENTITY_CODE, "no personal identity code"),
    Fault.BROKEN_IDENTITY_CODE: (Refusal.NO_IDENTITY_CODE, "does not have the form"),
    Fault.OTHER_BIRTH_DATE: (Refusal.FAILED, "born on another day"),
    Fault.UNREADABLE_NAME: (Refusal.FAILED, "family_name"),
    Fault.UNENCRYPTED: (Refusal.FAILED, "not encrypted"),
    Fault.UNSIGNED: (Refusal.FAILED, "no JWT"),
    Fault.ALG_NONE: (Refusal.FAILED, "algorithm that is not accepted"),
    Fault.SYMMETRIC_SIGNATURE: (Refusal.FAILED, "algorithm that is not accepted"),
    Fault.WRONG_SIGNATURE: (Refusal.FAILED, "BadSignatureError"),
    Fault.UNKNOWN_KID: (Refusal.FAILED, "InvalidKeyIdError"),
    Fault.OTHER_TOKEN_TYPE: (Refusal.FAILED, "another type"),
    Fault.ENCRYPTED_TO_ANOTHER: (Refusal.FAILED, "none of our keys"),
    Fault.OLD_ENCRYPTION: (Refusal.FAILED, "encrypted by an algorithm that is not accepted"),
    Fault.COMPRESSED: (Refusal.FAILED, "compressed"),
    Fault.ANOTHER_ISSUER_OUTSIDE: (Refusal.FAILED, "says outside"),
    Fault.CRITICAL_HEADER: (Refusal.FAILED, "none of our keys"),
    Fault.NO_ID_TOKEN: (Refusal.FAILED, "no ID token"),
    Fault.CANCEL_OP: (Refusal.CANCELLED, "error: cancel"),
    Fault.ERROR: (Refusal.FAILED, "error: server_error"),
    Fault.OTHER_ISSUER_ANSWERS: (Refusal.FAILED, "another issuer"),
    Fault.NO_CODE: (Refusal.FAILED, "no code"),
    Fault.CODE_REFUSED: (Refusal.FAILED, "invalid_grant"),
    Fault.TOKEN_ERROR: (Refusal.FAILED, "status 500"),
    Fault.TOKEN_NOT_JSON: (Refusal.FAILED, "no ID token"),
    Fault.WRONG_STATE: (Refusal.NOT_THIS_BROWSER, "unknown, used or begun in another browser"),
}
TAKEN = {
    Fault.SEVERAL_AUDIENCES,
    Fault.SAME_PERSON,
    Fault.COMBINED_NAME,
    Fault.ROTATED_KEY,
    Fault.UNKNOWN_HEADER,
}
APART = {Fault.TOKEN_SLOW}


def test_every_fault_has_a_test() -> None:
    assert set(Fault) == REFUSED.keys() | TAKEN | APART


def expect_nothing_kept(place: Bench, refusal: Refusal) -> None:
    with place.app.app_context():
        assert db.session.scalars(sa.select(IdentificationTicket)).all() == []
        event = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.event == Event.IDENTIFIED)).one()
        assert (event.outcome, event.reason) == ("failure", refusal.value)


@on_sqlite
@pytest.mark.parametrize("fault", REFUSED, ids=str)
def test_what_the_broker_does_wrong_is_refused(place: Bench, fault: Fault) -> None:
    refusal, reason = REFUSED[fault]

    with capture_logs() as lines:
        outcome = place.identify("matti", fault)

    assert (outcome.ticket, outcome.refusal) == (None, refusal)
    told = [line for line in lines if line["event"] == "identification refused"]
    assert [line["refusal"] for line in told] == [refusal.value]
    assert reason in told[0]["reason"]
    assert not any(personal in str(lines) for personal in ("Mallikas", "150590", "9010", "<b>"))
    expect_nothing_kept(place, refusal)


@on_sqlite
def test_a_key_of_the_broker_that_was_rotated_just_now_is_fetched(place: Bench) -> None:
    place.person("matti")

    found = place.found(place.identify("matti", Fault.ROTATED_KEY))

    assert found.family_name == "Mallikas"


@on_sqlite
def test_unknown_keys_do_not_make_us_ask_again_and_again(place: Bench, moving_clock: MovableClock) -> None:
    place.person()
    asked: list[str] = []
    key_set = place.broker.config.keys.published
    place.broker.config.keys.published = lambda: asked.append("") or key_set()  # type: ignore[method-assign,func-returns-value]

    for _ in range(3):
        assert place.identify("matti", Fault.UNKNOWN_KID).refusal is Refusal.FAILED
    assert len(asked) == 1
    moving_clock.move(seconds=11)
    place.identify("matti", Fault.UNKNOWN_KID)

    assert len(asked) == 2


@on_sqlite
@pytest.mark.parametrize("fault", [Fault.SEVERAL_AUDIENCES, Fault.UNKNOWN_HEADER], ids=str)
def test_what_the_specifications_allow_is_taken(place: Bench, fault: Fault) -> None:
    """We among several audiences, when azp is us; a parameter of a header that is not critical."""
    assert place.found(place.identify(fault=fault)).family_name == "Meikäläinen"


@on_sqlite
def test_the_same_person_twice_is_the_same_person(place: Bench) -> None:
    first, second = place.person("maija"), place.found(place.identify("matti", Fault.SAME_PERSON))

    assert first.person_key == second.person_key
    assert first.person_key != place.person("matti").person_key


@on_sqlite
def test_a_name_that_is_not_told_apart_is_not_guessed(place: Bench) -> None:
    found = place.found(place.identify(fault=Fault.COMBINED_NAME))

    assert (found.given_names, found.family_name) == ("", "")
    assert found.full_name == "Maija Kaarina Meikäläinen"


@on_sqlite
def test_a_broker_that_is_too_slow_is_not_waited_for(make_app: AppFactory) -> None:
    with bench(make_app, outbound={"timeout_seconds": 0.5}) as place:
        began = time.monotonic()
        outcome = place.identify(fault=Fault.TOKEN_SLOW)

    assert outcome.refusal is Refusal.FAILED
    assert time.monotonic() - began < 5


@on_sqlite
def test_a_slow_broker_keeps_some_threads_waiting_and_never_all(make_app: AppFactory) -> None:
    with bench(make_app, outbound={"timeout_seconds": 2}) as place:
        place.person()
        waiting = [
            place.choose(place.begin(), fault=Fault.TOKEN_SLOW.value) for _ in range(broker.MAX_WAITING)
        ]
        one_more = place.choose(place.begin())
        with ThreadPoolExecutor(broker.MAX_WAITING) as pool:
            slow = [pool.submit(place.finish, parameters) for parameters in waiting]
            assert all(place.broker.config.being_slow.acquire(timeout=5) for _ in slow)
            began = time.monotonic()
            assert place.finish(one_more).refusal is Refusal.FAILED
            assert time.monotonic() - began < 1
            assert {each.result().refusal for each in slow} == {Refusal.FAILED}

        assert place.identify().ticket is not None


@on_sqlite
def test_the_person_may_cancel(place: Bench) -> None:
    outcome = place.finish(place.choose(place.begin(request_id="r1"), decision="cancel"))

    assert (outcome.ticket, outcome.refusal, outcome.request_id) == (None, Refusal.CANCELLED, "r1")
    expect_nothing_kept(place, Refusal.CANCELLED)


@on_sqlite
def test_a_person_without_a_finnish_code_is_told_so(place: Bench) -> None:
    assert PEOPLE["jane"].code is None
    assert place.identify("jane").refusal is Refusal.NO_IDENTITY_CODE


@on_sqlite
def test_a_fault_uses_the_identification_up(place: Bench) -> None:
    parameters = place.choose(place.begin(), "matti", fault=Fault.WRONG_NONCE.value)
    place.finish(parameters)

    assert place.finish(parameters).refusal is Refusal.NOT_THIS_BROWSER
    with place.app.app_context():
        assert db.session.scalars(sa.select(PendingIdentification)).one().used_at is not None
