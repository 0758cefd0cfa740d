"""How it stands with an account or registration: what a helper must know before anything else."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import clock
from idp.accounts import counters
from idp.accounts.links import Purpose
from idp.accounts.models import CLOSING, DISABLED, Account, LoginCounter, MailedLink
from idp.accounts.rules import Rules
from idp.audit import AuditEvent, Event
from idp.database import db
from idp.sessions.models import KnownDevice


class Standing(Enum):
    ACTIVE = "active"
    LOCKED = "locked"  # until the lock ends
    LOCKED_ON_DEVICE = "locked on a device"  # which has logged in before; elsewhere the account works
    DISABLED = "disabled"
    CLOSING = "closing"  # until it is erased
    WAITING = "waiting"  # for its activation link to be used, until it expires
    LINK_EXPIRED = "link expired"  # not activated, since then
    INVITED = "invited"  # made for somebody who has chosen no password yet, and can until their link expires
    INVITATION_EXPIRED = "invitation expired"  # the same, and no link works


@dataclass(frozen=True)
class State:
    """`moment` is the one that the standing's comment names, if any."""

    standing: Standing
    moment: datetime | None = None


def of_accounts(accounts: Collection[Account], rules: Rules) -> dict[str, State]:
    """The state of each account, by its id. Four statements at most, however many accounts."""
    now = clock.now()
    keys = counter_keys([account.id for account in accounts], rules)
    query = sa.select(LoginCounter.key, LoginCounter.locked_until).where(
        LoginCounter.key.in_(keys), LoginCounter.locked_until > now
    )
    locks: dict[tuple[str, bool], datetime] = {}
    for key, until in db.session.execute(query):
        locks[keys[key]] = max(until or now, locks.get(keys[key], now))
    invited = _invited(db.session(), accounts)
    return {account.id: _state(account, locks, invited, now) for account in accounts}


def is_invited(session: Session, account: Account) -> bool:
    """Whether an account was made for somebody who has not come yet: it has no password that anybody knows."""
    return account.id in _invited(session, [account])


def _invited(session: Session, accounts: Collection[Account]) -> dict[str, datetime | None]:
    """Those of the accounts whose owners have never come, with the moment when their newest link expires.

    An invitation that is used confirms its address; whoever came by a reset link is in the audit log.
    """
    candidates = [
        account.id
        for account in accounts
        if account.email and not account.email_verified and account.last_login_at == account.created_at
    ]
    if not candidates:
        return {}
    came = sa.select(AuditEvent.account_id).where(
        AuditEvent.account_id.in_(candidates),
        AuditEvent.event.in_([Event.LOGGED_IN.value, Event.PASSWORD_RESET.value]),
        AuditEvent.outcome == "success",
    )
    have_come = set(session.scalars(came))
    newest = (
        sa.select(MailedLink.account_id, sa.func.max(MailedLink.expires_at))
        .where(
            MailedLink.account_id.in_(candidates),
            MailedLink.purpose.in_([Purpose.INVITATION.value, Purpose.RESET.value]),
            MailedLink.used_at.is_(None),
            MailedLink.withdrawn_at.is_(None),
        )
        .group_by(MailedLink.account_id)
    )
    expiry = {row[0]: row[1] for row in session.execute(newest)}
    return {each: expiry.get(each) for each in candidates if each not in have_come}


def _state(
    account: Account,
    locks: Mapping[tuple[str, bool], datetime],
    invited: Mapping[str, datetime | None],
    now: datetime,
) -> State:
    if account.status == CLOSING:
        return State(Standing.CLOSING, account.erase_at)
    if account.status == DISABLED:
        return State(Standing.DISABLED)
    if until := locks.get((account.id, False)):
        return State(Standing.LOCKED, until)
    if until := locks.get((account.id, True)):
        return State(Standing.LOCKED_ON_DEVICE, until)
    if account.id in invited:
        expires_at = invited[account.id]
        live = expires_at is not None and expires_at > now
        return State(Standing.INVITED if live else Standing.INVITATION_EXPIRED, expires_at)
    return State(Standing.ACTIVE)


def counter_keys(account_ids: Collection[str], rules: Rules) -> dict[str, tuple[str, bool]]:
    """The keys of login counters: whose they are, and whether a known device's."""
    vault = rules.vault
    found = {counters.key_of_account(vault, account_id): (account_id, False) for account_id in account_ids}
    query = sa.select(KnownDevice.account_id, KnownDevice.device_hash).where(
        KnownDevice.account_id.in_(account_ids)
    )
    for account_id, device_hash in db.session.execute(query):
        found[counters.key_of_device_hash(vault, account_id, device_hash)] = account_id, True
    return found


def of_registrations(registration_ids: Collection[str]) -> dict[str, State]:
    """The state of each registration that waits to be activated, by its id."""
    now = clock.now()
    query = (
        sa.select(MailedLink.registration_id, sa.func.max(MailedLink.expires_at))
        .where(
            MailedLink.registration_id.in_(registration_ids),
            MailedLink.purpose == Purpose.ACTIVATION.value,
            MailedLink.used_at.is_(None),
            MailedLink.withdrawn_at.is_(None),
        )
        .group_by(MailedLink.registration_id)
    )
    expiry = {row[0]: row[1] for row in db.session.execute(query)}
    states = {}
    for identifier in registration_ids:
        expires_at = expiry.get(identifier)
        live = expires_at is not None and expires_at > now
        states[identifier] = State(Standing.WAITING if live else Standing.LINK_EXPIRED, expires_at)
    return states
