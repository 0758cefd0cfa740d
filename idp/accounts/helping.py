"""What all that helpers do has in common: whom they may change, under which lock, and that it is written down."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import roles
from idp.accounts.models import Account
from idp.accounts.roles import OPERATOR, Actor, NoSuchAccount
from idp.audit import AuditEvent, Event
from idp.database import db
from idp.policy.searching import is_identifier

ONE_LOOK = timedelta(minutes=1)  # in it, an actor who stays at one person's page has looked once


class NotNow(Exception):
    """The account is in a state in which that cannot be done: somebody else was there a moment ago."""


class OwnAccount(Exception):
    """Whoever acts would shut themselves out."""


class NoAddress(Exception):
    """There is no mail address to which a link could go."""


def find(account_id: str) -> Account:
    """The account, read anew. Raises NoSuchAccount."""
    found = db.session.get(Account, account_id, populate_existing=True) if is_identifier(account_id) else None
    if found is None:
        raise NoSuchAccount
    return found


def was_just_at(by: Actor, *, account_id: str | None = None, registration_id: str | None = None) -> bool:
    """Whether the newest thing that the actor did concerns the same: each act leads back to its account's page.

    Never of the operator, who may be several people and is led nowhere.
    """
    if by == OPERATOR:
        return False
    query = (
        sa.select(AuditEvent.account_id, AuditEvent.changes)
        .where(AuditEvent.actor == by.name, AuditEvent.at > clock.now() - ONE_LOOK)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(1)
    )
    newest = db.session.execute(query).first()
    if newest is None:
        return False
    if account_id is not None:
        return bool(newest.account_id == account_id)
    return registration_id in (newest.changes or {}).get("registration", ())


def account_under_lock(session: Session, account_id: str, by: Actor, *statuses: str) -> Account:
    """The account, if `by` may change it and it is in one of `statuses`, where any are named.

    Raises NoSuchAccount, NotAllowed and NotNow.
    """
    roles.must_may_change(session, account_id, by)
    account = session.get(Account, account_id, with_for_update=True)
    if account is None:
        raise NoSuchAccount
    if statuses and account.status not in statuses:
        raise NotNow
    return account


def record(
    session: Session,
    event: Event,
    account_id: str | None,
    by: Actor,
    *,
    reason: str | None = None,
    changes: Mapping[str, Any] | None = None,
    note: str | None = None,
    client_id: str | None = None,
) -> None:
    """Write down what `by` has done, as part of the caller's transaction."""
    audit.record(
        session,
        event,
        at=clock.now(),
        actor=by.name,
        address=by.address,
        account_id=account_id,
        client_id=client_id,
        reason=reason,
        changes=changes,
        note=note,
    )
