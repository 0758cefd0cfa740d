"""administrators: roles, what an audit event changed, keys for searching people, counts per hour"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import VARCHAR

from idp.database import Instant, JsonOrNull

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.String(length=200).with_variant(VARCHAR(200, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "roles",
        sa.Column("account_id", sa.String(length=22), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("given_at", Instant(), nullable=False),
        sa.Column("given_by", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_roles_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "role", name=op.f("pk_roles")),
    )
    op.create_index(op.f("ix_roles_role"), "roles", ["role"], unique=False)
    op.create_table(
        "hourly_counts",
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "event", "outcome", name=op.f("pk_hourly_counts")),
    )

    op.add_column("audit_events", sa.Column("changes", JsonOrNull, nullable=True))
    op.add_column("audit_events", sa.Column("note", sa.String(length=500), nullable=True))
    op.create_index("ix_audit_events_event_at", "audit_events", ["event", "at"], unique=False)
    for column in ("client_id", "actor"):
        known = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_audit_events_{column}_at",
            "audit_events",
            [column, "at"],
            unique=False,
            sqlite_where=known,
            postgresql_where=known,
        )

    for table in ("accounts", "registrations"):
        for column in ("family_key", "given_key"):  # filled by the hourly work of `idp serve`, in batches
            op.add_column(table, sa.Column(column, _KEY, nullable=True))
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        for table, column in (
            ("accounts", "username_key"),
            ("accounts", "email_key"),
            ("registrations", "username_key"),
        ):
            op.create_index(
                f"ix_{table}_{column}_prefix",
                table,
                [column],
                unique=False,
                postgresql_ops={column: "varchar_pattern_ops"},
            )
    op.create_index(
        "ix_acceptances_document_version", "acceptances", ["document", "version", "language"], unique=False
    )
