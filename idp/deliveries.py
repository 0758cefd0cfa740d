"""What must reach somebody elsewhere who may be down: committed with its cause, delivered later by a worker.

A row is leased, so that two workers never deliver it at once, tried again with growing pauses, and given up in the end.
Mail and logout notices are deliveries; here is what they have in common, and nothing of what they say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa
import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from idp.background import Background
from idp.crypto import Undecryptable
from idp.database import BigInt, DatabaseUnavailable, Instant, Model, Statement, instant, writing

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=5)  # a worker that dies in the middle leaves its rows to others after this
FIRST_RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(hours=1)
IDLE_SECONDS = 2.0
LATELY = timedelta(hours=24)  # so long what could not be delivered is told

Stopping = Callable[[], bool]


def never() -> bool:
    """The answer of who is not going to be stopped."""
    return False


class Delivery(Model):
    """The columns of every delivery."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(sa.String(200))
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    given_up_at: Mapped[datetime | None] = mapped_column(Instant)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[sa.Index, ...]:  # noqa: N805  SQLAlchemy's way
        waiting = sa.text("sent_at IS NULL")
        name = f"ix_{cls.__tablename__}_waiting"
        return (sa.Index(name, "due_at", sqlite_where=waiting, postgresql_where=waiting),)


class Leased(Protocol):
    """What must be known of a delivery to judge its failure."""

    @property
    def id(self) -> int: ...
    @property
    def attempts(self) -> int: ...
    @property
    def created_at(self) -> datetime: ...


@dataclass(frozen=True)
class Backlog:
    """How many deliveries wait, and when the oldest of them was written."""

    count: int
    oldest: datetime | None


D = TypeVar("D", bound=Delivery)


@dataclass(frozen=True)
class Queue(Generic[D]):
    """The deliveries of one table that are neither sent nor given up."""

    table: type[D]
    give_up_after: timedelta

    @cached_property
    def _any_due(self) -> Statement:
        return Statement(
            f"SELECT 1 FROM {self.table.__tablename__}"  # noqa: S608  our own table
            " WHERE sent_at IS NULL AND given_up_at IS NULL AND due_at <= :now LIMIT 1"
        )

    @cached_property
    def _waiting(self) -> Statement:
        return Statement(
            f"SELECT COUNT(*), MIN(created_at) FROM {self.table.__tablename__}"  # noqa: S608  our own table
            " WHERE sent_at IS NULL AND given_up_at IS NULL"
        )

    @cached_property
    def _undeliverable(self) -> Statement:
        return Statement(
            f"SELECT COUNT(*) FROM {self.table.__tablename__}"  # noqa: S608  our own table
            " WHERE sent_at IS NULL AND given_up_at > :since AND last_error IS NOT NULL"
        )

    def backlog(self) -> Backlog:
        row = self._waiting.one() or (0, None)
        return Backlog(int(row[0]), instant(row[1]))

    def undeliverable(self, now: datetime) -> int:
        """How many were given up LATELY; what was never to be delivered has no error and does not count."""
        row = self._undeliverable.one(since=now - LATELY) or (0,)
        return int(row[0])

    def lease(self, now: datetime, limit: int) -> Sequence[D]:
        """Take what is due, oldest first, so that no other worker takes it during LEASE."""
        if self._any_due.one(now=now) is None:  # without a write transaction every two seconds
            return []
        table = self.table
        due = (
            sa.select(table.id)
            .where(table.sent_at.is_(None), table.given_up_at.is_(None), table.due_at <= now)
            .order_by(table.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        take = (
            sa.update(table)
            .where(table.id.in_(due))
            .values(due_at=now + LEASE, attempts=table.attempts + 1)
            .returning(table)
        )
        with writing() as session:
            return sorted(session.scalars(take), key=lambda row: row.id)

    def release(self, delivery_ids: Sequence[int], now: datetime) -> None:
        """Give back what was leased and not tried, so that another worker takes it at once."""
        if delivery_ids:
            table = self.table
            given_back = sa.update(table).where(table.id.in_(delivery_ids), table.sent_at.is_(None))
            with writing() as session:
                session.execute(given_back.values(due_at=now, attempts=table.attempts - 1))

    def sent(self, delivery_id: int, now: datetime, **values: Any) -> None:
        """Note the delivery; `values` are other columns to change with it."""
        self._update(delivery_id, sent_at=now, last_error=None, **values)

    def failed(
        self, delivery: Leased, error: str, now: datetime, *, for_good: bool = False, **values: Any
    ) -> None:
        """Note the failure and when to try again; when it is `for_good`, or goes on too long, no more.

        `values` are other columns to change when it is given up.
        """
        if for_good or now - delivery.created_at > self.give_up_after:
            self._update(delivery.id, given_up_at=now, last_error=error[:200], **values)
            return
        wait = min(FIRST_RETRY * 2 ** min(delivery.attempts - 1, 16), LONGEST_RETRY)
        self._update(delivery.id, due_at=now + wait, last_error=error[:200])

    def _update(self, delivery_id: int, **values: Any) -> None:
        with writing() as session:
            session.execute(sa.update(self.table).where(self.table.id == delivery_id).values(**values))


class Worker(Background):
    """A thread that delivers until it is stopped. Every server process runs one of each kind; leases keep them apart.

    `deliver_due` delivers once, within the app's context, and returns how many deliveries were dealt with. Between two
    of them it asks the function that it is given whether to stop, and then releases what it has not tried.
    """

    def __init__(self, app: Flask, name: str, deliver_due: Callable[[Stopping], int]) -> None:
        super().__init__(name)
        self._app, self._name, self._deliver_due = app, name, deliver_due

    def _run(self) -> None:
        while not self._stop.is_set():
            delivered = 0
            try:
                with self._app.app_context():
                    delivered = self._deliver_due(self._stop.is_set)
            except (DatabaseUnavailable, SQLAlchemyError, Undecryptable) as error:
                log.warning("deliveries not read", kind=self._name, error=type(error).__name__)
            if not delivered:
                self._stop.wait(IDLE_SECONDS)
