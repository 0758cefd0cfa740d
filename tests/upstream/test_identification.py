"""Sending a browser to the broker and taking it back: what is asked, what is found out, what works once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from idp import housekeeping
from idp.audit import AuditEvent, Event
from idp.database import db
from idp.demo.broker_people import PEOPLE
from idp.upstream import identification
from idp.upstream.identification import Purpose
from idp.upstream.models import IdentificationTicket, PendingIdentification
from idp.upstream.providers import Refusal, UpstreamUnavailable
from tests.conftest import AppFactory
from tests.support.broker import BROWSER, CLIENT_ID, LEVEL, Bench, bench, upstream_settings, where_to
from tests.support.moments import MovableClock

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def pushing(make_app: AppFactory) -> Iterator[Bench]:
    with bench(make_app, upstream={"request": "pushed"}) as made:
        yield made


# -- who somebody is


def test_somebody_is_identified(place: Bench, moving_clock: MovableClock) -> None:
    outcome = place.identify("maija", request_id="r1", client_id="asiointi", language="sv")
    found = place.found(outcome)

    assert outcome.refusal is None
    assert (outcome.purpose, outcome.language) == (Purpose.REGISTRATION, "sv")
    assert (outcome.request_id, outcome.client_id, outcome.account_id) == ("r1", "asiointi", None)
    assert (found.given_names, found.family_name) == ("Maija Kaarina", "Meikäläinen")
    assert found.birth_date == date(1980, 1, 1)
    assert found.acr == LEVEL
    assert found.auth_time == moving_clock()
    assert found.broker == place.broker.config.issuer
    assert (found.purpose, found.request_id, found.client_id) == (Purpose.REGISTRATION, "r1", "asiointi")


def test_a_step_up_remembers_whose_it_is(place: Bench) -> None:
    outcome = place.identify(purpose=Purpose.STEP_UP, account_id="a" * 22)

    assert (outcome.purpose, outcome.account_id) == (Purpose.STEP_UP, "a" * 22)
    assert place.found(outcome).account_id == "a" * 22


def test_the_identity_code_is_nowhere_in_the_database(place: Bench) -> None:
    """Nor in what is encrypted there."""
    outcome = place.identify("maija")
    found = place.found(outcome)

    with place.app.app_context():
        everything = [
            str(row) for table in db.metadata.sorted_tables for row in db.session.execute(sa.select(table))
        ]
    assert not [row for row in everything if "010180" in row or "Meikäläinen" in row]
    assert "010180" not in str(found)
    assert found.sealed_identity_code is None
    assert all(len(name) == 64 for name in found.person_keys.values())


def test_an_identification_is_in_the_audit_log_without_the_person(place: Bench) -> None:
    place.identify("maija", client_id="asiointi", account_id="b" * 22)

    with place.app.app_context():
        event = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.event == Event.IDENTIFIED)).one()
    assert (event.outcome, event.client_id, event.account_id) == ("success", "asiointi", "b" * 22)
    assert (event.changes, event.note) == (None, None)


@on_sqlite
@pytest.mark.parametrize("dialect", ["op", "signicat"])
def test_other_brokers_name_their_claims_otherwise(make_app: AppFactory, dialect: str) -> None:
    with bench(make_app, upstream={"claims_dialect": dialect}, config={"dialect": dialect}) as place:
        assert place.person().family_name == "Meikäläinen"


@on_sqlite
def test_claims_can_be_named_one_by_one(make_app: AppFactory) -> None:
    claims = {
        "identity_code": "personal_identity_code",
        "given_names": "given_name",
        "family_name": "family_name",
    }
    section = {
        "claims_dialect": "custom",
        "claims": claims,
        "scope": "openid profile personal_identity_code",
    }
    with bench(make_app, upstream=section, config={"dialect": "op"}) as place:
        assert place.person().given_names == "Maija Kaarina"


@on_sqlite
@pytest.mark.parametrize(
    "encryption", [("RSA-OAEP", "A128CBC-HS256"), ("RSA-OAEP-256", "A128GCM"), ("RSA-OAEP-256", "A256GCM")]
)
def test_every_encryption_of_the_profile_is_read(make_app: AppFactory, encryption: tuple[str, str]) -> None:
    with bench(make_app, config={"encryption": encryption}) as place:
        assert place.person().family_name == "Meikäläinen"


# -- what is asked


@on_sqlite
def test_only_the_signed_request_is_in_the_address(place: Bench) -> None:
    """RFC 9101 5; the profile ignores whatever else there is."""
    address = place.begin(request_id="r1", client_id="asiointi")

    assert set(parse_qs(urlsplit(address).query)) == {"client_id", "request"}
    place.visit(address)
    asked = place.broker.last_request
    assert asked["iss"] == asked["client_id"] == CLIENT_ID
    assert asked["aud"] == place.broker.config.issuer
    assert asked["redirect_uri"] == f"{place.app.extensions['settings'].issuer}/upstream/callback"
    assert (asked["response_type"], asked["scope"]) == ("code", "openid")
    assert (asked["acr_values"], asked["prompt"], asked["max_age"]) == (LEVEL, "login", 0)
    assert asked["exp"] - asked["iat"] == 600
    assert "r1" not in json.dumps(asked)


@on_sqlite
def test_every_request_has_its_own_state_nonce_and_id(place: Bench) -> None:
    asked = []
    for _ in range(2):
        place.visit(place.begin())
        asked.append(place.broker.last_request)

    for name in ("state", "nonce", "jti"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name]) >= 43


@on_sqlite
@pytest.mark.parametrize(("language", "shown"), [("fi", "fi"), ("sv", "sv"), ("en", "en")])
def test_the_broker_speaks_the_language_of_the_page(place: Bench, language: str, shown: str) -> None:
    page = place.visit(place.begin(language=language))

    assert f'<html lang="{shown}">' in page.text


@on_sqlite
def test_the_broker_shows_the_name_of_the_service_within_forty_characters(place: Bench) -> None:
    place.visit(place.begin(service_name="  Rakennus- ja ympäristölupien\nasiointipalvelu kuntalaisille "))

    assert place.broker.last_request["ftn_spname"] == "Rakennus- ja ympäristölupien asiointipal"


@on_sqlite
def test_a_registered_name_of_the_service_comes_first(make_app: AppFactory) -> None:
    names = {"fi": "Esimerkkikunta", "sv": ""}
    with bench(make_app, upstream={"service_name": names}) as place:
        page = place.visit(place.begin())
        assert "Esimerkkikunta" in page.text
        place.visit(place.begin(language="sv", service_name="E-tjänsten"))
        assert place.broker.last_request["ftn_spname"] == "E-tjänsten"


@on_sqlite
def test_a_request_can_be_pushed_instead(pushing: Bench) -> None:
    address = pushing.begin()

    assert set(parse_qs(urlsplit(address).query)) == {"client_id", "request_uri"}
    assert pushing.found(pushing.finish(pushing.choose(address))).family_name == "Meikäläinen"


@on_sqlite
def test_the_proof_at_the_token_endpoint_can_name_the_issuer(make_app: AppFactory) -> None:
    with bench(make_app, upstream={"assertion_audience": "issuer"}) as place:
        assert place.person().family_name == "Meikäläinen"


# -- once, here, now


def test_an_answer_counts_once(place: Bench) -> None:
    parameters = place.choose(place.begin())

    assert place.finish(parameters).ticket is not None
    assert place.finish(parameters).refusal is Refusal.NOT_THIS_BROWSER


def test_of_many_at_once_one_gets_it(place: Bench) -> None:
    parameters = place.choose(place.begin())
    start = Barrier(8)

    def finish(_: int) -> Refusal | None:
        start.wait()
        return place.finish(parameters).refusal

    with ThreadPoolExecutor(8) as pool:
        refusals = list(pool.map(finish, range(8)))
    assert (refusals.count(None), refusals.count(Refusal.NOT_THIS_BROWSER)) == (1, 7)


@pytest.mark.parametrize("browser", ["another browser", None, ""])
def test_another_browser_gets_nothing_and_spoils_nothing(place: Bench, browser: str | None) -> None:
    """Else somebody could have their own identification finished in a victim's browser, or the other way round."""
    parameters = place.choose(place.begin())

    stolen = place.finish(parameters, browser)

    assert (stolen.ticket, stolen.refusal) == (None, Refusal.NOT_THIS_BROWSER)
    assert (stolen.request_id, stolen.purpose) == (None, None)
    assert place.finish(parameters).ticket is not None


@on_sqlite
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"code": "c"},
        {"state": ""},
        {"state": "x" * 43, "code": "c"},
        {"state": "x" * 100_000},
        {"state": "\ud800\x00"},
        {"error": "access_denied"},
    ],
)
def test_an_answer_to_nothing_is_refused(place: Bench, parameters: dict[str, str]) -> None:
    place.begin()

    assert place.finish(parameters).refusal is Refusal.NOT_THIS_BROWSER


@on_sqlite
@pytest.mark.parametrize(
    "spoilt",
    [
        {"code": "\ud800"},
        {"code": "a\x00b"},
        {"code": "x" * 5000},
        {"code": ""},
        {"iss": ""},
        {"error": "\x00"},
    ],
)
def test_nonsense_beside_a_good_state_is_refused(place: Bench, spoilt: dict[str, str]) -> None:
    parameters = place.choose(place.begin())

    assert place.finish({**parameters, **spoilt}).refusal is Refusal.FAILED


def test_after_a_quarter_of_an_hour_it_is_too_late(place: Bench, moving_clock: MovableClock) -> None:
    address = place.begin(request_id="r1")
    parameters = place.choose(address)
    moving_clock.move(minutes=15)

    outcome = place.finish(parameters)

    assert (outcome.ticket, outcome.refusal, outcome.request_id) == (None, Refusal.EXPIRED, "r1")


@on_sqlite
def test_an_identification_that_began_in_time_may_end_late(place: Bench, moving_clock: MovableClock) -> None:
    """People search for their card reader: ten minutes at the broker are no reason for a refusal."""
    page = place.visit(place.begin())
    moving_clock.move(minutes=10)

    found = place.found(place.finish(place.answer(page, "matti")))

    assert found.auth_time == datetime.fromtimestamp(moving_clock().timestamp(), UTC)


def test_what_is_over_is_purged(place: Bench, moving_clock: MovableClock) -> None:
    place.identify()
    moving_clock.move(days=2)

    with place.app.app_context():
        deleted = housekeeping.purge()
        assert db.session.scalars(sa.select(IdentificationTicket)).all() == []
        assert db.session.scalars(sa.select(PendingIdentification)).all() == []
    assert (deleted["pending_identifications"], deleted["identification_tickets"]) == (1, 1)


# -- without a broker


@on_sqlite
def test_a_broker_that_is_away_is_told_to_the_page(make_app: AppFactory) -> None:
    with bench(make_app) as place:
        settings = place.app.extensions["settings"]
        issuer = "http://localhost:9"  # nobody listens there
    app = make_app(upstream=upstream_settings(issuer), outbound={"allowed_hosts": ["localhost"]})

    assert settings.upstream.on
    with app.app_context():
        assert where_to() is None
        with pytest.raises(UpstreamUnavailable):
            _begin()
        assert db.session.scalars(sa.select(PendingIdentification)).all() == []


@on_sqlite
def test_where_there_is_no_broker_nobody_is_identified(make_app: AppFactory) -> None:
    app = make_app()

    with app.app_context():
        assert where_to() is None
        with pytest.raises(UpstreamUnavailable):
            _begin()
        assert identification.finish({"state": "s"}, browser=BROWSER).refusal is Refusal.NOT_THIS_BROWSER


def _begin() -> Any:
    return identification.begin(
        Purpose.REGISTRATION,
        browser=BROWSER,
        language="fi",
        request_id=None,
        client_id=None,
        account_id=None,
        service_name="Asiointi",
    )


@on_sqlite
def test_the_page_knows_where_its_form_leads(place: Bench) -> None:
    with place.app.app_context():
        assert where_to() == f"{place.broker.config.issuer}/authorize"


def test_the_people_of_the_broker_are_nobody() -> None:
    codes = [person.code for person in PEOPLE.values() if person.code]

    assert all(code[7] == "9" for code in codes)
    assert len(set(codes)) == len(codes) == len(PEOPLE) - 1
