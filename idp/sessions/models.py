"""Tables of the sessions room."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Instant, Model


class BrowserSession(Model):
    """One login in one browser. The cookie holds a random value; the table its hash."""

    __tablename__ = "sessions"

    id_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    sid: Mapped[str] = mapped_column(
        sa.String(22), index=True
    )  # the `sid` claim: of one login, renewed or not
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    remembered: Mapped[bool]
    acr: Mapped[str] = mapped_column(sa.String(100))
    amr: Mapped[str] = mapped_column(sa.String(100))  # RFC 8176 values, space-separated
    auth_time: Mapped[datetime] = mapped_column(Instant)
    # Of the password, where auth_time is of an identification; None in rows of earlier versions.
    password_auth_time: Mapped[datetime | None] = mapped_column(Instant)
    last_seen_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)  # at the latest, whatever happens
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    terms_due: Mapped[bool] = mapped_column(default=False)  # a newer version is to be accepted first
    user_agent: Mapped[str | None] = mapped_column(sa.String(200))
    address: Mapped[str | None] = mapped_column(sa.String(45))


class KnownDevice(Model):
    """A browser that has logged in to an account before: strangers' failures do not shut it out."""

    __tablename__ = "known_devices"

    device_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(
        sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    last_login_at: Mapped[datetime] = mapped_column(Instant)
