"""The outbox table."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from idp.database import BigInt, Instant, Model


class OutboxMessage(Model):
    """A message to be delivered. It holds addresses and links, so its content is encrypted, and erased once sent."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(30))
    sealed: Mapped[str | None] = mapped_column(sa.Text)  # encrypted JSON: to, subject, text, html
    created_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(sa.String(200))
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    given_up_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (
        sa.Index(
            "ix_outbox_waiting",
            "due_at",
            sqlite_where=sa.text("sent_at IS NULL"),
            postgresql_where=sa.text("sent_at IS NULL"),
        ),
    )
