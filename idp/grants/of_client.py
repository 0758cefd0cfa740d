"""What a client has been given, as a whole: it ends with the client, or with the names by which it knows people."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from idp.grants.models import (
    AuthorizationRequest,
    Consent,
    DeviceAuthorization,
    Grant,
    LogoutNotice,
    PushedRequest,
    RefreshToken,
)


def revoke_grants(session: Session, client_id: str, now: datetime) -> None:
    """Let no code, refresh token or access token of the client be good any more."""
    session.execute(
        sa.update(Grant)
        .where(Grant.client_id == client_id, Grant.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def forget_people(session: Session, client_id: str, now: datetime) -> None:
    """People are somebody else to the client from now on: what it has of them, and may have again, ends (Core 8).

    Requests that wait for their person stay, for they name nobody.
    """
    revoke_grants(session, client_id, now)
    for model in (RefreshToken, Consent, DeviceAuthorization, LogoutNotice):
        session.execute(sa.delete(model).where(model.client_id == client_id))


def end_all(session: Session, client_id: str, now: datetime) -> None:
    """Revoke every grant of a client and forget what waits for it, consents too (RFC 7592 2.3)."""
    forget_people(session, client_id, now)
    for model in (AuthorizationRequest, PushedRequest):
        session.execute(sa.delete(model).where(model.client_id == client_id))
