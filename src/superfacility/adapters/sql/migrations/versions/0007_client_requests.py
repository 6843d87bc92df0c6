"""Requests for clients that staff decide, and clients bound to projects."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
