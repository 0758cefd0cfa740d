"""Ending sessions, whichever face was asked to."""

from flask import Response

from idp import audit, clock
from idp.accounts.rules import rules
from idp.audit import Event
from idp.database import writing
from idp.sessions import browser
from idp.web import cookies, visitors


def end_current_session(response: Response) -> None:
    """End this browser's session and erase its cookie."""
    current = visitors.current_session()
    if current is not None:
        now = clock.now()
        with writing() as session:
            browser.end(session, current.account_id, now, only=current.sid)
            audit.record(session, Event.LOGGED_OUT, at=now, account_id=current.account_id)
    cookies.erase(response, cookies.SESSION, rules().settings)
    visitors.forget_current_session()


def end_sessions(account_id: str, *, only: str | None = None, but: str | None = None) -> int:
    """End an account's live sessions: the one of sid `only`, or all `but` one. Returns how many ended."""
    now = clock.now()
    with writing() as session:
        ended = browser.end(session, account_id, now, only=only, but=but)
        for _sid in ended:
            audit.record(session, Event.SESSION_ENDED, at=now, account_id=account_id)
    return len(ended)
