"""Audit rows sealed into a hash chain. Rows that are there already are sealed by the first process that serves."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("audit", sa.Column("position", sa.BigInteger(), nullable=True))
    op.add_column("audit", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_audit_position"), "audit", ["position"], unique=True)
    unsealed = sa.text("position IS NULL")
    op.create_index(op.f("ix_audit_unsealed"), "audit", ["id"], sqlite_where=unsealed, postgresql_where=unsealed)
    op.create_table(
        "audit_anchor",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_anchor")),
    )


def downgrade() -> None:
    op.drop_table("audit_anchor")
    op.drop_index(op.f("ix_audit_unsealed"), "audit")
    op.drop_index(op.f("ix_audit_position"), "audit")
    op.drop_column("audit", "digest")
    op.drop_column("audit", "position")
