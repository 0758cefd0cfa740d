"""Events of the audit log as the pages show them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask_babel import gettext as _

from idp.accounts.models import Account
from idp.accounts.roles import OPERATOR, SCHEDULE
from idp.admin import words
from idp.audit import AuditEvent
from idp.clients import registry
from idp.database import db
from idp.texts import language


@dataclass(frozen=True)
class ChangeView:
    name: str
    before: str
    after: str


@dataclass(frozen=True)
class EventView:
    at: datetime
    text: str
    good: bool
    outcome: str
    reason: str | None  # of the program
    actor: str | None  # None: the account's owner, or nobody
    account_id: str | None
    account: str | None
    client: str | None
    address: str | None
    device: str | None
    changes: list[ChangeView]
    note: str | None  # the reason in the actor's own words


def views(events: Sequence[AuditEvent]) -> list[EventView]:
    """The events with names instead of identifiers, as far as these still have one."""
    names = _usernames({e.account_id for e in events} | {e.actor for e in events})
    names[OPERATOR.name] = _("the operator")
    names[SCHEDULE.name] = _("the server by itself")
    return [
        EventView(
            at=event.at,
            text=words.event_text(event.event),
            good=event.outcome == "success",
            outcome=words.outcome_text(event.outcome),
            reason=words.reason_text(event.reason) if event.reason else None,
            actor=names.get(event.actor, event.actor) if event.actor else None,
            account_id=event.account_id,
            account=names.get(event.account_id, event.account_id) if event.account_id else None,
            client=_client(event.client_id),
            address=event.address,
            device=event.device,
            changes=[
                ChangeView(
                    words.column_text(name), words.value_text(name, before), words.value_text(name, after)
                )
                for name, (before, after) in event.differences.items()
            ],
            note=event.note,
        )
        for event in events
    ]


def _usernames(identifiers: Iterable[str | None]) -> dict[str, str]:
    query = sa.select(Account.id, Account.username).where(
        Account.id.in_([identifier for identifier in identifiers if identifier])
    )
    return {row.id: row.username for row in db.session.execute(query)}


def _client(client_id: str | None) -> str | None:
    client = registry.find(client_id) if client_id else None
    return (client.text("client_name", language()) if client else None) or client_id
