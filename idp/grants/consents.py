"""Consents: remembered per account and client, for scopes and APIs; asked again when a client wants more."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import audit
from idp.audit import Event
from idp.database import Statement, insert_if_absent, writing
from idp.grants.models import Consent, Grant

_FIND = Statement(
    "SELECT scope, resource FROM consents WHERE account_id = :account_id AND client_id = :client_id"
)


def covers(account_id: str, client_id: str, scope: str, resources: Collection[str] = ()) -> bool:
    """Whether the person has allowed this client all of `scope` before, and all of these APIs."""
    scopes, apis = _given(account_id, client_id)
    return bool(scope.split()) and scopes.issuperset(scope.split()) and apis.issuperset(resources)


def given(account_id: str, client_id: str) -> frozenset[str]:
    """The scopes that the person has allowed this client."""
    return _given(account_id, client_id)[0]


def _given(account_id: str, client_id: str) -> tuple[frozenset[str], frozenset[str]]:
    row = _FIND.one(account_id=account_id, client_id=client_id)
    return (
        (frozenset(row[0].split()), frozenset((row[1] or "").split())) if row else (frozenset(), frozenset())
    )


def give(account_id: str, client_id: str, scope: str, now: datetime, resources: Collection[str] = ()) -> None:
    """Remember that the person allows the client `scope` and these APIs, beside what was allowed before."""
    with writing() as session:
        _add(session, account_id, client_id, scope, resources, now)
        audit.record(session, Event.CONSENTED, at=now, account_id=account_id, client_id=client_id)


def withdraw(account_id: str, client_id: str, now: datetime) -> None:
    """Forget the consent and revoke every token that the client has for this person."""
    with writing() as session:
        session.execute(sa.delete(Consent).filter_by(account_id=account_id, client_id=client_id))
        of_client = (Grant.account_id == account_id) & (Grant.client_id == client_id)
        session.execute(sa.update(Grant).where(of_client, Grant.revoked_at.is_(None)).values(revoked_at=now))
        audit.record(session, Event.CONSENT_WITHDRAWN, at=now, account_id=account_id, client_id=client_id)


def _add(
    session: Session, account_id: str, client_id: str, scope: str, resources: Collection[str], now: datetime
) -> None:
    insert_if_absent(session, Consent, account_id=account_id, client_id=client_id, scope=scope, given_at=now)
    consent = session.get_one(Consent, (account_id, client_id), with_for_update=True)
    consent.scope = _with(consent.scope, scope.split())
    consent.resource = _with(consent.resource or "", resources) or None
    consent.given_at = now


def _with(before: str, more: Collection[str]) -> str:
    """Space-separated values, each once."""
    return " ".join(dict.fromkeys([*before.split(), *more]))
