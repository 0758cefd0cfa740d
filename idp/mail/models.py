"""The outbox table."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from idp.deliveries import Delivery


class OutboxMessage(Delivery):
    """A message to be delivered. It holds addresses and links, so its content is encrypted, and erased once sent."""

    __tablename__ = "outbox"

    kind: Mapped[str] = mapped_column(sa.String(30))
    sealed: Mapped[str | None] = mapped_column(sa.Text)  # encrypted JSON: to, subject, text, html
    recipient: Mapped[str | None] = mapped_column(sa.String(64), index=True)  # keyed hash of the address
