"""What has been done to a client app, for those who look after it. Who logged in to it is not theirs to read."""

import sqlalchemy as sa

from idp.accounts.roles import Actor, Role
from idp.audit import AuditEvent, Event
from idp.database import db

ROWS = 20
EVENTS = (
    Event.CLIENT_REGISTERED,
    Event.CLIENT_CHANGED,
    Event.CLIENT_REMOVED,
    Event.CLIENT_SECRET_ROTATED,
    Event.CLIENT_DISABLED,
    Event.CLIENT_ENABLED,
    Event.CLIENT_SELF_REGISTRATION_ENDED,
)


def of_client(client_id: str, by: Actor) -> list[AuditEvent]:
    """The newest of them. Raises NotAllowed."""
    by.must_have(Role.CLIENTS, Role.AUDITOR)
    query = (
        sa.select(AuditEvent)
        .where(AuditEvent.client_id == client_id, AuditEvent.event.in_([event.value for event in EVENTS]))
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(ROWS)
    )
    return list(db.session.scalars(query))
