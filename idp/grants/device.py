"""Devices that wait for their person to allow them elsewhere (RFC 8628): begun, decided, asked after, redeemed once.

Both codes are stored hashed, the short one that people type under a key. What the person allows is a grant of its own,
in no browser session: logging out in the browser that allowed it leaves the device alone, own details can end it.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from idp import audit
from idp.audit import Event
from idp.crypto import Vault, hash_token, keyed_hash, random_letters, random_token
from idp.database import Statement, instant, transaction, writing
from idp.grants import codes
from idp.grants.codes import GRANT_COLUMNS, Approval, Grant

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels: no words; 20 letters, 34 bits in 8 of them (section 6.1)
LENGTH = 8
SLOWER_BY = 5  # seconds (section 3.5)
JITTER = timedelta(seconds=1)  # that a network may bring two questions closer together
TRIES = 5  # to find a code that nobody has


class DeviceGone(Exception):
    """No device waits under that code: unknown, expired, or decided already."""


@dataclass(frozen=True, slots=True)
class Codes:
    """What a device is given: a code to ask with, and one to show."""

    device_code: str
    user_code: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device that waits for a decision."""

    user_code: str
    client_id: str
    scope: str
    resource: str | None


@dataclass(frozen=True, slots=True)
class Device:
    """What a device that asks has come to. Method names are those that Authlib asks of a credential."""

    code_hash: str
    client_id: str
    scope: str
    expires_at: datetime
    interval: int  # seconds between two questions
    polled_at: datetime | None
    denied: bool
    decided: bool
    grant: Grant | None  # once allowed, by an account that is active; `codes.spend` judges the rest

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str:
        return self.scope


_BEGIN = Statement(
    "INSERT INTO device_authorizations (device_code_hash, user_code_hash, client_id, scope, resource, created_at,"
    " expires_at, interval_seconds) VALUES (:device_code_hash, :user_code_hash, :client_id, :scope, :resource, :now,"
    " :expires_at, :interval) ON CONFLICT DO NOTHING RETURNING device_code_hash"
)
_WAITING = Statement(
    "SELECT client_id, scope, resource FROM device_authorizations WHERE user_code_hash = :user_code_hash"
    " AND grant_id IS NULL AND denied_at IS NULL AND expires_at > :now"
)
_ALLOW = Statement(
    "UPDATE device_authorizations SET grant_id = :grant_id WHERE user_code_hash = :user_code_hash"
    " AND grant_id IS NULL AND denied_at IS NULL AND expires_at > :now RETURNING client_id"
)
_DENY = Statement(
    "UPDATE device_authorizations SET denied_at = :now WHERE user_code_hash = :user_code_hash"
    " AND grant_id IS NULL AND denied_at IS NULL AND expires_at > :now RETURNING client_id"
)
_FIND = Statement(
    "SELECT d.client_id, d.scope, d.expires_at, d.interval_seconds, d.polled_at, d.denied_at, d.grant_id,"
    f" a.status, {GRANT_COLUMNS} FROM device_authorizations d"
    " LEFT JOIN grants g ON g.id = d.grant_id LEFT JOIN accounts a ON a.id = g.account_id"
    " WHERE d.device_code_hash = :code_hash"
)
_POLLED = Statement(
    "UPDATE device_authorizations SET polled_at = :now, interval_seconds = :interval"
    " WHERE device_code_hash = :code_hash"
)


def normalized(typed: str) -> str:
    """A typed code without dashes and spaces, in capitals."""
    return re.sub(r"[^A-Z]", "", typed.upper())


def shown(user_code: str) -> str:
    """A code as people read it: XXXX-XXXX."""
    return f"{user_code[: LENGTH // 2]}-{user_code[LENGTH // 2 :]}"


def _hash(user_code: str, vault: Vault) -> str:
    return keyed_hash(vault.derive("user codes"), normalized(user_code))


def begin(
    client_id: str,
    scope: str,
    resource: str | None,
    *,
    interval: int,
    vault: Vault,
    now: datetime,
    expires_at: datetime,
) -> Codes:
    """Note a device that will ask every `interval` seconds."""
    for _ in range(TRIES):
        device_code, user_code = random_token(), random_letters(ALPHABET, LENGTH)
        begun = _BEGIN.one(
            device_code_hash=hash_token(device_code),
            user_code_hash=_hash(user_code, vault),
            client_id=client_id,
            scope=scope,
            resource=resource,
            interval=interval,
            now=now,
            expires_at=expires_at,
        )
        if begun is not None:
            return Codes(device_code, shown(user_code))
    raise RuntimeError("no user code is free")


# -- the person


def waiting(user_code: str, vault: Vault, now: datetime) -> Waiting:
    """The device that shows this code. Raises DeviceGone."""
    row = _WAITING.one(user_code_hash=_hash(user_code, vault), now=now)
    if row is None:
        raise DeviceGone
    return Waiting(shown(normalized(user_code)), *row)


def allow(user_code: str, approval: Approval, vault: Vault, now: datetime) -> None:
    """Let the device have what `approval` says, unless it was decided meanwhile. Raises DeviceGone."""
    with transaction():
        grant = codes.issue(None, approval, now, now)
        decided = _ALLOW.one(grant_id=grant.id, user_code_hash=_hash(user_code, vault), now=now)
        if decided is None:
            raise DeviceGone
    _record(Event.DEVICE_ALLOWED, approval.account_id, approval.client_id, now)


def deny(user_code: str, account_id: str, vault: Vault, now: datetime) -> None:
    """Refuse the device. Raises DeviceGone."""
    decided = _DENY.one(user_code_hash=_hash(user_code, vault), now=now)
    if decided is None:
        raise DeviceGone
    _record(Event.DEVICE_DENIED, account_id, decided[0], now)


def _record(event: Event, account_id: str, client_id: str, now: datetime) -> None:
    with writing() as session:
        audit.record(session, event, at=now, account_id=account_id, client_id=client_id)


# -- the device


def find(device_code: str) -> Device | None:
    """The device that asks with this code, whatever became of it; once forgotten, None."""
    code_hash = hash_token(device_code)
    row = _FIND.one(code_hash=code_hash)
    if row is None:
        return None
    client_id, scope, expires_at, interval, polled_at, denied_at, grant_id, status = row[:8]
    columns: list[Any] = list(row[8:])
    return Device(
        code_hash=code_hash,
        client_id=client_id,
        scope=scope,
        expires_at=instant(expires_at),
        interval=interval,
        polled_at=instant(polled_at),
        denied=denied_at is not None,
        decided=denied_at is not None or grant_id is not None,
        grant=Grant(*columns) if status == "active" else None,
    )


def asked_too_soon(device: Device, now: datetime) -> bool:
    """Note that a waiting device has asked; whether it did so too soon, and has to be slower from now on."""
    soon = device.polled_at is not None and now - device.polled_at < (
        timedelta(seconds=device.interval) - JITTER
    )
    interval = device.interval + SLOWER_BY if soon else device.interval
    _POLLED.all(code_hash=device.code_hash, now=now, interval=interval)
    return soon
