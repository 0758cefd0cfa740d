"""Logout notices: which clients are to be told that a session has ended (OpenID Connect Back-Channel Logout 1.0).

Written where sessions end, delivered by idp/oidc/backchannel.py.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp.clients.models import ClientApp
from idp.deliveries import Queue
from idp.grants.models import Consent, Grant, LogoutNotice

GIVE_UP_AFTER = timedelta(days=1)

waiting = Queue(LogoutNotice, GIVE_UP_AFTER)


EVERY_SESSION = ""  # as the sid: the client is told of the person alone


def put(session: Session, sids: Collection[str], now: datetime) -> None:
    """Add a notice for each client that got a grant in one of these sessions and has registered where to be told.

    Part of the caller's transaction. Grants count that are used up or revoked too: the client may still have a session.
    """
    _add(session, _grants(Grant.sid.in_(sids)), now)


def put_of_account(session: Session, account_id: str, now: datetime) -> None:
    """Add a notice for each client that the person has used or allowed, whether or not a session of theirs is known.

    Part of the caller's transaction: the account is closing. The notice names the person alone, but to clients that
    require a `sid`: these get one for each session in which they got a grant, unless it waits already.
    """
    by_sid = ClientApp.registration["backchannel_logout_session_required"].as_boolean().is_(True)
    of_account = Grant.account_id == account_id
    waits = sa.exists().where(
        LogoutNotice.client_id == Grant.client_id,
        LogoutNotice.account_id == Grant.account_id,
        LogoutNotice.sid == Grant.sid,
        LogoutNotice.sent_at.is_(None),
        LogoutNotice.given_up_at.is_(None),
    )
    _add(session, _grants(of_account, by_sid, ~waits), now)
    used = sa.select(Grant.client_id).where(of_account)
    allowed = sa.select(Consent.client_id).where(Consent.account_id == account_id)
    clients = sa.select(
        ClientApp.client_id,
        sa.literal(account_id).label("account_id"),
        sa.literal(EVERY_SESSION).label("sid"),
    ).where(
        ClientApp.client_id.in_(used.union(allowed)),
        _is_told(),
        ~by_sid,
    )
    _add(session, clients, now)


def _is_told() -> sa.ColumnElement[bool]:
    uri = ClientApp.registration["backchannel_logout_uri"].as_string()
    return sa.and_(uri.is_not(None), ClientApp.enabled)


def _grants(*which: sa.ColumnElement[bool]) -> sa.Select[str, str, str]:
    return (
        sa.select(Grant.client_id, Grant.account_id, Grant.sid)
        .distinct()
        .join(ClientApp, ClientApp.client_id == Grant.client_id)
        .where(_is_told(), *which)
    )


def _add(session: Session, found: sa.Select[str, str, str], now: datetime) -> None:
    rows = found.subquery()
    times = (sa.literal(now, LogoutNotice.created_at.type), sa.literal(now, LogoutNotice.due_at.type))
    columns = ("client_id", "account_id", "sid", "created_at", "due_at", "attempts")
    values = sa.select(rows.c.client_id, rows.c.account_id, rows.c.sid, *times, sa.literal(0))
    session.execute(sa.insert(LogoutNotice).from_select(columns, values))
