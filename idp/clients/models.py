"""The table of client apps."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import Instant, Json, Model


class ClientApp(Model):
    """A registered client. `registration` holds its metadata by the names of RFC 7591 and OpenID Connect."""

    __tablename__ = "clients"

    client_id: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    registration: Mapped[dict[str, Any]] = mapped_column(Json)
    secret_hash: Mapped[str | None] = mapped_column(sa.String(64))
    sealed_secret: Mapped[str | None] = mapped_column(
        sa.Text
    )  # of client_secret_jwt alone: must be read back
    previous_secret_hash: Mapped[str | None] = mapped_column(sa.String(64))  # good beside it for a while
    previous_sealed_secret: Mapped[str | None] = mapped_column(sa.Text)
    previous_secret_until: Mapped[datetime | None] = mapped_column(Instant)
    registration_token_hash: Mapped[str | None] = mapped_column(sa.String(64))  # RFC 7592; of dynamic clients
    options: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)  # of ClientOptions, where set
    first_party: Mapped[bool] = mapped_column(default=True)  # the municipality's own: no consent page
    pkce_required: Mapped[bool] = mapped_column(default=True)
    resource_server: Mapped[bool] = mapped_column(default=False)  # may introspect tokens meant for it
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class ClientLogo(Model):
    """A picture that pages for a client show; residents' browsers ask nobody else for it."""

    __tablename__ = "client_logos"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)  # SHA-256 of the content
    client_id: Mapped[str] = mapped_column(
        sa.ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    media_type: Mapped[str] = mapped_column(sa.String(20))
    content: Mapped[bytes] = mapped_column(sa.LargeBinary)


class InitialAccessToken(Model):
    """Lets its holder register clients (RFC 7591 section 3), any number of them until it expires."""

    __tablename__ = "initial_access_tokens"

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    note: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
