"""Which versions of the terms and the privacy notice an account has accepted, and whether newer ones are due (R-23)."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp import audit
from idp.accounts import statements
from idp.accounts.models import Acceptance
from idp.audit import Event
from idp.database import writing
from idp.sessions.models import BrowserSession


def is_due(session: Session, account_id: str, language: str) -> bool:
    """Whether a version in force has not been accepted yet, in whatever language."""
    rows = session.execute(
        sa.select(Acceptance.document, Acceptance.version).where(Acceptance.account_id == account_id)
    )
    accepted = {(document, version) for document, version in rows}
    wanted = {(record["document"], record["version"]) for record in statements.accepted_now(language)}
    return not wanted <= accepted


def is_first(session: Session, account_id: str) -> bool:
    """Whether the account has never accepted anything yet."""
    return (
        session.scalar(sa.select(Acceptance.id).where(Acceptance.account_id == account_id).limit(1)) is None
    )


def accept(account_id: str, language: str, now: datetime) -> None:
    """Record the acceptance of what is in force, and let the account's sessions go on."""
    with writing() as session:
        record(session, account_id, statements.accepted_now(language), now)
        session.execute(
            sa.update(BrowserSession).where(BrowserSession.account_id == account_id).values(terms_due=False)
        )
        audit.record(session, Event.TERMS_ACCEPTED, at=now, account_id=account_id)


def record(session: Session, account_id: str, documents: list[dict[str, str]], now: datetime) -> None:
    """Write one row per document, as part of the caller's transaction."""
    session.add_all(Acceptance(account_id=account_id, accepted_at=now, **document) for document in documents)
