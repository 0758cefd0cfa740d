"""How often things happen: events of the audit log, counted per hour.

Hours that are over are counted once, from the log, and kept: so a page with a month's numbers costs the same whatever
happened in it, and the numbers outlive the log. The hour that is running is counted when it is asked for.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from idp import clock
from idp.audit import AuditEvent
from idp.database import Instant, Model, db, insert_if_absent, writing

HOUR = timedelta(hours=1)
KEPT_FOR = timedelta(days=400)
LOOKS_BACK = timedelta(days=35)  # at the first count of an installation that has a log already
_SETTLED = timedelta(minutes=5)  # a transaction may end a little after the moment that it writes
_COUNTED = ""  # the event of a row that says: this hour has been counted


class HourlyCount(Model):
    __tablename__ = "hourly_counts"

    hour: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    event: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    outcome: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    number: Mapped[int]


Key = tuple[datetime, str, str]  # hour, event, outcome


def count() -> None:
    """Count the hours that are over and have not been counted. Any worker may, at any time."""
    until = _hour(clock.now() - _SETTLED)
    with db.engine.connect() as connection:
        last = connection.scalar(sa.select(sa.func.max(HourlyCount.hour)))
        start = last + HOUR if last is not None else None
        if start is None:
            first = connection.scalar(sa.select(sa.func.min(AuditEvent.at)))
            start = max(_hour(first or until), until - LOOKS_BACK)
    if start >= until:
        return
    with writing() as session:
        found = _of_log(session, start, until)
        for (hour, event, outcome), number in found.items():
            _put(session, hour, event, outcome, number)
        _put(session, until - HOUR, _COUNTED, "", 0)
        session.execute(sa.delete(HourlyCount).where(HourlyCount.hour < until - KEPT_FOR))


def _put(session: Session, hour: datetime, event: str, outcome: str, number: int) -> None:
    insert_if_absent(session, HourlyCount, hour=hour, event=event, outcome=outcome, number=number)


def since(start: datetime) -> Mapping[Key, int]:
    """How often each event happened, with each outcome, in each hour from that of `start` until now."""
    start = _hour(start)
    columns = (HourlyCount.hour, HourlyCount.event, HourlyCount.outcome, HourlyCount.number)
    query = sa.select(*columns).where(HourlyCount.hour >= start, HourlyCount.event != _COUNTED)
    found = Counter(
        {(hour, event, outcome): number for hour, event, outcome, number in db.session.execute(query)}
    )
    counted = db.session.scalar(sa.select(sa.func.max(HourlyCount.hour)))
    running = max(start, counted + HOUR) if counted is not None else start
    with db.engine.connect() as connection:
        found.update(_of_log(connection, running, clock.now() + HOUR))
    return found


def _of_log(connection: sa.Connection | Session, start: datetime, end: datetime) -> Counter[Key]:
    sqlite = db.engine.dialect.name == "sqlite"
    # As text, so that both engines say the same: the first 13 characters of ISO 8601 name the hour.
    hour = (
        sa.func.substr(sa.type_coerce(AuditEvent.at, sa.String), 1, 13)
        if sqlite
        else sa.func.to_char(sa.func.timezone("UTC", AuditEvent.at), 'YYYY-MM-DD"T"HH24')
    ).label("hour")
    query = (
        sa.select(hour, AuditEvent.event, AuditEvent.outcome, sa.func.count())
        .where(AuditEvent.at >= start, AuditEvent.at < end)
        .group_by(hour, AuditEvent.event, AuditEvent.outcome)
    )
    rows = connection.execute(query)
    return Counter(
        {(datetime.fromisoformat(f"{at}:00+00:00"), event, outcome): n for at, event, outcome, n in rows}
    )


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
