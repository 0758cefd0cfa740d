"""the rightful owner: where protective links went, accounts that support has secured, addresses taken from a thief, who closed an account"""

import sqlalchemy as sa
from alembic import op

from idp.database import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mailed_links", sa.Column("mailbox", sa.String(length=254), nullable=True))
    op.add_column(
        "address_changes", sa.Column("rescues", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("accounts", sa.Column("secured_at", Instant(), nullable=True))
    op.add_column("accounts", sa.Column("closed_by", sa.String(length=10), nullable=True))
    op.execute(
        "UPDATE accounts SET closed_by = 'holder' WHERE status = 'closing' AND EXISTS (SELECT 1 FROM audit_events e"
        " WHERE e.account_id = accounts.id AND e.event = 'deletion.ordered' AND e.actor IS NULL)"
    )
