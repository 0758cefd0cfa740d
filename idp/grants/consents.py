"""Consents: remembered per account, client and scope set; asked again when a client wants more."""

from datetime import datetime

from sqlalchemy.orm import Session

from idp import audit
from idp.audit import Event
from idp.database import Statement, writing
from idp.grants.models import Consent

_FIND = Statement("SELECT scope FROM consents WHERE account_id = :account_id AND client_id = :client_id")


def covers(account_id: str, client_id: str, scope: str) -> bool:
    """Whether the person has allowed this client all of `scope` before."""
    row = _FIND.one(account_id=account_id, client_id=client_id)
    return row is not None and set(scope.split()) <= set(row[0].split())


def give(account_id: str, client_id: str, scope: str, now: datetime) -> None:
    """Remember that the person allows the client `scope`, beside what was allowed before."""
    with writing() as session:
        _add(session, account_id, client_id, scope, now)
        audit.record(session, Event.CONSENTED, at=now, account_id=account_id, client_id=client_id)


def _add(session: Session, account_id: str, client_id: str, scope: str, now: datetime) -> None:
    consent = session.get(Consent, (account_id, client_id), with_for_update=True)
    if consent is None:
        session.add(Consent(account_id=account_id, client_id=client_id, scope=scope, given_at=now))
        return
    added = [value for value in scope.split() if value not in consent.scope.split()]
    consent.scope = " ".join([*consent.scope.split(), *added])
    consent.given_at = now
