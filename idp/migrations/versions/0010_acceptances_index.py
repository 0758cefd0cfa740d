"""acceptances: an index from which the accounts that have accepted a version are counted"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_acceptances_document_version_account_id", "acceptances", ["document", "version", "account_id"]
    )
    op.drop_index("ix_acceptances_document_version", "acceptances")
