"""How it stands with an account or registration: what a helper must know before anything else."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import sqlalchemy as sa

from idp import clock
from idp.accounts import counters
from idp.accounts.links import Purpose
from idp.accounts.models import CLOSING, DISABLED, Account, LoginCounter, MailedLink
from idp.accounts.rules import Rules
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


@dataclass(frozen=True)
class State:
    """`moment` is the one that the standing's comment names, if any."""

    standing: Standing
    moment: datetime | None = None


def of_accounts(accounts: Collection[Account], rules: Rules) -> dict[str, State]:
    """The state of each account, by its id. Two statements, however many accounts."""
    now = clock.now()
    keys = counter_keys([account.id for account in accounts], rules)
    query = sa.select(LoginCounter.key, LoginCounter.locked_until).where(
        LoginCounter.key.in_(keys), LoginCounter.locked_until > now
    )
    locks: dict[tuple[str, bool], datetime] = {}
    for key, until in db.session.execute(query):
        locks[keys[key]] = max(until or now, locks.get(keys[key], now))
    return {account.id: _state(account, locks) for account in accounts}


def _state(account: Account, locks: Mapping[tuple[str, bool], datetime]) -> State:
    if account.status == CLOSING:
        return State(Standing.CLOSING, account.erase_at)
    if account.status == DISABLED:
        return State(Standing.DISABLED)
    if until := locks.get((account.id, False)):
        return State(Standing.LOCKED, until)
    if until := locks.get((account.id, True)):
        return State(Standing.LOCKED_ON_DEVICE, until)
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
