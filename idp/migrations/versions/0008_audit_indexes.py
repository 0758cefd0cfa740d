"""the audit log: indexes for what went wrong, and for one kind of event of a client app"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, columns, condition in (
        ("ix_audit_events_client_id_event_at", ["client_id", "event", "at"], "client_id IS NOT NULL"),
        ("ix_audit_events_outcome_at", ["outcome", "at"], "outcome <> 'success'"),
    ):
        op.create_index(
            name,
            "audit_events",
            columns,
            unique=False,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
