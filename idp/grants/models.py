"""Tables of the grants room."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import BigInt, Instant, Json, Model
from idp.deliveries import Delivery


class AuthorizationRequest(Model):
    """A validated request that waits for its person. Who logged in is never written here."""

    __tablename__ = "authorization_requests"

    id_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(sa.String(100))
    parameters: Mapped[dict[str, Any]] = mapped_column(Json)
    browser_hash: Mapped[str] = mapped_column(sa.String(64))
    answered: Mapped[dict[str, str]] = mapped_column(Json, default=dict)  # prompt value -> sid of the session
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class PushedRequest(Model):
    """An authorization request that its client has pushed (RFC 9126): used when answered, not when opened."""

    __tablename__ = "pushed_requests"

    id_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(sa.String(100))
    parameters: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class DeviceAuthorization(Model):
    """A device waits for its person to allow it elsewhere (RFC 8628)."""

    __tablename__ = "device_authorizations"

    device_code_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_code_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    client_id: Mapped[str] = mapped_column(sa.String(100))
    scope: Mapped[str] = mapped_column(sa.Text)
    resource: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    interval_seconds: Mapped[int] = mapped_column(sa.Integer)
    polled_at: Mapped[datetime | None] = mapped_column(Instant)
    denied_at: Mapped[datetime | None] = mapped_column(Instant)
    grant_id: Mapped[str | None] = mapped_column(sa.String(22))  # once allowed


class Grant(Model):
    """What one authorization gave: its code, and what every token issued from it says."""

    __tablename__ = "grants"

    id: Mapped[str] = mapped_column(sa.String(22), primary_key=True)
    client_id: Mapped[str] = mapped_column(sa.String(100))
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    sid: Mapped[str] = mapped_column(sa.String(22), index=True)
    scope: Mapped[str] = mapped_column(sa.Text)
    resource: Mapped[str | None] = mapped_column(sa.Text)  # resource indicators (RFC 8707), space-separated
    nonce: Mapped[str | None] = mapped_column(sa.Text)
    claims: Mapped[str | None] = mapped_column(sa.Text)  # the `claims` request parameter
    acr: Mapped[str] = mapped_column(sa.String(100))
    amr: Mapped[str] = mapped_column(sa.String(100))
    auth_time: Mapped[int] = mapped_column(BigInt)  # NumericDate
    redirect_uri: Mapped[str | None] = mapped_column(sa.Text)
    code_hash: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    code_challenge: Mapped[str | None] = mapped_column(sa.String(128))
    code_expires_at: Mapped[datetime | None] = mapped_column(Instant)
    code_used_at: Mapped[datetime | None] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class RefreshToken(Model):
    """One refresh token of a grant. Exactly one of a family is live."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    grant_id: Mapped[str] = mapped_column(sa.ForeignKey("grants.id", ondelete="CASCADE"), index=True)
    client_id: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(
        Instant, index=True
    )  # idle limit, never past the absolute one
    ends_at: Mapped[datetime] = mapped_column(Instant)  # absolute limit of the family
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    successor_hash: Mapped[str | None] = mapped_column(sa.String(64))


class SpentId(Model):
    """Identifiers that count once or no longer until `expires_at`: assertion ids (`a:`), revoked tokens (`t:`)."""

    __tablename__ = "spent_ids"

    id: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


class Consent(Model):
    """What an account lets a client have, remembered per set of scopes and of resources."""

    __tablename__ = "consents"

    account_id: Mapped[str] = mapped_column(
        sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    client_id: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    scope: Mapped[str] = mapped_column(sa.Text)
    resource: Mapped[str | None] = mapped_column(sa.Text)  # addresses of APIs (RFC 8707), space-separated
    given_at: Mapped[datetime] = mapped_column(Instant)


class LogoutNotice(Delivery):
    """A client is to be told that a session in which it got a grant has ended, or all of an account (back channel)."""

    __tablename__ = "logout_notices"

    client_id: Mapped[str] = mapped_column(sa.String(100))
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    sid: Mapped[str] = mapped_column(sa.String(22))  # empty: every session of the account
