"""What is counted against quotas, and the proof that rows of audit are ours."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


_OPEN = sa.text("status = 'new'")


def upgrade() -> None:
    op.create_index("ix_tasks_open_owner", "tasks", ["owner", "status"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_table(
        "allowances",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "what", "who", name=op.f("pk_allowances")),
    )
    op.add_column("audit", sa.Column("proof", sa.LargeBinary()))


def downgrade() -> None:
    op.drop_column("audit", "proof")
    op.drop_table("allowances")
    op.drop_index("ix_tasks_open_owner", "tasks")
