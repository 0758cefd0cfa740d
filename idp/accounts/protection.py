"""Taking an account back: everything ends, and a reset begins in the hands of the address's owner.

Who may: the mailbox that has the account now, and each that it has been taken from while that can still be undone. What
went to any other mailbox, a thief's who has lost the account again, is worth nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, scoped_session

from idp import audit, clock
from idp.accounts import deletion, links
from idp.accounts.hashing import unmatchable_hash
from idp.accounts.links import Link, LinkNotLive, LinkState, Purpose
from idp.accounts.models import ACTIVE, CLOSING, Account, AddressChange, MailedLink
from idp.accounts.registration import find_account
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.database import db, writing
from idp.grants import access
from idp.policy.usernames import UsernameKind, comparison_key
from idp.sessions import browser

Reading = Session | scoped_session[Any]


SECURED_FOR = timedelta(days=30)
"""So long after support has secured an account, its changes of the address take the account from the old one."""


def is_secured(account: Account) -> bool:
    """Whether support has shut everybody out of the account of late."""
    return account.secured_at is not None and clock.now() - account.secured_at < SECURED_FOR


def is_being_rescued(session: Reading, account_id: str) -> bool:
    """Whether the account waits for an address that support takes it to: nobody else can begin a reset meanwhile."""
    query = (
        sa.select(AddressChange.id)
        .join(MailedLink, MailedLink.change_id == AddressChange.id)
        .where(
            AddressChange.account_id == account_id,
            AddressChange.rescues,
            AddressChange.closed_at.is_(None),
            MailedLink.purpose == Purpose.ADDRESS.value,
            MailedLink.used_at.is_(None),
            MailedLink.withdrawn_at.is_(None),
            MailedLink.expires_at > clock.now(),
        )
    )
    return session.scalars(query.limit(1)).first() is not None


def end_everything(session: Session, account: Account) -> None:
    """End all sessions, remembered logins, known devices, tokens and ordinary links; no password fits any more."""
    now = clock.now()
    account.password_hash = unmatchable_hash()
    browser.end(session, account.id, now)
    browser.forget_devices(session, account.id)
    access.revoke_of_account(session, account.id, now)
    links.withdraw(session, now, account_id=account.id)
    close_changes(session, account.id, now, AddressChange.confirmed_at.is_(None))


def reset_link(session: Session, account: Account, rules: Rules) -> str:
    """The path of a page where a new password is chosen, for the browser that has just proven to own the mailbox."""
    now = clock.now()
    token = links.make(session, Purpose.RESET, now, now + rules.lifetimes.reset_link, account_id=account.id)
    return f"/reset?token={token}"


def disown_link(session: Session, account: Account, rules: Rules) -> tuple[str, int]:
    """The address of a new link "this wasn't me" for the account's mailbox, and the days it works."""
    now = clock.now()
    lifetime = rules.lifetimes.undo_change
    token = links.make(
        session, Purpose.DISOWN, now, now + lifetime, account_id=account.id, mailbox=account.email_key
    )
    return f"{rules.settings.issuer}/not-me?token={token}", lifetime.days


def set_address(account: Account, address: str) -> None:
    """A resident's username is the address; an authority's username stays (R-06)."""
    account.email, account.email_key, account.email_verified = address, comparison_key(address), True
    if account.kind == UsernameKind.RESIDENT.value:
        account.username, account.username_key = address, comparison_key(address)


def close_changes(session: Session, account_id: str, now: datetime, *which: sa.ColumnElement[bool]) -> None:
    """Let the open address changes for which all of `which` holds be neither confirmed nor undone any more."""
    open_ones = (AddressChange.account_id == account_id, AddressChange.closed_at.is_(None))
    session.execute(sa.update(AddressChange).where(*open_ones, *which).values(closed_at=now))


def take_back(session: Session, account: Account, change: AddressChange | None, rules: Rules) -> str:
    """Give the account to its rightful owner, as part of the caller's transaction. Returns the path of a reset page.

    `change`: the one that took it from their mailbox, if one did. It is undone with all that has followed from it, and
    no letter that was sent since it was asked for can undo that. A deletion that was ordered in the account itself is
    cancelled. Raises LinkNotLive when the old address has an account of its own by now, or when the account is not to
    be opened.
    """
    must_be_claimable(session, account)
    now = clock.now()
    if account.status == CLOSING:
        deletion.reopen(session, account)
        audit.record(session, Event.DELETION_CANCELLED, at=now, account_id=account.id)
    if change is not None:
        other = find_account(session, comparison_key(change.old_email))
        if other is not None and other.id != account.id:
            raise LinkNotLive(LinkState.WITHDRAWN)
        set_address(account, change.old_email)
        close_changes(session, account.id, now, AddressChange.asked_at >= change.asked_at)
        links.withdraw_protective(session, now, account.id, MailedLink.created_at >= change.asked_at)
        audit.record(session, Event.ADDRESS_CHANGE_UNDONE, at=now, account_id=account.id)
    account.updated_at = now
    end_everything(session, account)
    return reset_link(session, account, rules)


def must_be_claimable(session: Reading, account: Account) -> None:
    """Raises LinkNotLive when the account is shut by somebody else than its holder: then only support opens it."""
    if account.status != ACTIVE and not deletion.is_closed_in_itself(account):
        raise LinkNotLive(LinkState.BARRED)
    if is_being_rescued(session, account.id):
        raise LinkNotLive(LinkState.WITHDRAWN)


def must_be_open(session: Reading, account: Account) -> None:
    """Raises LinkNotLive when no password of the account can be chosen."""
    if account.status != ACTIVE or is_being_rescued(session, account.id):
        raise LinkNotLive(LinkState.WITHDRAWN)


@dataclass(frozen=True)
class Claim:
    """What a live link "this wasn't me" is worth: the account, and the change that took it from the link's mailbox."""

    account: Account
    change: AddressChange | None


def look(token: str) -> Claim:
    """The claim of a live "this wasn't me" link. Raises LinkNotLive."""
    link = links.look(token, Purpose.DISOWN, clock.now())
    if link.state is not LinkState.LIVE:
        raise LinkNotLive(link.state)
    account = db.session.get(Account, link.account_id) if link.account_id else None
    if account is None:
        raise LinkNotLive(LinkState.WITHDRAWN)
    claim = _claim(db.session, account, link)
    must_be_claimable(db.session, account)
    return claim


def _claim(session: Reading, account: Account, link: Link) -> Claim:
    """Raises LinkNotLive for a mailbox that is neither the account's nor one that it was taken from."""
    query = (
        sa.select(AddressChange)
        .where(AddressChange.account_id == account.id, AddressChange.confirmed_at.is_not(None))
        .order_by(AddressChange.asked_at)
    )
    changes = session.scalars(query).all()
    since = link.created_at or clock.now()
    if link.mailbox is None:  # of a version that did not keep it: good until the address changes
        if any((change.closed_at or change.confirmed_at or since) > since for change in changes):
            raise LinkNotLive(LinkState.WITHDRAWN)
        return Claim(account, None)
    if link.mailbox == account.email_key:
        return Claim(account, None)
    for change in changes:
        undoable = change.closed_at is None and (change.confirmed_at or since) >= since
        if undoable and comparison_key(change.old_email) == link.mailbox:
            return Claim(account, change)
    raise LinkNotLive(LinkState.WITHDRAWN)


def disown(token: str, rules: Rules) -> str:
    """ "This wasn't me": end everything and begin a reset. Returns the path of the reset page. Raises LinkNotLive.

    A mailbox that the account has been taken from since gets it back. The other such links of the mailbox die.
    """
    account_id = look(token).account.id
    now = clock.now()
    link = links.look(token, Purpose.DISOWN, now)
    try:
        with writing() as session:
            if not links.use(session, token, Purpose.DISOWN, now):
                raise LinkNotLive(LinkState.USED)
            account = session.get_one(Account, account_id, with_for_update=True)
            claim = _claim(session, account, link)
            path = take_back(session, account, claim.change, rules)
            same = (MailedLink.purpose == Purpose.DISOWN.value, MailedLink.mailbox == account.email_key)
            links.withdraw_protective(session, now, account_id, *same)
            audit.record(session, Event.DISOWNED, at=now, account_id=account_id)
            return path
    except IntegrityError as error:  # somebody took the old address at this very moment
        raise LinkNotLive(LinkState.WITHDRAWN) from error
