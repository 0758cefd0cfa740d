"""Reading the audit log: filtered, newest first, page by page, and written out whole.

A page begins after the last event of the one before (its moment and number), so the hundredth page costs as much as
the first. Each filter that narrows much has an index with the moment.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from idp import audit, clock
from idp.accounts.roles import Actor, Role
from idp.audit import AuditEvent, Event
from idp.database import db, writing
from idp.policy.spreadsheets import csv_line

PAGE = 50
COLUMNS = (
    "at",
    "event",
    "outcome",
    "reason",
    "actor",
    "account_id",
    "client_id",
    "address",
    "changes",
    "note",
)
_BATCH = 1000


@dataclass(frozen=True)
class Filter:
    """What is looked for; None looks for all. `until` is not part of the time. `actor` "" is: nobody but the owner."""

    since: datetime | None = None
    until: datetime | None = None
    event: str | None = None
    outcome: str | None = None
    account_id: str | None = None
    client_id: str | None = None
    actor: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a page ends: the next one begins after it."""

    at: datetime
    id: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """The place of that text; None for any other text."""
        at, _, number = text.rpartition("_")
        try:
            moment = datetime.fromisoformat(at)
            return cls(moment, int(number)) if moment.tzinfo and abs(int(number)) < 2**63 else None
        except ValueError:
            return None


@dataclass(frozen=True)
class Page:
    events: list[AuditEvent]
    next: Place | None


def page(wanted: Filter, after: Place | None, by: Actor, *, size: int = PAGE) -> Page:
    """The newest events that fit, after a place. Raises NotAllowed."""
    by.must_have(Role.AUDITOR)
    return _page(_events(wanted, after, size + 1), size)


def history(account_id: str, after: Place | None, by: Actor, *, size: int = PAGE) -> Page:
    """The newest events of one account, for its helpers too; but not that they looked. Raises NotAllowed."""
    by.must_have(Role.SUPPORT, Role.AUDITOR)
    return _page(_events(Filter(account_id=account_id), after, size + 1, without=Event.LOOKED_AT), size)


def _page(events: list[AuditEvent], size: int) -> Page:
    """`events` may be one more than a page."""
    more = len(events) > size
    events = events[:size]
    return Page(events, Place(events[-1].at, events[-1].id) if more else None)


def _events(
    wanted: Filter, after: Place | None, limit: int, *, without: Event | None = None
) -> list[AuditEvent]:
    return list(db.session.scalars(_query(wanted, after, limit, without=without)))


def _query(
    wanted: Filter, after: Place | None, limit: int | None, *, without: Event | None = None
) -> sa.Select[AuditEvent]:
    query = sa.select(AuditEvent).order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(limit)
    if without is not None:
        query = query.where(AuditEvent.event != without.value)
    if wanted.since is not None:
        query = query.where(AuditEvent.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditEvent.at < wanted.until)
    for name in ("event", "outcome", "account_id", "client_id", "actor"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(getattr(AuditEvent, name) == value)
    if wanted.outcome not in (None, "success"):
        query = query.where(sa.text(audit.OTHERWISE))
    if after is not None:
        query = query.where(
            AuditEvent.at <= after.at,
            sa.or_(AuditEvent.at < after.at, AuditEvent.id < after.id),
        )
    return query


def number(wanted: Filter, by: Actor) -> int:
    """How many events fit. Raises NotAllowed."""
    by.must_have(Role.AUDITOR)
    everything = _query(wanted, None, None).order_by(None).with_only_columns(sa.func.count(AuditEvent.id))
    return db.session.scalars(everything).one()


def as_values(event: AuditEvent) -> dict[str, Any]:
    """An event as plain values."""
    values = {name: getattr(event, name) for name in COLUMNS}
    return values | {"at": event.at.isoformat()}


def as_csv(wanted: Filter, by: Actor) -> Iterator[str]:
    """All events that fit as the lines of a CSV file, newest first; that it was done is written down.

    Raises NotAllowed.
    """
    _written_out(by, "csv")
    return _csv(wanted)


def _csv(wanted: Filter) -> Iterator[str]:
    yield csv_line(COLUMNS)
    for event in _all(wanted):
        values = as_values(event)
        changes = json.dumps(event.changes, ensure_ascii=False) if event.changes else None
        yield csv_line((values | {"changes": changes}).values())


def as_json(wanted: Filter, by: Actor) -> Iterator[str]:
    """As `as_csv`, as a JSON array."""
    _written_out(by, "json")
    return _json(wanted)


def _json(wanted: Filter) -> Iterator[str]:
    separator = "[\n"
    for event in _all(wanted):
        yield separator + json.dumps(as_values(event), ensure_ascii=False)
        separator = ",\n"
    yield "\n]\n" if separator != "[\n" else "[]\n"


def _written_out(by: Actor, kind: str) -> None:
    by.must_have(Role.AUDITOR)
    with writing() as session:
        audit.record(
            session, Event.AUDIT_EXPORTED, at=clock.now(), actor=by.name, address=by.address, reason=kind
        )


def _all(wanted: Filter) -> Iterator[AuditEvent]:
    wanted = replace(
        wanted, until=min(wanted.until or clock.now(), clock.now())
    )  # what happens meanwhile is not in it
    after = None
    while True:
        events = _events(wanted, after, _BATCH)
        yield from events
        if len(events) < _BATCH:
            return
        after = Place(events[-1].at, events[-1].id)
        db.session.expunge_all()
