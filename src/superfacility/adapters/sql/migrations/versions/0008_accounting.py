"""Charges by factor and kind, policies, and invitations to projects."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
