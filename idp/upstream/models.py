"""Tables of the upstream room."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Instant, Model


class PendingIdentification(Model):
    """Somebody was sent to the broker and may come back, once, in the same browser. Nobody is named here."""

    __tablename__ = "pending_identifications"

    state_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(sa.String(64))
    nonce_hash: Mapped[str] = mapped_column(sa.String(64))
    purpose: Mapped[str] = mapped_column(sa.String(20))
    language: Mapped[str] = mapped_column(sa.String(8))
    request_id: Mapped[str | None] = mapped_column(sa.String(100))
    client_id: Mapped[str | None] = mapped_column(sa.String(100))
    account_id: Mapped[str | None] = mapped_column(sa.String(22))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class IdentificationTicket(Model):
    """Somebody has been identified, and this browser may use that once. Who it is, is encrypted; erased when used."""

    __tablename__ = "identification_tickets"

    ticket_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(sa.String(64), index=True)
    sealed: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class StrongIdentity(Model):
    """Who the person behind an account is. One person has one such account.

    `person_key` is a keyed hash of the personal identity code, by the key of number `key_number`; the code itself is
    kept, encrypted, only where a setting says so and some client app has a recorded legal basis.
    """

    __tablename__ = "strong_identities"

    account_id: Mapped[str] = mapped_column(
        sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    person_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    key_number: Mapped[int] = mapped_column(sa.Integer)
    given_names: Mapped[str] = mapped_column(sa.String(300))
    family_name: Mapped[str] = mapped_column(sa.String(200))
    sealed_identity_code: Mapped[str | None] = mapped_column(sa.Text)
    broker: Mapped[str] = mapped_column(sa.String(300))  # its issuer
    acr: Mapped[str] = mapped_column(sa.String(200))
    identified_at: Mapped[datetime] = mapped_column(Instant)  # by the broker, the latest time


class UpstreamKey(Model):
    """A key of ours for the broker, its private half encrypted."""

    __tablename__ = "upstream_keys"

    kid: Mapped[str] = mapped_column(sa.String(22), primary_key=True)
    use: Mapped[str] = mapped_column(sa.String(10))  # sig, enc, entity
    state: Mapped[str] = mapped_column(sa.String(10))
    sealed_private_key: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    activated_at: Mapped[datetime | None] = mapped_column(Instant)
    retired_at: Mapped[datetime | None] = mapped_column(Instant)
