"""outbox: whom a message is for, so that helpers see what became of it"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("recipient", sa.String(64)))
    op.create_index("ix_outbox_recipient", "outbox", ["recipient"])
