"""The live sessions of an account, as its owner sees them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from idp.database import db
from idp.policy.lifetimes import Lifetimes, is_live
from idp.sessions.browser import CurrentSession
from idp.sessions.devices import device_name
from idp.sessions.models import BrowserSession


@dataclass(frozen=True)
class ListedSession:
    id: str  # the sid
    device: str
    address: str | None
    began: datetime
    last_seen: datetime
    current: bool
    remembered: bool


def live(
    account_id: str, current: CurrentSession | None, lifetimes: Lifetimes, now: datetime
) -> list[ListedSession]:
    """Sessions and remembered logins that still work; this browser's own (`current`) first, then by last use."""
    query = sa.select(BrowserSession).where(
        BrowserSession.account_id == account_id,
        BrowserSession.ended_at.is_(None),
        BrowserSession.expires_at > now,
    )
    found = [
        ListedSession(
            id=row.sid,
            device=device_name(row.user_agent),
            address=row.address,
            began=row.auth_time,
            last_seen=row.last_seen_at,
            current=current is not None and row.id_hash == current.id_hash,
            remembered=row.remembered,
        )
        for row in db.session.scalars(query)
        if is_live(lifetimes.session_end(row.auth_time, row.last_seen_at, remembered=row.remembered), now)
    ]
    return sorted(found, key=lambda session: (not session.current, -session.last_seen.timestamp()))
