"""What requests with a key of their own were answered, so that the same again is answered and not done."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("client_id", "method", "path", "key", name=op.f("pk_kept_answers")),
    )
    op.create_index(op.f("ix_kept_answers_begun_at"), "kept_answers", ["begun_at"])


def downgrade() -> None:
    op.drop_table("kept_answers")
