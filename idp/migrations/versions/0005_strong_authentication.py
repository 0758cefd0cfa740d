"""strong authentication: identifications under way, their tickets, who people are, our keys for the broker"""

import sqlalchemy as sa
from alembic import op

from idp.database import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pending_identifications",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("nonce_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("request_id", sa.String(length=100), nullable=True),
        sa.Column("client_id", sa.String(length=100), nullable=True),
        sa.Column("account_id", sa.String(length=22), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_pending_identifications")),
    )
    op.create_index(
        op.f("ix_pending_identifications_expires_at"), "pending_identifications", ["expires_at"], unique=False
    )
    op.create_table(
        "identification_tickets",
        sa.Column("ticket_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_identification_tickets")),
    )
    op.create_index(
        op.f("ix_identification_tickets_expires_at"), "identification_tickets", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("ix_identification_tickets_browser_hash"),
        "identification_tickets",
        ["browser_hash"],
        unique=False,
    )
    op.create_table(
        "strong_identities",
        sa.Column("account_id", sa.String(length=22), nullable=False),
        sa.Column("person_key", sa.String(length=64), nullable=False),
        sa.Column("key_number", sa.Integer(), nullable=False),
        sa.Column("given_names", sa.String(length=300), nullable=False),
        sa.Column("family_name", sa.String(length=200), nullable=False),
        sa.Column("sealed_identity_code", sa.Text(), nullable=True),
        sa.Column("broker", sa.String(length=300), nullable=False),
        sa.Column("acr", sa.String(length=200), nullable=False),
        sa.Column("identified_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_strong_identities_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_strong_identities")),
        sa.UniqueConstraint("person_key", name=op.f("uq_strong_identities_person_key")),
    )
    op.create_table(
        "upstream_keys",
        sa.Column("kid", sa.String(length=22), nullable=False),
        sa.Column("use", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("sealed_private_key", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("activated_at", Instant(), nullable=True),
        sa.Column("retired_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_upstream_keys")),
    )
    # The rows whose locks let one transaction at a time bind a person, or make keys.
    op.execute("INSERT INTO versions (name, number) VALUES ('persons', 1), ('upstream_keys', 1)")
    op.add_column("registrations", sa.Column("sealed_identification", sa.Text(), nullable=True))
