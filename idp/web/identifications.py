"""An identification that waits in this browser to become an account: whoever sits there next must not have it."""

from flask import session

from idp.crypto import hash_token
from idp.database import writing
from idp.upstream import tickets
from idp.upstream.purposes import Purpose
from idp.upstream.tickets import Identified
from idp.web import visitors

TICKET = "identified"  # in the browser's signed cookie: a random value that is good for one registration

IN_DOUBT = "identified_in_doubt"  # the same of a login, until the person says that the account is theirs


def browser_key() -> str:
    """What an identification is bound to: this browser."""
    return hash_token(visitors.ensure_browser_id())


def found() -> Identified | None:
    """Who has identified themselves in this browser for a registration, not long ago."""
    identified = tickets.find(session.get(TICKET), browser=browser_key())
    return identified if identified is not None and identified.purpose is Purpose.REGISTRATION else None


def forget() -> None:
    """Somebody logs in or out, or says that it was not them: an identification of before is nobody's any more."""
    kept = [session.pop(name, None) for name in (TICKET, IN_DOUBT)]
    if not any(kept):
        return
    with writing() as transaction:
        tickets.withdraw(transaction, browser=browser_key())
