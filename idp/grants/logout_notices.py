"""Logout notices: which clients are to be told that a session has ended (OpenID Connect Back-Channel Logout 1.0).

Written where sessions end, delivered by idp/oidc/backchannel.py.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp.clients.models import ClientApp
from idp.deliveries import Queue
from idp.grants.models import Grant, LogoutNotice

GIVE_UP_AFTER = timedelta(days=1)

waiting = Queue(LogoutNotice, GIVE_UP_AFTER)


def put(session: Session, sids: Collection[str], now: datetime) -> None:
    """Add a notice for each client that got a grant in one of these sessions and has registered where to be told.

    Part of the caller's transaction. Grants count that are used up or revoked too: the client may still have a session.
    """
    told = ClientApp.registration["backchannel_logout_uri"].as_string().is_not(None) & ClientApp.enabled
    grants = (
        sa.select(Grant.client_id, Grant.account_id, Grant.sid)
        .distinct()
        .join(ClientApp, ClientApp.client_id == Grant.client_id)
        .where(Grant.sid.in_(sids), told)
        .subquery()
    )
    times = (sa.literal(now, LogoutNotice.created_at.type), sa.literal(now, LogoutNotice.due_at.type))
    columns = ("client_id", "account_id", "sid", "created_at", "due_at", "attempts")
    rows = sa.select(grants.c.client_id, grants.c.account_id, grants.c.sid, *times, sa.literal(0))
    session.execute(sa.insert(LogoutNotice).from_select(columns, rows))
