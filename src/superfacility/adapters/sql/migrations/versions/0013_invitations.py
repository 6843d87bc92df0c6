"""Invitations to projects, requests to join them, and what projects are."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    for column in ("title", "organisation", "about"):
        op.add_column("projects", sa.Column(column, sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("memberships", sa.Column("continuing", sa.Boolean(), server_default=sa.false(), nullable=False))
    _invitations()
    _join_requests()


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("invited_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_invitations_project")),
        sa.ForeignKeyConstraint(["invited_by"], ["users.name"], name=op.f("fk_invitations_invited_by")),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_invitations_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_invitations_digest")),
    )
    for column in ("project", "invited_by", "expires_at", "user", "email"):
        op.create_index(op.f(f"ix_invitations_{column}"), "invitations", [column])


def _join_requests() -> None:
    op.create_table(
        "join_requests",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_join_requests_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_requests")),
    )
    for column in ("project", "user", "expires_at"):
        op.create_index(op.f(f"ix_join_requests_{column}"), "join_requests", [column])


def downgrade() -> None:
    op.drop_table("join_requests")
    op.drop_table("invitations")
    op.drop_column("memberships", "continuing")
    for column in ("about", "organisation", "title"):
        op.drop_column("projects", column)
