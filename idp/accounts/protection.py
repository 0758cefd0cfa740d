"""Taking an account back: "this wasn't me" ends everything and begins a reset in the hands of the address's owner."""

from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import links
from idp.accounts.hashing import unmatchable_hash
from idp.accounts.links import LinkNotLive, LinkState, Purpose
from idp.accounts.models import ACTIVE, Account
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.database import db, writing
from idp.grants import access
from idp.sessions import browser


def end_everything(session: Session, account: Account) -> None:
    """End all sessions, remembered logins, known devices, tokens and ordinary links; no password fits any more."""
    now = clock.now()
    account.password_hash = unmatchable_hash()
    browser.end(session, account.id, now)
    browser.forget_devices(session, account.id)
    access.revoke_of_account(session, account.id, now)
    links.withdraw(session, now, account_id=account.id)


def reset_link(session: Session, account: Account, rules: Rules) -> str:
    """The path of a page where a new password is chosen, for the browser that has just proven to own the mailbox."""
    now = clock.now()
    token = links.make(session, Purpose.RESET, now, now + rules.lifetimes.reset_link, account_id=account.id)
    return f"/reset?token={token}"


def disown_link(session: Session, account: Account, rules: Rules) -> tuple[str, int]:
    """The address of a new link "this wasn't me" and the days it works."""
    now = clock.now()
    lifetime = rules.lifetimes.undo_change
    token = links.make(session, Purpose.DISOWN, now, now + lifetime, account_id=account.id)
    return f"{rules.settings.issuer}/not-me?token={token}", lifetime.days


def look(token: str) -> Account:
    """The account of a live "this wasn't me" link. Raises LinkNotLive."""
    link = links.look(token, Purpose.DISOWN, clock.now())
    if link.state is not LinkState.LIVE:
        raise LinkNotLive(link.state)
    account = db.session.get(Account, link.account_id) if link.account_id else None
    if account is None or account.status != ACTIVE:
        raise LinkNotLive(LinkState.WITHDRAWN)
    return account


def disown(token: str, rules: Rules) -> str:
    """ "This wasn't me": end everything and begin a reset. Returns the path of the reset page. Raises LinkNotLive."""
    account_id = look(token).id
    now = clock.now()
    with writing() as session:
        if not links.use(session, token, Purpose.DISOWN, now):
            raise LinkNotLive(LinkState.USED)
        account = session.get_one(Account, account_id, with_for_update=True)
        end_everything(session, account)
        audit.record(session, Event.DISOWNED, at=now, account_id=account_id)
        return reset_link(session, account, rules)
