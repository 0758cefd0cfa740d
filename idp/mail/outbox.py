"""The durable outbox: a message is committed with what causes it and delivered later by a worker."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from idp.crypto import Undecryptable, Vault, keyed_hash
from idp.database import db
from idp.deliveries import Backlog, Queue
from idp.mail.models import OutboxMessage
from idp.policy.usernames import comparison_key

log = structlog.get_logger(__name__)

GIVE_UP_AFTER = timedelta(days=3)
_QUEUE = Queue(OutboxMessage, GIVE_UP_AFTER)

_RECIPIENTS = "outbox recipients"
_REPLY = re.compile(r"\w+ (\d{3}\b.*)")  # of a mail server, behind the kind of the fault

_NO_MAILBOX = re.compile(r"5\d\d 5\.1\.\d+|55[013]")  # RFC 3463 3.2; without a status by the code alone

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
class Letter:
    """What has become of a message: taken by the mail server, given up, or neither yet."""

    kind: str
    written_at: datetime
    sent_at: datetime | None
    given_up_at: datetime | None
    reply: str | None
    """What the mail server said against it: a code of SMTP, perhaps with its status (RFC 3463)."""

    @property
    def state(self) -> Literal["waiting", "taken", "undeliverable"]:
        if self.given_up_at:
            return "undeliverable"
        return "taken" if self.sent_at else "waiting"

    @property
    def has_no_mailbox(self) -> bool:
        """Whether the mail server refused the address itself, not us or the message."""
        return self.state == "undeliverable" and bool(_NO_MAILBOX.fullmatch(self.reply or ""))


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
            recipient=keyed_hash(vault.derive(_RECIPIENTS), comparison_key(message.to)),
            created_at=now,
            due_at=now,
            attempts=0,
            given_up_at=now if discard else None,
        )
    )


def lease(vault: Vault, now: datetime, limit: int = 10) -> list[Waiting]:
    """Take due messages, so that no other worker takes them for a while. One that cannot be read is given up."""
    leased = []
    for row in _QUEUE.lease(now, limit):
        try:
            message = _open(vault, row.kind, row.sealed or "")
        except Undecryptable:
            log.error("mail given up", kind=row.kind, reason="its key is no longer in secrets.keys")
            _QUEUE.failed(row, "undecryptable", now, for_good=True, sealed=None)
        else:
            leased.append(Waiting(row.id, row.attempts, row.created_at, message))
    return leased


def backlog() -> Backlog:
    """The messages that wait to be delivered."""
    return _QUEUE.backlog()


def undeliverable(now: datetime) -> int:
    """How many messages were given up in the last 24 hours."""
    return _QUEUE.undeliverable(now)


def latest(vault: Vault, address: str) -> Letter | None:
    """The newest message to an address, of those that are still known (idp/housekeeping.py)."""
    newest = letters(vault, address, limit=1)
    return newest[0] if newest else None


def letters(vault: Vault, address: str, limit: int | None = None) -> list[Letter]:
    """The messages to an address that are still known, newest first."""
    was_for_nobody = sa.and_(OutboxMessage.given_up_at.is_not(None), OutboxMessage.last_error.is_(None))
    query = (
        sa.select(OutboxMessage)
        .where(_is_to(vault, address), sa.not_(was_for_nobody))
        .order_by(OutboxMessage.id.desc())
        .limit(limit)
    )
    return [_letter(row) for row in db.session.scalars(query)]


def forget(session: Session, vault: Vault, addresses: Iterable[str]) -> None:
    """Let nothing tell any more to whom the messages to addresses went, as part of the caller's transaction."""
    for address in addresses:
        session.execute(sa.update(OutboxMessage).where(_is_to(vault, address)).values(recipient=None))


def _is_to(vault: Vault, address: str) -> sa.ColumnElement[bool]:
    key = comparison_key(address)
    return OutboxMessage.recipient.in_([keyed_hash(each, key) for each in vault.derive_all(_RECIPIENTS)])


def _letter(row: OutboxMessage) -> Letter:
    reply = _REPLY.fullmatch(row.last_error or "")
    return Letter(row.kind, row.created_at, row.sent_at, row.given_up_at, reply[1] if reply else None)


def release(untried: Sequence[Waiting], now: datetime) -> None:
    """Give back what was leased and not tried."""
    _QUEUE.release([waiting.id for waiting in untried], now)


def sent(message_id: int, now: datetime, *, keep: bool = False) -> None:
    """Note the delivery and erase the content, unless `keep` (the demo's inbox)."""
    _QUEUE.sent(message_id, now, **({} if keep else {"sealed": None}))


def failed(waiting: Waiting, error: str, now: datetime, *, for_good: bool = False) -> None:
    """Note the failure and when to try again; after GIVE_UP_AFTER, or when it is `for_good`, no more."""
    _QUEUE.failed(waiting, error, now, for_good=for_good, sealed=None)


def recent(vault: Vault, limit: int = 100) -> list[tuple[int, datetime, Message]]:
    """The newest messages whose content is still there, for the demo's inbox."""
    rows = db.session.execute(
        sa.select(OutboxMessage)
        .where(OutboxMessage.sealed.is_not(None), OutboxMessage.given_up_at.is_(None))
        .order_by(OutboxMessage.id.desc())
        .limit(limit)
    ).scalars()
    return [(row.id, row.created_at, _open(vault, row.kind, row.sealed or "")) for row in rows]


def _open(vault: Vault, kind: str, sealed: str) -> Message:
    return Message(kind=kind, **json.loads(vault.decrypt(sealed)))
