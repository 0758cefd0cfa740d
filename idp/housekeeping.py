"""Deleting what is over, in batches, so that no table is locked for long. `idp purge` runs it."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from idp import audit, clock, keys, lasting, statistics, versions
from idp.accounts import deletion, inactivity, searching, waiting
from idp.accounts.models import LoginCounter, MailedLink, Registration
from idp.accounts.roles import SCHEDULE
from idp.accounts.rules import rules
from idp.audit import AuditEvent
from idp.clients import dynamic
from idp.clients.models import ClientApp, InitialAccessToken
from idp.database import writing
from idp.grants.models import (
    AuthorizationRequest,
    DeviceAuthorization,
    Grant,
    LogoutNotice,
    PushedRequest,
    RefreshToken,
    SpentId,
)
from idp.keys import Rotated
from idp.mail.models import OutboxMessage
from idp.sessions.models import BrowserSession, KnownDevice
from idp.upstream import keys as upstream_keys
from idp.upstream import persons
from idp.upstream.models import IdentificationTicket, PendingIdentification

BATCH = 1000
EXPLAINED_FOR = timedelta(days=30)  # so long a page can still say what became of a link
REQUEST_EXPLAINED_FOR = timedelta(days=1)
SENT_MAIL_KEPT_FOR = timedelta(days=30)
NOTICE_KEPT_FOR = timedelta(days=7)
DEVICE_KEPT_FOR = timedelta(days=395)
COUNTER_KEPT_FOR = timedelta(hours=24)

Progress = Callable[[int, int], None]
"""Is told how many kinds of work are done, and of how many."""


def purge(progress: Progress = lambda *_: None) -> dict[str, int]:
    """Warn and close unused accounts, delete everything that is over; returns how many rows of each table."""
    now = clock.now()
    first: list[Callable[[], object]] = [
        lambda: inactivity.warn_due(rules()),
        lambda: inactivity.close_due(rules()),
        deletion.erase_due,
        lambda: waiting.forget_removed(now - rules().lifetimes.unactivated_account),
        statistics.count,
        searching.fill_keys,
        persons.forget_codes,
    ]
    over = _over(now)
    total = len(first) + len(over) + 1
    for done, work in enumerate(first, 1):
        work()
        progress(done, total)
    deleted: Counter[str] = Counter()
    for done, (model, condition) in enumerate(over, len(first) + 1):
        deleted[model.__tablename__] += _delete(model, condition)
        progress(done, total)
    if days := rules().settings.clients.unused_registered_days:
        deleted[ClientApp.__tablename__] += dynamic.remove_unused(now - timedelta(days=days), batch=BATCH)
    progress(total, total)
    return dict(deleted)


def reseal() -> dict[str, int]:
    """After a change of `secrets.keys`: encrypt anew what stays for long. Returns how many values of each kind."""
    vault = rules().vault
    with writing() as session:
        clients = 0
        for app in session.scalars(sa.select(ClientApp).where(ClientApp.sealed_secret.is_not(None))):
            stale = [
                column
                for column in ("sealed_secret", "previous_sealed_secret")
                if (value := getattr(app, column)) and not vault.is_fresh(value)
            ]
            for column in stale:
                setattr(app, column, vault.encrypt(vault.decrypt(getattr(app, column))))
            clients += bool(stale)
        if clients:
            versions.bump(session, "clients")
    return {
        "signing_keys": keys.reseal(vault),
        "lasting_secrets": lasting.reseal(vault),
        "upstream_keys": upstream_keys.reseal(vault),
        "identity_codes": persons.reseal(vault),
        "clients": clients,
    }


def rotate_keys(after: timedelta) -> bool:
    """Change the signing keys when they have signed for `after`; whether it was due."""
    return keys.rotate_if_due(rules().vault, after, _note_rotation)


def rotate_upstream_keys(after: timedelta) -> bool:
    """Change our keys for the broker when they have been in use for `after`; whether it was due."""
    return upstream_keys.rotate_if_due(rules().vault, after, partial(_note_rotation, reason="broker"))


def _note_rotation(session: Session, kids: Rotated, reason: str | None = None) -> None:
    audit.record_rotation(session, kids, actor=SCHEDULE.name, reason=reason)


def _over(now: datetime) -> list[tuple[Any, sa.ColumnElement[bool]]]:
    lifetimes = rules().lifetimes
    tokens_out = now - lifetimes.access_token - timedelta(minutes=5)
    has_refresh_token = sa.exists().where(RefreshToken.grant_id == Grant.id)
    of_device = sa.exists().where(DeviceAuthorization.grant_id == Grant.id)  # may fetch its tokens later
    of_live_session = sa.exists().where(BrowserSession.sid == Grant.sid, BrowserSession.ended_at.is_(None))
    counter_idle = LoginCounter.updated_at < now - COUNTER_KEPT_FOR
    return [
        (Registration, Registration.created_at < now - lifetimes.unactivated_account),
        (MailedLink, MailedLink.expires_at < now - EXPLAINED_FOR),
        (AuthorizationRequest, AuthorizationRequest.expires_at < now - REQUEST_EXPLAINED_FOR),
        (PushedRequest, PushedRequest.expires_at < now - REQUEST_EXPLAINED_FOR),
        (DeviceAuthorization, DeviceAuthorization.expires_at < tokens_out),
        (InitialAccessToken, InitialAccessToken.expires_at < now),
        (BrowserSession, BrowserSession.expires_at < now),
        (KnownDevice, KnownDevice.last_login_at < now - DEVICE_KEPT_FOR),
        (
            LoginCounter,
            counter_idle & (LoginCounter.locked_until.is_(None) | (LoginCounter.locked_until <= now)),
        ),
        (RefreshToken, RefreshToken.expires_at < now),
        # A grant tells who hears of the end of its session, long after its tokens are out.
        (Grant, (Grant.created_at < tokens_out) & ~has_refresh_token & ~of_device & ~of_live_session),
        (PendingIdentification, PendingIdentification.expires_at < now - REQUEST_EXPLAINED_FOR),
        (IdentificationTicket, IdentificationTicket.expires_at < now),
        (AuditEvent, AuditEvent.at < now - lifetimes.audit_event),
        (SpentId, SpentId.expires_at < now),
        (OutboxMessage, OutboxMessage.sent_at < now - SENT_MAIL_KEPT_FOR),
        (OutboxMessage, OutboxMessage.given_up_at < now - SENT_MAIL_KEPT_FOR),
        (LogoutNotice, LogoutNotice.created_at < now - NOTICE_KEPT_FOR),
    ]


def _delete(model: Any, condition: sa.ColumnElement[bool]) -> int:
    key = sa.inspect(model).primary_key
    total = 0
    while True:
        with writing() as session:
            batch = sa.select(*key).where(condition).limit(BATCH)
            wanted = sa.tuple_(*key).in_(batch) if len(key) > 1 else key[0].in_(batch)
            deleted = cast("CursorResult[Any]", session.execute(sa.delete(model).where(wanted))).rowcount
        total += deleted
        if deleted < BATCH:
            return total
