"""Who did what to whom, when, from where, with what outcome: an append-only table.

Never a password, token or name: accounts appear by their identifier.
"""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from idp.database import BigInt, Instant, Model


class Event(StrEnum):
    REGISTERED = "account.registered"
    REGISTRATION_REPEATED = "account.registration_repeated"
    REGISTRATION_DISOWNED = "account.registration_disowned"
    ACTIVATED = "account.activated"
    ACTIVATION_RESENT = "account.activation_resent"
    CREATED_BY_ADMIN = "account.created_by_admin"
    LOGGED_IN = "login"
    LOGGED_OUT = "logout"
    LOCKED = "account.locked"
    RECOVERY_ASKED = "recovery.asked"
    PASSWORD_RESET = "recovery.password_reset"  # noqa: S105
    CONSENTED = "consent.given"
    DEVICE_ALLOWED = "device.allowed"
    DEVICE_DENIED = "device.denied"
    CODE_REPLAYED = "grant.code_replayed"
    REFRESH_REUSED = "grant.refresh_reused"
    TERMS_ACCEPTED = "terms.accepted"
    DETAILS_CHANGED = "account.details_changed"
    PASSWORD_CHANGED = "account.password_changed"  # noqa: S105
    ADDRESS_CHANGE_ASKED = "address_change.asked"
    ADDRESS_CHANGED = "address_change.confirmed"
    ADDRESS_CHANGE_UNDONE = "address_change.undone"
    DISOWNED = "account.disowned"
    SESSION_ENDED = "session.ended"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    DATA_DOWNLOADED = "account.data_downloaded"
    DELETION_ORDERED = "deletion.ordered"
    DELETION_CANCELLED = "deletion.cancelled"
    INACTIVITY_WARNED = "account.inactivity_warned"
    ERASED = "account.erased"
    CLIENT_REGISTERED = "client.registered"
    CLIENT_CHANGED = "client.changed"
    CLIENT_REMOVED = "client.removed"


class AuditEvent(Model):
    __tablename__ = "audit_events"
    __table_args__ = (sa.Index("ix_audit_events_account_id_at", "account_id", "at"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant, index=True)
    event: Mapped[str] = mapped_column(sa.String(40))
    outcome: Mapped[str] = mapped_column(sa.String(20))
    reason: Mapped[str | None] = mapped_column(sa.String(60))
    actor: Mapped[str | None] = mapped_column(sa.String(60))
    account_id: Mapped[str | None] = mapped_column(sa.String(22))
    client_id: Mapped[str | None] = mapped_column(sa.String(100))
    address: Mapped[str | None] = mapped_column(sa.String(45))


def record(
    session: Session,
    event: Event,
    *,
    at: datetime,
    outcome: str = "success",
    reason: str | None = None,
    actor: str | None = None,
    account_id: str | None = None,
    client_id: str | None = None,
    address: str | None = None,
) -> None:
    """Write one event as part of the caller's transaction. `address` is the network address it came from."""
    session.add(
        AuditEvent(
            at=at,
            event=event.value,
            outcome=outcome,
            reason=reason,
            actor=actor,
            account_id=account_id,
            client_id=client_id,
            address=address,
        )
    )
