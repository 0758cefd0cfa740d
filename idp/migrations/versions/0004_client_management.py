"""client management: options of a client, its secret before this one, its logo"""

import sqlalchemy as sa
from alembic import op

from idp.database import Instant, Json

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("options", Json, nullable=False, server_default="{}"))
    op.add_column("clients", sa.Column("previous_secret_hash", sa.String(length=64), nullable=True))
    op.add_column("clients", sa.Column("previous_sealed_secret", sa.Text(), nullable=True))
    op.add_column("clients", sa.Column("previous_secret_until", Instant(), nullable=True))
    op.create_table(
        "client_logos",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=100), nullable=False),
        sa.Column("media_type", sa.String(length=20), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.client_id"],
            name=op.f("fk_client_logos_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("digest", "client_id", name=op.f("pk_client_logos")),
    )
    op.create_index(op.f("ix_client_logos_client_id"), "client_logos", ["client_id"], unique=False)
