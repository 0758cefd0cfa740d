"""Changing the e-mail address, which is a resident's username (R-37).

The new address waits for its link; till then the old one works. The old address is told, with a link that undoes the
change for seven days, unless support takes the account from it. An address that has an account of its own gets a
different mail, and whoever asks learns nothing.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from idp import audit, clock
from idp.accounts import links, protection
from idp.accounts.links import LinkNotLive, LinkState, Purpose
from idp.accounts.models import Account, AddressChange, MailedLink, RoleGiven
from idp.accounts.registration import find_account
from idp.accounts.rules import Rules
from idp.audit import Event
from idp.crypto import random_id
from idp.database import db, writing
from idp.mail import outbox
from idp.mail.messages import compose
from idp.policy.usernames import EmailAddress, comparison_key


def ask(account: Account, new: EmailAddress, rules: Rules) -> None:
    """Mail the link to the new address. The identity is confirmed before."""
    with writing() as session:
        put(session, account, new, rules)
        audit.record(session, Event.ADDRESS_CHANGE_ASKED, at=clock.now(), account_id=account.id)


def put(
    session: Session, account: Account, new: EmailAddress, rules: Rules, *, rescues: bool = False
) -> None:
    """Let a new address wait for its link, as part of the caller's transaction."""
    now = clock.now()
    close_pending(session, account.id)
    change = AddressChange(
        id=random_id(),
        account_id=account.id,
        old_email=account.email or "",
        new_email=new.address,
        asked_at=now,
        rescues=rescues,
    )
    session.add(change)
    taken_by = find_account(session, new.key)
    token = links.make(
        session,
        Purpose.ADDRESS,
        now,
        now + rules.lifetimes.address_confirmation,
        account_id=account.id,
        change_id=change.id,
    )
    if taken_by is None:
        message = compose(
            "address_confirmation",
            new.address,
            account.language,
            name=account.given_name,
            link=f"{rules.settings.issuer}/confirm-address?token={token}",
            minutes=int(rules.lifetimes.address_confirmation.total_seconds() // 60),
        )
    else:
        to = taken_by.email or outbox.NOBODY  # the stored address, never the typed one
        message = compose("address_taken", to, taken_by.language, name=taken_by.given_name)
    outbox.put(session, rules.vault, message, now, discard=message.to == outbox.NOBODY)


def pending(account_id: str) -> AddressChange | None:
    """The change that waits for its link, if there is one."""
    return db.session.scalars(sa.select(AddressChange).where(*_is_pending(account_id))).first()


def close_pending(session: Session, account_id: str) -> None:
    """Cancel what waits, with its link."""
    now = clock.now()
    protection.close_changes(session, account_id, now, AddressChange.confirmed_at.is_(None))
    links.withdraw(session, now, Purpose.ADDRESS, account_id=account_id)


def _is_pending(account_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        AddressChange.account_id == account_id,
        AddressChange.confirmed_at.is_(None),
        AddressChange.closed_at.is_(None),
    )


def look(token: str) -> AddressChange:
    """The change that a live link of ADDRESS belongs to. Raises LinkNotLive."""
    return _look(token, Purpose.ADDRESS)


def look_back(token: str) -> tuple[AddressChange, Account]:
    """The change that a live link of UNDO_ADDRESS belongs to, and its account. Raises LinkNotLive."""
    change = _look(token, Purpose.UNDO_ADDRESS)
    account = db.session.get_one(Account, change.account_id)
    protection.must_be_claimable(db.session, account)
    return change, account


def _look(token: str, purpose: Purpose) -> AddressChange:
    link = links.look(token, purpose, clock.now())
    if link.state is not LinkState.LIVE:
        raise LinkNotLive(link.state)
    change = db.session.get(AddressChange, link.change_id) if link.change_id else None
    if change is None or change.closed_at is not None:
        raise LinkNotLive(LinkState.WITHDRAWN)
    return change


@dataclass(frozen=True)
class Confirmed:
    """A new address in use. `reset_path`: where its owner chooses a password, if nothing of before counts any more."""

    address: str
    reset_path: str | None = None


def confirm(token: str, rules: Rules) -> Confirmed:
    """Take the new address into use. Raises LinkNotLive; uniqueness is judged again here.

    When support takes an account back in this way, the old address is told, and can undo nothing.
    """
    change_id = look(token).id
    now = clock.now()
    try:
        with writing() as session:
            if not links.use(session, token, Purpose.ADDRESS, now):
                raise LinkNotLive(LinkState.USED)
            change = session.get_one(AddressChange, change_id)
            account = session.get_one(Account, change.account_id, with_for_update=True)
            _must_be_after_roles(session, change)
            if find_account(session, comparison_key(change.new_email)) is not None:
                raise LinkNotLive(LinkState.WITHDRAWN)
            protection.set_address(account, change.new_email)
            change.confirmed_at = account.updated_at = now
            links.withdraw(session, now, account_id=account.id)
            audit.record(session, Event.ADDRESS_CHANGED, at=now, account_id=account.id)
            if change.rescues:
                return Confirmed(change.new_email, _rescue(session, account, change, rules))
            _tell_old_address(session, account, change, rules)
            return Confirmed(change.new_email)
    except IntegrityError as error:  # somebody took the address at this very moment
        raise LinkNotLive(LinkState.WITHDRAWN) from error


def _rescue(session: Session, account: Account, change: AddressChange, rules: Rules) -> str:
    """Let nothing that went to another mailbox count any more. Returns the path of a reset page."""
    now = clock.now()
    session.flush()
    protection.close_changes(session, account.id, now)
    elsewhere = MailedLink.mailbox.is_distinct_from(account.email_key)
    links.withdraw_protective(session, now, account.id, elsewhere)
    if change.old_email:
        message = compose(
            "address_changed", change.old_email, account.language, name=account.given_name, undo_link=None
        )
        outbox.put(session, rules.vault, message, now)
    protection.end_everything(session, account)
    return protection.reset_link(session, account, rules)


def undo(token: str, rules: Rules) -> str:
    """Restore the old address, end every session and begin a reset. Returns the address of the reset page.

    Raises LinkNotLive, also when the old address has an account of its own by now.
    """
    change_id = look_back(token)[0].id
    now = clock.now()
    try:
        with writing() as session:
            if not links.use(session, token, Purpose.UNDO_ADDRESS, now):
                raise LinkNotLive(LinkState.USED)
            change = session.get_one(AddressChange, change_id)
            account = session.get_one(Account, change.account_id, with_for_update=True)
            _must_be_after_roles(session, change)
            session.refresh(change)  # as it is under the account's lock
            if change.closed_at is not None:
                raise LinkNotLive(LinkState.WITHDRAWN)
            return protection.take_back(session, account, change, rules)
    except IntegrityError as error:
        raise LinkNotLive(LinkState.WITHDRAWN) from error


def _must_be_after_roles(session: Session, change: AddressChange) -> None:
    """What was asked for before the account got a role may have been a helper's idea: it has no effect any more.

    Helpers cannot ask for it afterwards (roles.must_may_change). Raises LinkNotLive.
    """
    later = sa.select(RoleGiven.role).where(
        RoleGiven.account_id == change.account_id, RoleGiven.given_at > change.asked_at
    )
    if session.scalars(later.limit(1)).first() is not None:
        raise LinkNotLive(LinkState.WITHDRAWN)


def _tell_old_address(session: Session, account: Account, change: AddressChange, rules: Rules) -> None:
    if not change.old_email:
        return  # an authority's account may have had none
    now = clock.now()
    lifetime = rules.lifetimes.undo_change
    token = links.make(
        session,
        Purpose.UNDO_ADDRESS,
        now,
        now + lifetime,
        account_id=account.id,
        change_id=change.id,
        mailbox=comparison_key(change.old_email),
    )
    message = compose(
        "address_changed",
        change.old_email,
        account.language,
        name=account.given_name,
        new_email=change.new_email,
        undo_link=f"{rules.settings.issuer}/undo-address?token={token}",
        days=lifetime.days,
    )
    outbox.put(session, rules.vault, message, now)
