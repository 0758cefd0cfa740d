"""What the provider knows about a person, for the person: services, history, everything as data."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from idp.accounts.models import Acceptance, Account
from idp.audit import AuditEvent
from idp.database import db
from idp.grants.models import Consent, Grant
from idp.sessions.models import BrowserSession
from idp.upstream import persons
from idp.upstream.models import StrongIdentity

HISTORY_ROWS = 100


@dataclass(frozen=True)
class UsedService:
    client_id: str
    scope: str
    last_used: datetime
    consent: bool


def services(account_id: str) -> list[UsedService]:
    """The client apps that the person has logged in to or allowed something, the latest first."""
    used = db.session.execute(
        sa.select(Grant.client_id, Grant.scope, sa.func.max(Grant.created_at))
        .where(Grant.account_id == account_id, Grant.revoked_at.is_(None))
        .group_by(Grant.client_id, Grant.scope)
    )
    found: dict[str, UsedService] = {}
    for client_id, scope, at in sorted(used, key=lambda row: row[2]):
        earlier = found[client_id].scope if client_id in found else ""
        found[client_id] = UsedService(client_id, _union(earlier, scope), at, consent=False)
    for consent in db.session.scalars(sa.select(Consent).where(Consent.account_id == account_id)):
        last = found.get(consent.client_id)
        at = last.last_used if last else consent.given_at
        scope = _union(last.scope if last else "", consent.scope)
        found[consent.client_id] = UsedService(consent.client_id, scope, at, consent=True)
    return sorted(found.values(), key=lambda service: service.last_used, reverse=True)


def _union(a: str, b: str) -> str:
    return " ".join(dict.fromkeys([*a.split(), *b.split()]))


def history(account_id: str) -> list[AuditEvent]:
    """The newest events of the account."""
    query = sa.select(AuditEvent).where(AuditEvent.account_id == account_id)
    return list(
        db.session.scalars(query.order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(HISTORY_ROWS))
    )


def everything(account: Account) -> dict[str, Any]:
    """All personal data of the account as plain values, for the download (GDPR articles 15 and 20)."""
    of_account = [name for name in _names(Account) if name != "password_hash"]
    return {
        "account": {name: _plain(getattr(account, name)) for name in of_account},
        "identity": [
            {**row, "identity_code": persons.identity_code_of(account.id)}
            for row in _rows(
                StrongIdentity,
                StrongIdentity.account_id == account.id,
                without={"account_id", "person_key", "key_number", "sealed_identity_code"},
            )
        ],
        "acceptances": _rows(Acceptance, Acceptance.account_id == account.id, without={"id", "account_id"}),
        "sessions": _rows(
            BrowserSession, BrowserSession.account_id == account.id, without={"id_hash", "account_id"}
        ),
        "services": [{k: _plain(v) for k, v in asdict(service).items()} for service in services(account.id)],
        "events": _rows(AuditEvent, AuditEvent.account_id == account.id, without={"id", "account_id"}),
    }


def _names(model: Any) -> list[str]:
    return [column.name for column in model.__table__.columns]


def _rows(model: Any, condition: sa.ColumnElement[bool], without: set[str]) -> list[dict[str, Any]]:
    names = [name for name in _names(model) if name not in without]
    return [
        {name: _plain(getattr(row, name)) for name in names}
        for row in db.session.scalars(sa.select(model).where(condition))
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
