"""consents: for which APIs"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consents", sa.Column("resource", sa.Text(), nullable=True))
