"""The audit log: filters, pages that do not shift, and files."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp import audit, audit_log, clock
from idp.accounts.roles import OPERATOR, Role
from idp.admin.words import event_texts
from idp.audit import AuditEvent, Event
from idp.audit_log import Filter, Place
from idp.database import db, writing
from tests.admin.conftest import acting
from tests.support import journey
from tests.support.moments import MovableClock
from tests.support.people import People, Person

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def write(app: Flask, event: Event, at: datetime, **values: str) -> None:
    with app.app_context(), writing() as session:
        audit.record(session, event, at=at, **values)  # type: ignore[arg-type]


def shown(browser: FlaskClient, **query: str) -> list[str]:
    """The events on the page, in words; their reasons are test_event_reasons.py's."""
    page = journey.soup(browser.get("/admin/audit", query_string=query))
    for reason in page.select(".reason"):
        reason.decompose()
    return [row.select("td")[1].get_text(" ", strip=True) for row in page.select(".table tbody tr")]


def test_every_event_has_a_name_in_words(app: Flask) -> None:
    with app.test_request_context():
        assert set(event_texts()) == set(Event)
        assert len(set(event_texts().values())) == len(Event)


@pytest.fixture
def log(app: Flask, resident: Person) -> None:
    write(app, Event.LOCKED, START, account_id=resident.id)
    write(app, Event.CONSENTED, START + timedelta(days=1), account_id=resident.id, client_id="asiointi")
    write(app, Event.LOGGED_IN, START + timedelta(days=2), outcome="failure", reason="wrong_credentials")
    write(app, Event.KEYS_ROTATED, START + timedelta(days=3), actor="operator")


DAYS = {"since": "2026-11-01", "until": "2026-11-05"}


@pytest.mark.parametrize(
    ("query", "events"),
    [
        (
            {},
            [
                "Allekirjoitusavaimet vaihdettu",
                "Kirjautuminen (hylätty)",
                "Palvelulle annettu lupa",
                "Käyttäjätunnus lukittu",
            ],
        ),
        ({"event": "account.locked"}, ["Käyttäjätunnus lukittu"]),
        ({"outcome": "failure"}, ["Kirjautuminen (hylätty)"]),
        ({"client": "asiointi"}, ["Palvelulle annettu lupa"]),
        ({"actor": "operator"}, ["Allekirjoitusavaimet vaihdettu"]),
        ({"account": "MAIJA@example.fi"}, ["Palvelulle annettu lupa", "Käyttäjätunnus lukittu"]),
        ({"account": "nobody@example.fi"}, []),
        ({"since": "2026-11-03"}, ["Allekirjoitusavaimet vaihdettu", "Kirjautuminen (hylätty)"]),
        ({"until": "2026-11-01"}, ["Käyttäjätunnus lukittu"]),
        ({"event": "account.locked", "since": "2026-11-02"}, []),
        ({"event": "' OR 1=1"}, []),
        ({"client": "\0"}, None),
    ],
)
def test_the_log_is_filtered(
    admin: FlaskClient, log: None, query: dict[str, str], events: list[str] | None
) -> None:
    found = shown(admin, **(DAYS | query))

    assert [event.split(" Asiointi")[0].removesuffix(" asiointi") for event in found] == (
        events if events is not None else [event.removesuffix(" asiointi") for event in shown(admin, **DAYS)]
    )


def test_what_the_server_does_by_itself_is_said_and_found(app: Flask, admin: FlaskClient) -> None:
    write(app, Event.KEYS_ROTATED, START, actor="schedule")

    (event,) = shown(admin, actor="schedule")

    assert event.startswith("Allekirjoitusavaimet vaihdettu")
    assert "palvelin itse" in admin.get("/admin/audit?actor=schedule").get_data(as_text=True)


def test_an_account_is_found_by_its_identifier(admin: FlaskClient, log: None, resident: Person) -> None:
    assert len(shown(admin, account=resident.id, **DAYS)) == 2


def test_a_day_is_one_of_the_municipality(app: Flask, admin: FlaskClient) -> None:
    write(app, Event.LOCKED, datetime(2026, 11, 9, 21, 59, tzinfo=UTC))  # 23.59 in Finland
    write(app, Event.UNLOCKED, datetime(2026, 11, 9, 22, 0, tzinfo=UTC))  # midnight

    assert len(shown(admin, since="2026-11-09", until="2026-11-09")) == 1
    assert len(shown(admin, since="2026-11-10", until="2026-11-10")) == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"since": "2026-11-09", "since_time": "14:05"}, 2),
        ({"since": "2026-11-09", "since_time": "14:06"}, 1),
        ({"since": "2026-11-09", "since_time": "14.06"}, 1),
        ({"until": "2026-11-09", "until_time": "14:05"}, 1),
        ({"until": "2026-11-09", "until_time": "14:04"}, 0),
        ({"since": "2026-11-09", "since_time": "00:00", "until": "2026-11-09", "until_time": "23:59"}, 2),
    ],
)
def test_a_time_of_day_is_one_of_the_municipality(
    app: Flask, admin: FlaskClient, query: dict[str, str], found: int
) -> None:
    write(app, Event.LOCKED, datetime(2026, 11, 9, 12, 5, 30, tzinfo=UTC))  # 14.05.30 in Finland
    write(app, Event.LOCKED, datetime(2026, 11, 9, 12, 6, tzinfo=UTC))

    assert len(shown(admin, event="account.locked", **query)) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"until_time": "02:59"}, ["before"]),
        ({"since_time": "03:30"}, ["first", "second", "after"]),
        ({"until_time": "03:30"}, ["before", "first", "second"]),
        ({"since_time": "04:00"}, ["after"]),
    ],
)
def test_an_hour_that_comes_twice_is_whole(
    app: Flask, admin: FlaskClient, query: dict[str, str], found: list[str]
) -> None:
    moments = {
        "before": (23, 59),
        "first": (0, 30),
        "second": (1, 30),
        "after": (2, 0),
    }  # on 25 October, by UTC
    for name, (hour, minute) in moments.items():
        at = datetime(2026, 10, 24 if hour == 23 else 25, hour, minute, tzinfo=UTC)
        write(app, Event.LOCKED, at, client_id=name)
    days = {"since": "2026-10-25", "until": "2026-10-25"}

    assert [name for name in moments if shown(admin, client=name, **days, **query)] == found


def test_a_time_is_shown_as_the_field_takes_it(admin: FlaskClient) -> None:
    page = journey.soup(admin.get("/admin/audit?since=2026-11-09&since_time=9.05"))

    assert page.select_one("#since_time")["value"] == "09:05"  # type: ignore[index]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"since_time": "14:05"}, "Kirjoita myös päivä."),
        (
            {"since": "2026-11-09", "since_time": "kaksi"},
            "Kirjoita kellonaika muodossa tunnit:minuutit, esimerkiksi 14:05.",
        ),
        (
            {"since": "2026-11-09", "since_time": "14:05+05:00"},
            "Kirjoita kellonaika muodossa tunnit:minuutit, esimerkiksi 14:05.",
        ),
        (
            {"until": "0001-01-01", "until_time": "00:30"},
            "Kirjoita päivä muodossa vuosi-kuukausi-päivä, esimerkiksi 2026-11-24.",
        ),
    ],
)
def test_a_time_that_is_none_is_told(admin: FlaskClient, query: dict[str, str], error: str) -> None:
    answer = admin.get("/admin/audit", query_string=query)

    assert answer.status_code == 422
    assert journey.errors(answer) == [error]


@pytest.mark.parametrize("text", ["24.11.2026", "2026-13-01", "yesterday", "9999-12-31", "0001-01-01"])
def test_a_date_that_is_none_is_told(admin: FlaskClient, text: str) -> None:
    answer = admin.get("/admin/audit", query_string={"since": "2026-01-01", "until": text})

    assert answer.status_code in {200, 422}
    assert (answer.status_code == 422) == bool(journey.errors(answer))


def test_pages_follow_each_other_without_a_gap_while_new_events_come(
    moving_clock: MovableClock, app: Flask, admin: FlaskClient
) -> None:
    same = clock.now() - timedelta(hours=1)
    for number in range(120):
        write(app, Event.LOCKED, same - timedelta(minutes=number // 40), client_id=f"client-{number}")
    seen: list[str] = []
    url = "/admin/audit?event=account.locked"
    pages = 0
    while url:
        page = journey.soup(admin.get(url))
        seen += [more.get_text() for more in page.select(".more")]
        link = page.select_one("#older")
        url = str(link["href"]) if link else ""
        write(app, Event.LOCKED, clock.now(), client_id="newer")
        pages += 1

    assert pages == 3
    assert len(seen) == len(set(seen)) == 120


@pytest.mark.parametrize(
    "after", ["", "x", "2026-11-24_1", "2026-11-24T00:00:00+00:00_x", "_", f"{'9' * 99}_1"]
)
def test_a_place_that_is_none_is_the_beginning(admin: FlaskClient, after: str) -> None:
    assert admin.get("/admin/audit", query_string={"after": after}).status_code == 200
    assert Place.parse(after) is None


def test_a_place_is_read_back() -> None:
    place = Place(START, 17)

    assert Place.parse(str(place)) == place


def test_the_log_is_exported_as_filtered(app: Flask, admin: FlaskClient, log: None, resident: Person) -> None:
    url = "/admin/audit/export?since=2026-11-01&until=2026-11-05&account=maija@example.fi"

    answer = journey.submit(admin, url, format="csv")
    heading, *rows = csv.reader(io.StringIO(answer.get_data(as_text=True)))

    assert tuple(heading) == audit_log.COLUMNS
    assert [row[1] for row in rows] == ["consent.given", "account.locked"]
    found = json.loads(journey.submit(admin, url, format="json").get_data(as_text=True))
    assert [event["event"] for event in found] == ["consent.given", "account.locked"]
    assert found[0]["client_id"] == "asiointi"
    with app.app_context():
        query = sa.select(AuditEvent.reason).where(AuditEvent.event == Event.AUDIT_EXPORTED.value)
        assert set(db.session.scalars(query)) == {"csv", "json"}


def test_an_empty_export_is_whole(admin: FlaskClient) -> None:
    url = "/admin/audit/export?client=nothing"

    assert json.loads(journey.submit(admin, url, format="json").get_data(as_text=True)) == []


def test_reasons_and_changes_are_no_formulas(app: Flask, admin: FlaskClient, resident: Person) -> None:
    journey.submit(admin, f"/admin/accounts/{resident.id}/disable", note='=HYPERLINK("http://evil.example")')

    answer = journey.submit(admin, f"/admin/audit/export?account={resident.id}", format="csv")
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True))))

    assert next(row[9] for row in rows if row[1] == "account.disabled").startswith("'=")


def test_batches_of_an_export_join(
    context: Flask, people: People, resident: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "_BATCH", 3)
    for number in range(10):
        write(context, Event.LOCKED, START, client_id=f"c{number}")

    lines = list(audit_log.as_csv(Filter(event=Event.LOCKED.value), OPERATOR))

    assert len(lines) == 11
    assert len(set(lines)) == 11


def test_the_domain_asks_for_the_role(context: Flask, resident: Person) -> None:
    from idp.accounts.roles import NotAllowed

    for given in ((), (Role.SUPPORT,), (Role.CLIENTS,)):
        with pytest.raises(NotAllowed):
            audit_log.page(Filter(), None, acting(resident, *given))
        with pytest.raises(NotAllowed):
            audit_log.as_json(Filter(), acting(resident, *given))


INDEXES = (
    (Filter(), "at"),
    (Filter(account_id="account7"), "account_id_at"),
    (Filter(event="account.locked"), "event_at"),
    (Filter(client_id="rare"), "client_id_at"),
    (Filter(actor="operator"), "actor_at"),
    (Filter(outcome="failure"), "outcome_at"),
    (Filter(outcome="unknown"), "outcome_at"),
    (Filter(client_id="asiointi", event="consent.given"), "client_id_event_at"),
)


def test_each_filter_is_a_range_of_an_index(context: Flask) -> None:
    """What the database does, told by itself: it begins at the newest that fit, and sorts nothing but equal moments."""
    events = {5: "account.locked", 6: "consent.given"}
    rows = [
        {
            "at": START - timedelta(seconds=number),
            "event": events.get(number % 100, "login"),
            "outcome": {50: "failure", 51: "unknown"}.get(number % 100, "success"),
            "client_id": "rare" if number % 100 == 1 else "asiointi",
            "account_id": f"account{number % 500}",
            "actor": "operator" if number % 100 == 2 else None,
        }
        for number in range(2000)
    ]
    with writing() as session:
        session.execute(sa.insert(AuditEvent), rows)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE audit_events"))
    sqlite = db.engine.dialect.name == "sqlite"
    if not sqlite:  # two thousand rows are read faster whole
        for way in ("seqscan", "bitmapscan"):
            db.session.execute(sa.text(f"SET LOCAL enable_{way} = off"))
    explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
    for wanted, index in INDEXES:
        for after in (None, Place(START, 1)):
            query = audit_log._query(wanted, after, 50)
            text = query.compile(db.engine, compile_kwargs={"literal_binds": True}).string
            lines = db.session.connection().exec_driver_sql(f"{explain} {text}".replace("%", "%%"))
            plan = "\n".join(str(line) for line in lines)
            assert re.search(rf"\bix_audit_events_{index}\b", plan), plan
            assert "TEMP B-TREE" not in plan, plan
