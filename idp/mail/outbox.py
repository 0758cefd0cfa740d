"""The durable outbox: a message is committed with what causes it and delivered later by a worker."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp.crypto import Vault
from idp.database import Statement, db, instant, writing
from idp.mail.models import OutboxMessage

LEASE = timedelta(minutes=5)  # a worker that dies in the middle leaves its messages to others after this
FIRST_RETRY = timedelta(seconds=15)
LONGEST_RETRY = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)

NOBODY = "nobody@invalid"  # to whom messages go that are composed only to take the same time


@dataclass(frozen=True)
class Message:
    """What a person gets. `kind` is the template's name."""

    kind: str
    to: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Waiting:
    """A message that this worker has leased for delivery."""

    id: int
    attempts: int
    created_at: datetime
    message: Message


def put(session: Session, vault: Vault, message: Message, now: datetime, *, discard: bool = False) -> None:
    """Add a message as part of the caller's transaction.

    `discard` does the same work for a message that nobody shall get, so that its absence cannot be measured.
    """
    content = {"to": message.to, "subject": message.subject, "text": message.text, "html": message.html}
    session.add(
        OutboxMessage(
            kind=message.kind,
            sealed=vault.encrypt(json.dumps(content)),
            created_at=now,
            due_at=now,
            attempts=0,
            given_up_at=now if discard else None,
        )
    )


_IS_DUE = Statement(
    "SELECT 1 FROM outbox WHERE sent_at IS NULL AND given_up_at IS NULL AND due_at <= :now LIMIT 1"
)


def lease(vault: Vault, now: datetime, limit: int = 10) -> list[Waiting]:
    """Take due messages, so that no other worker takes them during LEASE."""
    if _IS_DUE.one(now=now) is None:  # without a write transaction every two seconds
        return []
    table = OutboxMessage.__table__
    due = (
        sa.select(OutboxMessage.id)
        .where(
            OutboxMessage.sent_at.is_(None), OutboxMessage.given_up_at.is_(None), OutboxMessage.due_at <= now
        )
        .order_by(OutboxMessage.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    take = (
        sa.update(OutboxMessage)
        .where(OutboxMessage.id.in_(due))
        .values(due_at=now + LEASE, attempts=OutboxMessage.attempts + 1)
        .returning(table.c.id, table.c.kind, table.c.sealed, table.c.attempts, table.c.created_at)
    )
    with writing() as session:
        rows = session.execute(take).all()
    return [
        Waiting(row.id, row.attempts, instant(row.created_at), _open(vault, row.kind, row.sealed))
        for row in sorted(rows, key=lambda r: r.id)
    ]


def sent(message_id: int, now: datetime, *, keep: bool = False) -> None:
    """Note the delivery and erase the content, unless `keep` (the demo's inbox)."""
    values: dict[str, Any] = {"sent_at": now, "last_error": None}
    if not keep:
        values["sealed"] = None
    _update(message_id, **values)


def failed(waiting: Waiting, error: str, now: datetime, *, for_good: bool = False) -> None:
    """Note the failure and when to try again; after GIVE_UP_AFTER, or when it is `for_good`, no more."""
    if for_good or now - waiting.created_at > GIVE_UP_AFTER:
        _update(waiting.id, given_up_at=now, last_error=error[:200], sealed=None)
        return
    wait = min(FIRST_RETRY * 2 ** min(waiting.attempts - 1, 16), LONGEST_RETRY)
    _update(waiting.id, due_at=now + wait, last_error=error[:200])


def recent(vault: Vault, limit: int = 100) -> list[tuple[int, datetime, Message]]:
    """The newest messages whose content is still there, for the demo's inbox."""
    rows = db.session.execute(
        sa.select(OutboxMessage)
        .where(OutboxMessage.sealed.is_not(None), OutboxMessage.given_up_at.is_(None))
        .order_by(OutboxMessage.id.desc())
        .limit(limit)
    ).scalars()
    return [(row.id, row.created_at, _open(vault, row.kind, row.sealed or "")) for row in rows]


def _update(message_id: int, **values: Any) -> None:
    with writing() as session:
        session.execute(sa.update(OutboxMessage).where(OutboxMessage.id == message_id).values(**values))


def _open(vault: Vault, kind: str, sealed: str) -> Message:
    return Message(kind=kind, **json.loads(vault.decrypt(sealed)))
