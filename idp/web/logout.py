"""Ending the session of this browser, whichever face was asked to."""

from flask import Response

from idp import audit, clock
from idp.accounts.rules import rules
from idp.audit import Event
from idp.database import writing
from idp.grants import access
from idp.sessions import browser
from idp.web import cookies, visitors


def end_current_session(response: Response) -> None:
    """End it in the database, with the tokens it gave (but for offline access), and erase its cookie."""
    current = visitors.current_session()
    if current is not None:
        now = clock.now()
        with writing() as session:
            browser.end(session, current.id_hash, now)
            access.revoke_of_session(session, current.sid, now)
            audit.record(session, Event.LOGGED_OUT, at=now, account_id=current.account_id)
    cookies.erase(response, cookies.SESSION, rules().settings)
    visitors.forget_current_session()
