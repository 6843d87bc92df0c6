"""What probes observe, how resources and outages changed, and when notes begin and end."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("notes") as notes:
        notes.add_column(sa.Column("starts_at", sa.BigInteger(), nullable=True))
        notes.add_column(sa.Column("ends_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "observations",
        sa.Column("probe", sa.String(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("latency", sa.Float(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["resource"], ["resources.name"], name=op.f("fk_observations_resource"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("probe", name=op.f("pk_observations")),
    )
    op.create_table(
        "state_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("outage", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("previous", sa.String(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_state_changes_at"), "state_changes", ["at"], unique=False)
    op.create_index("ix_state_changes_resource", "state_changes", ["resource", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("state_changes")
    op.drop_table("observations")
    with op.batch_alter_table("notes") as notes:
        notes.drop_column("ends_at")
        notes.drop_column("starts_at")
