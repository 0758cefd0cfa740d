"""the moment of the password in sessions that a strong identification has raised"""

import sqlalchemy as sa
from alembic import op

from idp.database import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("password_auth_time", Instant(), nullable=True))
