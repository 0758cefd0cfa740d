"""What the provider knows about a person, for the person: services, history, everything as data."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from idp.accounts.models import (
    Acceptance,
    Account,
    AddressChange,
    MailedLink,
    Registration,
    RoleGiven,
)
from idp.accounts.rules import rules
from idp.audit import AuditEvent
from idp.database import db
from idp.grants.models import Consent, Grant
from idp.mail import outbox
from idp.sessions.devices import device_name
from idp.sessions.models import BrowserSession, KnownDevice
from idp.upstream import persons
from idp.upstream.models import StrongIdentity

HISTORY_ROWS = 100


@dataclass(frozen=True)
class UsedService:
    client_id: str
    scope: str
    resource: str  # addresses of APIs at which it may act for the person, space-separated
    last_used: datetime
    consent: bool


def services(account_id: str) -> list[UsedService]:
    """The client apps that the person has logged in to or allowed something, the latest first."""
    used = db.session.execute(
        sa.select(Grant.client_id, Grant.scope, Grant.resource, sa.func.max(Grant.created_at))
        .where(Grant.account_id == account_id, Grant.revoked_at.is_(None))
        .group_by(Grant.client_id, Grant.scope, Grant.resource)
    )
    found: dict[str, UsedService] = {}
    for client_id, scope, resource, at in sorted(used, key=lambda row: row[3]):
        earlier = found.get(client_id)
        found[client_id] = UsedService(
            client_id,
            _union(earlier.scope if earlier else "", scope),
            _union(earlier.resource if earlier else "", resource or ""),
            at,
            consent=False,
        )
    for consent in db.session.scalars(sa.select(Consent).where(Consent.account_id == account_id)):
        last = found.get(consent.client_id)
        at = last.last_used if last else consent.given_at
        scope = _union(last.scope if last else "", consent.scope)
        resource = _union(last.resource if last else "", consent.resource or "")
        found[consent.client_id] = UsedService(consent.client_id, scope, resource, at, consent=True)
    return sorted(found.values(), key=lambda service: service.last_used, reverse=True)


def _union(a: str, b: str) -> str:
    return " ".join(dict.fromkeys([*a.split(), *b.split()]))


def history(account_id: str) -> list[AuditEvent]:
    """The newest events of the account."""
    query = sa.select(AuditEvent).where(AuditEvent.account_id == account_id)
    return list(
        db.session.scalars(query.order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(HISTORY_ROWS))
    )


@dataclass(frozen=True)
class _Kept:
    """Rows of a table that tell of an account; `without`: hashes of secrets, and the account's own id again."""

    model: Any
    without: frozenset[str]

    def of(self, account_id: str) -> list[dict[str, Any]]:
        return _rows(self.model, self.model.account_id == account_id, without=self.without)


def _kept(model: Any, *without: str) -> _Kept:
    return _Kept(model, frozenset({"account_id", *without}))


_SEARCH_KEYS = ("username_key", "family_key", "given_key")  # the names again, as they are searched for

_TOLD = {
    "identity": _kept(StrongIdentity, "person_key", "key_number", "sealed_identity_code"),
    "registrations": _kept(
        Registration, "id", "password_hash", "browser_hash", "sealed_identification", *_SEARCH_KEYS
    ),
    "address_changes": _kept(AddressChange, "id"),
    "mailed_links": _kept(MailedLink, "token_hash", "registration_id", "change_id"),
    "acceptances": _kept(Acceptance, "id"),
    "roles": _kept(RoleGiven),
    "sessions": _kept(BrowserSession, "id_hash"),
    "known_devices": _kept(KnownDevice, "device_hash"),
    "consents": _kept(Consent),
    "grants": _kept(Grant, "id", "code_hash", "code_challenge", "nonce"),
    "events": _kept(AuditEvent, "id"),
}
"""What the download holds beside the account itself, by the name that it has there."""

LEFT_OUT = {
    "pending_identifications": "that a browser was sent to the broker, for a day; the events tell what came of it",
    "logout_notices": "that a service is still to be told of a logout, for a week; sessions and events tell of it",
    "refresh_tokens": "hashes of secrets, with their times; the grants tell what they were for",
}
"""Tables that name an account and are not in the download, and why."""


def told_tables() -> set[str]:
    """The tables that the download tells of."""
    return {Account.__tablename__, *(kept.model.__tablename__ for kept in _TOLD.values())}


def everything(account: Account) -> dict[str, Any]:
    """All personal data of the account as plain values, for the download (GDPR articles 15 and 20)."""
    left_out = {"password_hash", "email_key", *_SEARCH_KEYS}
    told: dict[str, Any] = {
        "account": {name: _plain(getattr(account, name)) for name in _names(Account) if name not in left_out},
        **{name: kept.of(account.id) for name, kept in _TOLD.items()},
        "services": [{k: _plain(v) for k, v in asdict(service).items()} for service in services(account.id)],
    }
    told["messages"] = [
        {name: _plain(value) for name, value in asdict(letter).items()}
        for letter in (outbox.letters(rules().vault, account.email) if account.email else ())
    ]
    for row in told["identity"]:
        row["identity_code"] = persons.identity_code_of(account.id)
    for row in told["sessions"]:
        row["device"] = device_name(row["user_agent"]) or None
    return told


def _names(model: Any) -> list[str]:
    return [column.name for column in model.__table__.columns]


def _rows(model: Any, condition: sa.ColumnElement[bool], without: frozenset[str]) -> list[dict[str, Any]]:
    names = [name for name in _names(model) if name not in without]
    return [
        {name: _plain(getattr(row, name)) for name in names}
        for row in db.session.scalars(sa.select(model).where(condition))
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
