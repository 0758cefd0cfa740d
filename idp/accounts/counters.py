"""Stored login counters: the lockout rule applied in one short transaction each."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp.accounts.models import LoginCounter
from idp.crypto import Vault, hash_token, keyed_hash
from idp.database import insert_if_absent
from idp.policy.lockout import Counter


def key_of_account(vault: Vault, account_id: str) -> str:
    return _key(vault, f"account {account_id}")


def key_of_name(vault: Vault, username_key: str) -> str:
    """For a name without an account: readable by nobody, purged after a day."""
    return _key(vault, f"name {username_key}")


def key_of_device(vault: Vault, account_id: str, device: str) -> str:
    return key_of_device_hash(vault, account_id, hash_token(device))


def key_of_device_hash(vault: Vault, account_id: str, device_hash: str) -> str:
    return _key(vault, f"device {account_id} {device_hash}")


def key_of_registration(vault: Vault, registration_id: str) -> str:
    return _key(vault, f"registration {registration_id}")


def key_of_confirmation(vault: Vault, account_id: str) -> str:
    """For passwords that are asked once more within a session."""
    return _key(vault, f"confirmation {account_id}")


def _key(vault: Vault, text: str) -> str:
    return keyed_hash(vault.derive("login counters"), text)


def change(session: Session, key: str, transition: Callable[[Counter], Counter], now: datetime) -> Counter:
    """Read, transform and write one counter under its row lock; returns what was written."""
    row = session.get(LoginCounter, key, with_for_update=True)
    if row is None:
        insert_if_absent(session, LoginCounter, key=key, failures=0, reserved=0, updated_at=now)
        row = session.get_one(LoginCounter, key, with_for_update=True)
    counter = transition(Counter(row.failures, row.reserved, row.reserved_until, row.locked_until))
    row.failures, row.reserved = counter.failures, counter.pending
    row.reserved_until, row.locked_until = counter.reserved_until, counter.locked_until
    row.updated_at = now
    return counter


def clear(session: Session, key: str) -> None:
    """Forget a counter: unlocks."""
    session.execute(sa.delete(LoginCounter).where(LoginCounter.key == key))
