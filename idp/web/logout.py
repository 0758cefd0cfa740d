"""Ending sessions, whichever face was asked to: in the database, with the tokens they gave."""

import sqlalchemy as sa
from flask import Response

from idp import audit, clock
from idp.accounts.rules import rules
from idp.audit import Event
from idp.database import writing
from idp.grants import access
from idp.sessions import browser
from idp.sessions.models import BrowserSession
from idp.web import cookies, visitors


def end_current_session(response: Response) -> None:
    """End this browser's session with its tokens (but for offline access), and erase its cookie."""
    current = visitors.current_session()
    if current is not None:
        now = clock.now()
        with writing() as session:
            browser.end(session, current.id_hash, now)
            access.revoke_of_session(session, current.sid, now)
            audit.record(session, Event.LOGGED_OUT, at=now, account_id=current.account_id)
    cookies.erase(response, cookies.SESSION, rules().settings)
    visitors.forget_current_session()


def end_sessions(account_id: str, *, only: str | None = None, but: str | None = None) -> int:
    """End an account's live sessions: the one of sid `only`, or all `but` one. Returns how many ended."""
    now = clock.now()
    live = sa.select(BrowserSession).where(
        BrowserSession.account_id == account_id, BrowserSession.ended_at.is_(None)
    )
    live = (
        live.where(BrowserSession.sid == only)
        if only is not None
        else live.where(BrowserSession.sid != (but or ""))
    )
    with writing() as session:
        found = session.scalars(live).all()
        for row in found:
            row.ended_at = now
            access.revoke_of_session(session, row.sid, now)
            audit.record(session, Event.SESSION_ENDED, at=now, account_id=account_id)
        return len(found)
