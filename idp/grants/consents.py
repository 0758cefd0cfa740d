"""Consents: remembered per account, client and scope set; asked again when a client wants more."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import audit
from idp.audit import Event
from idp.database import Statement, insert_if_absent, writing
from idp.grants.models import Consent, Grant

_FIND = Statement("SELECT scope FROM consents WHERE account_id = :account_id AND client_id = :client_id")


def covers(account_id: str, client_id: str, scope: str) -> bool:
    """Whether the person has allowed this client all of `scope` before."""
    return bool(scope.split()) and given(account_id, client_id).issuperset(scope.split())


def given(account_id: str, client_id: str) -> frozenset[str]:
    """The scopes that the person has allowed this client."""
    row = _FIND.one(account_id=account_id, client_id=client_id)
    return frozenset(row[0].split()) if row else frozenset()


def give(account_id: str, client_id: str, scope: str, now: datetime) -> None:
    """Remember that the person allows the client `scope`, beside what was allowed before."""
    with writing() as session:
        _add(session, account_id, client_id, scope, now)
        audit.record(session, Event.CONSENTED, at=now, account_id=account_id, client_id=client_id)


def withdraw(account_id: str, client_id: str, now: datetime) -> None:
    """Forget the consent and revoke every token that the client has for this person."""
    with writing() as session:
        session.execute(sa.delete(Consent).filter_by(account_id=account_id, client_id=client_id))
        of_client = (Grant.account_id == account_id) & (Grant.client_id == client_id)
        session.execute(sa.update(Grant).where(of_client, Grant.revoked_at.is_(None)).values(revoked_at=now))
        audit.record(session, Event.CONSENT_WITHDRAWN, at=now, account_id=account_id, client_id=client_id)


def _add(session: Session, account_id: str, client_id: str, scope: str, now: datetime) -> None:
    insert_if_absent(session, Consent, account_id=account_id, client_id=client_id, scope=scope, given_at=now)
    consent = session.get_one(Consent, (account_id, client_id), with_for_update=True)
    added = [value for value in scope.split() if value not in consent.scope.split()]
    consent.scope = " ".join([*consent.scope.split(), *added])
    consent.given_at = now
