"""Deleting an account: ordered by its owner, cancellable for two weeks, then erased by the purge."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import links, roles
from idp.accounts.links import LinkNotLive, LinkState, Purpose
from idp.accounts.models import ACTIVE, CLOSING, Account, AddressChange, ClosedBy, MailedLink, Registration
from idp.accounts.rules import Rules, rules
from idp.audit import Event
from idp.database import db, writing
from idp.grants import access, logout_notices
from idp.mail import outbox
from idp.mail.messages import compose
from idp.sessions import browser

BY_ITSELF = {ClosedBy.HOLDER.value, ClosedBy.NON_USE.value}


def order(account: Account, rules: Rules) -> datetime:
    """Close the account and mail the link that cancels it. Returns when it will be erased.

    The identity is confirmed before. Sessions and tokens end at once. Raises LastAdmin.
    """
    with writing() as session:
        roles.keep_an_admin(session, without=account.id)
        stored = session.get_one(Account, account.id, with_for_update=True)
        return order_within(session, stored, rules)


def order_within(session: Session, account: Account, rules: Rules, *, unused: bool = False) -> datetime:
    """As `order`, as part of the caller's transaction, which holds the row's lock. `unused`: nobody has ordered it."""
    until = close(session, account, rules, ClosedBy.NON_USE if unused else ClosedBy.HOLDER)
    tell_how_to_cancel(session, account, rules, unused=unused)
    audit.record(session, Event.DELETION_ORDERED, at=clock.now(), account_id=account.id)
    return until


def tell_how_to_cancel(
    session: Session, account: Account, rules: Rules, *, unused: bool = False, by_support: bool = False
) -> None:
    """Mail the link that keeps a closed account, as part of the caller's transaction."""
    now = clock.now()
    until = account.erase_at or now
    link = cancel_link(session, account, rules)
    if account.email:
        message = compose(
            "deletion_ordered",
            account.email,
            account.language,
            name=account.given_name,
            until=until,
            link=link,
            days=rules.lifetimes.cancel_deletion.days,
            unused=unused,
            by_support=by_support,
        )
        outbox.put(session, rules.vault, message, now)


def may_be_kept(account: Account) -> bool:
    """Whether the account is closing, and a mailed link may keep it."""
    return account.status == CLOSING and account.closed_by in {*BY_ITSELF, ClosedBy.SUPPORT.value}


def is_closed_in_itself(account: Account) -> bool:
    """Whether the account is closing without anybody outside of it having ordered that."""
    return account.status == CLOSING and account.closed_by in BY_ITSELF


def cancel_link(session: Session, account: Account, rules: Rules) -> str:
    """The address of a new link that keeps a closed account."""
    token = links.make(
        session,
        Purpose.CANCEL_DELETION,
        clock.now(),
        account.erase_at or clock.now(),
        account_id=account.id,
        mailbox=account.email_key,
    )
    return f"{rules.settings.issuer}/cancel-deletion?token={token}"


def close(session: Session, account: Account, rules: Rules, by: ClosedBy) -> datetime:
    """Let nobody in any more and set when the account will be erased, as part of the caller's transaction.

    Every client that the person has used is told at once: at the erasure nothing is left by which to know them.
    """
    now = clock.now()
    account.status, account.closed_by, account.updated_at = CLOSING, by.value, now
    account.erase_at = until = now + rules.lifetimes.cancel_deletion
    browser.end(session, account.id, now)
    logout_notices.put_of_account(session, account.id, now)
    access.revoke_of_account(session, account.id, now)
    links.withdraw(session, now, account_id=account.id)
    return until


def look(token: str) -> Account:
    """The account that a live cancelling link belongs to. Raises LinkNotLive."""
    link = links.look(token, Purpose.CANCEL_DELETION, clock.now())
    if link.state is not LinkState.LIVE:
        raise LinkNotLive(link.state)
    account = db.session.get(Account, link.account_id) if link.account_id else None
    if account is None or account.status != CLOSING:
        raise LinkNotLive(LinkState.WITHDRAWN)
    return account


def cancel(token: str) -> None:
    """Keep the account after all. Raises LinkNotLive."""
    account_id = look(token).id
    now = clock.now()
    with writing() as session:
        if not links.use(session, token, Purpose.CANCEL_DELETION, now):
            raise LinkNotLive(LinkState.USED)
        account = session.get_one(Account, account_id, with_for_update=True)
        reopen(session, account)
        audit.record(session, Event.DELETION_CANCELLED, at=now, account_id=account_id)


def reopen(session: Session, account: Account) -> None:
    """Keep a closed account, as part of the caller's transaction. Links that would do so later die."""
    now = clock.now()
    account.status, account.erase_at, account.closed_by, account.updated_at = ACTIVE, None, None, now
    links.withdraw(session, now, Purpose.CANCEL_DELETION, account_id=account.id)


def erase_due(limit: int = 100) -> int:
    """Erase closed accounts whose time has come, with all that belongs to them. Returns how many.

    What stays is the audit log, which knows accounts by a random identifier alone.
    """
    now = clock.now()
    with writing() as session:
        query = sa.select(Account).where(Account.status == CLOSING, Account.erase_at <= now).limit(limit)
        due = session.scalars(query.with_for_update(skip_locked=True)).all()
        for account in due:
            erase(session, account)
        return len(due)


def _addresses(session: Session, account: Account) -> set[str]:
    """The account's address, and those that it had or was to have."""
    changes = sa.select(AddressChange.old_email, AddressChange.new_email)
    found = session.execute(changes.where(AddressChange.account_id == account.id))
    return {address for pair in found for address in pair} | ({account.email} if account.email else set())


def erase(session: Session, account: Account) -> None:
    """Delete the account's rows, as part of the caller's transaction; the database cascades to the rest."""
    outbox.forget(session, rules().vault, _addresses(session, account))
    session.execute(sa.delete(MailedLink).where(MailedLink.account_id == account.id))
    session.execute(sa.delete(Registration).where(Registration.username_key == account.username_key))
    session.execute(sa.delete(Account).where(Account.id == account.id))
    audit.forget_person(session, account.id)
    audit.record(session, Event.ERASED, at=clock.now(), account_id=account.id)
