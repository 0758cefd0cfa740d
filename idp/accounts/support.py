"""What helpers do for other people's accounts. Nobody here chooses or sees a password.

Each use case takes who acts (`by`), judges whether they may, and writes what they did into the audit log in the same
transaction. Pages, the REST API and the command call the same functions. Finding people is searching.py's, how it
stands with an account standing.py's, roles are roles.py's; accounts made for others are invitations.py's, registrations
that were never activated waiting.py's, many accounts at once exchange.py's.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import (
    address_change,
    assurance,
    counters,
    deletion,
    helping,
    links,
    protection,
    roles,
    standing,
)
from idp.accounts.details import Details
from idp.accounts.helping import NoAddress, NotNow, OwnAccount
from idp.accounts.models import ACTIVE, CLOSING, DISABLED, Account, ClosedBy, LoginCounter
from idp.accounts.roles import Actor, Role
from idp.accounts.rules import Rules
from idp.audit import AuditEvent, Event
from idp.database import db, writing
from idp.grants import access
from idp.mail import outbox
from idp.mail.messages import compose
from idp.policy.usernames import EmailAddress
from idp.sessions import browser
from idp.upstream import person_keys, persons

HISTORY_ROWS = 20


# -- looking


def look(account_id: str, by: Actor) -> Account:
    """The account, for somebody who helps; that they looked is written down. Raises NoSuchAccount and NotAllowed."""
    by.must_have(Role.SUPPORT, Role.AUDITOR)
    account = helping.find(account_id)
    if not helping.was_just_at(by, account_id=account.id):
        with writing() as session:
            helping.record(session, Event.LOOKED_AT, account.id, by)
    return account


def history(account_id: str) -> list[AuditEvent]:
    """The newest events of an account, what its helpers did included; but not that they looked."""
    query = (
        sa.select(AuditEvent)
        .where(AuditEvent.account_id == account_id, AuditEvent.event != Event.LOOKED_AT.value)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(HISTORY_ROWS)
    )
    return list(db.session.scalars(query))


# -- logging in


def unlock(account_id: str, by: Actor, rules: Rules) -> None:
    """Forget the wrong passwords of an account, also those typed on its known devices, and lift its locks.

    Raises NoSuchAccount and NotAllowed.
    """
    keys = [
        *standing.counter_keys([account_id], rules),
        counters.key_of_confirmation(rules.vault, account_id),
    ]
    with writing() as session:
        account = helping.account_under_lock(session, account_id, by)
        forgotten = sa.delete(LoginCounter).where(LoginCounter.key.in_(keys))
        locks = session.scalars(forgotten.returning(LoginCounter.locked_until)).all()
        last = max((until for until in locks if until and until > clock.now()), default=None)
        changes = audit.difference({"locked_until": last.isoformat()} if last else {}, {})
        helping.record(session, Event.UNLOCKED, account.id, by, changes=changes)


def log_out_everywhere(account_id: str, by: Actor) -> int:
    """End all sessions, remembered logins and tokens. Returns how many sessions.

    Raises NoSuchAccount and NotAllowed.
    """
    now = clock.now()
    with writing() as session:
        account = helping.account_under_lock(session, account_id, by)
        ended = browser.end(session, account.id, now)
        access.revoke_of_account(session, account.id, now)
        changes = audit.difference({"sessions": len(ended)}, {"sessions": 0})
        helping.record(session, Event.LOGGED_OUT_BY_ADMIN, account.id, by, changes=changes)
    return len(ended)


def start_reset(account_id: str, by: Actor, rules: Rules, *, secure: bool = False) -> str:
    """Mail the owner a link with which they choose a new password. Returns the address that it goes to.

    `secure`: somebody else may know the password. Then no password fits any more, and everything ends at once.
    Raises NoSuchAccount, NotAllowed, NotNow and NoAddress.
    """
    with writing() as session:
        account = helping.account_under_lock(session, account_id, by, ACTIVE)
        if not account.email:
            raise NoAddress
        if secure:
            account.secured_at = clock.now()
            protection.end_everything(session, account)
        path = protection.reset_link(session, account, rules)
        message = compose(
            "reset",
            account.email,
            account.language,
            name=account.given_name,
            username=account.username,
            link=f"{rules.settings.issuer}{path}",
            minutes=rules.settings.links.reset_minutes,
            by_support=True,
            secured=secure,
        )
        outbox.put(session, rules.vault, message, clock.now())
        helping.record(session, Event.RESET_STARTED, account.id, by, reason="secured" if secure else None)
        return account.email


# -- the account itself


def disable(account_id: str, by: Actor, note: str) -> None:
    """Let nobody log in, and end everything that is logged in. `note` is the reason.

    Raises NoSuchAccount, NotAllowed, NotNow, OwnAccount and LastAdmin.
    """
    now = clock.now()
    with writing() as session:
        roles.must_may_change(session, account_id, by)
        _not_themselves(account_id, by)
        _keep_an_admin(session, account_id, by)
        account = helping.account_under_lock(session, account_id, by, ACTIVE)
        account.status, account.updated_at = DISABLED, now
        browser.end(session, account.id, now)
        access.revoke_of_account(session, account.id, now)
        links.withdraw(session, now, account_id=account.id)
        _audit_status(session, Event.DISABLED, account, ACTIVE, by, note)


def enable(account_id: str, by: Actor, note: str) -> None:
    """Let the owner of a disabled account log in again. Raises NoSuchAccount, NotAllowed and NotNow."""
    with writing() as session:
        account = helping.account_under_lock(session, account_id, by, DISABLED)
        account.status, account.updated_at = ACTIVE, clock.now()
        _audit_status(session, Event.ENABLED, account, DISABLED, by, note)


def delete(account_id: str, by: Actor, note: str, rules: Rules) -> datetime:
    """Close the account. It is erased after the usual time, in which its owner can keep it by a mailed link.

    A disabled account's owner gets no such link: it would open the account again. Returns when it will be erased.
    Raises NoSuchAccount, NotAllowed, NotNow, OwnAccount and LastAdmin.
    """
    with writing() as session:
        roles.must_may_change(session, account_id, by)
        _not_themselves(account_id, by)
        _keep_an_admin(session, account_id, by)
        account = helping.account_under_lock(session, account_id, by, ACTIVE, DISABLED)
        before = account.status
        closed_by = ClosedBy.SUPPORT if before == ACTIVE else ClosedBy.DISABLED
        until = deletion.close(session, account, rules, closed_by)
        if before == ACTIVE:
            deletion.tell_how_to_cancel(session, account, rules, by_support=True)
        _audit_status(session, Event.DELETION_ORDERED, account, before, by, note)
    return until


def keep(account_id: str, by: Actor, note: str) -> None:
    """Cancel a deletion, whoever ordered it. Raises NoSuchAccount, NotAllowed and NotNow."""
    with writing() as session:
        account = helping.account_under_lock(session, account_id, by, CLOSING)
        deletion.reopen(session, account)
        _audit_status(session, Event.DELETION_CANCELLED, account, CLOSING, by, note)


# -- details


def edit(account_id: str, details: Details, by: Actor, note: str) -> None:
    """Correct names and contact details; `note` is the reason. Raises NoSuchAccount and NotAllowed."""
    with writing() as session:
        account = helping.account_under_lock(session, account_id, by)
        before = {name: getattr(account, name) for name in vars(details)}
        changes = audit.difference(before, vars(details))
        if not changes:
            return
        for name, (_, value) in changes.items():
            setattr(account, name, value)
        account.updated_at = clock.now()
        helping.record(session, Event.DETAILS_CHANGED, account.id, by, changes=changes, note=note)


def change_address(account_id: str, new: EmailAddress, by: Actor, note: str, rules: Rules) -> None:
    """Mail a link to a new address, which takes effect when it is used. The old one is told then, and can undo it.

    After a reset with `secure` it cannot, for the account may be in the wrong hands: it is shut until the new address
    is confirmed, or the time for that is over, and then nothing counts that was mailed elsewhere.

    Raises NoSuchAccount, NotAllowed and NotNow.
    """
    with writing() as session:
        account = helping.account_under_lock(session, account_id, by, ACTIVE)
        rescues = protection.is_secured(account)
        if rescues:
            protection.end_everything(session, account)
        address_change.put(session, account, new, rules, rescues=rescues)
        changes = audit.difference({"email": account.email}, {"email": new.address})
        helping.record(session, Event.ADDRESS_CHANGE_ASKED, account.id, by, changes=changes, note=note)


def release_identity(account_id: str, by: Actor, note: str) -> None:
    """Undo that an account is a certain person's: it was bound to somebody else's identity. `note` is the reason.

    Logins of the strong level end, and the next identification binds the account anew; its names stay until then.
    Raises NoSuchAccount, NotAllowed, and NotNow where nobody was identified.
    """
    now = clock.now()
    with writing() as session:
        person_keys.lock(session)  # before the account's row, as whoever binds a person does
        account = helping.account_under_lock(session, account_id, by)
        if not persons.release(session, account.id):
            raise NotNow
        browser.end_strong(session, account.id, now)
        assurance.tell_released(session, account)
        helping.record(session, Event.IDENTITY_RELEASED, account.id, by, note=note)


# -- what they share


def _not_themselves(account_id: str, by: Actor) -> None:
    if account_id == by.name:
        raise OwnAccount


def _keep_an_admin(session: Session, account_id: str, by: Actor) -> None:
    """Raises LastAdmin. Whoever is no admin has been refused every admin's account already, and holds this one's row:
    they do not wait for those of the admins too, where two could wait for each other."""
    if by.has(Role.ADMIN):
        roles.keep_an_admin(session, without=account_id)


def _audit_status(
    session: Session, event: Event, account: Account, before: str, by: Actor, note: str
) -> None:
    changes = audit.difference({"status": before}, {"status": account.status})
    helping.record(session, event, account.id, by, changes=changes, note=note)
