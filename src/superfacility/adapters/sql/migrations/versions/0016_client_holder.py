"""Who has the key of a client that acts as an account of several people."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("clients", sa.Column("holder", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("clients", "holder")
