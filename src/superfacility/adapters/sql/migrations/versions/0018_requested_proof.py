"""How a client that people ask for proves itself."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
_COLUMNS = ("strict", "dpop")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("client_requests", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("client_requests", name)
