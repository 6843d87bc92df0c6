"""Requests for clients, collaboration accounts, and what clients are bound to."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("clients", sa.Column("project", sa.String(), nullable=True))
    op.add_column("clients", sa.Column("globus", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("clients", sa.Column("made_by", sa.String(), nullable=True))
    op.add_column("clients", sa.Column("renewed_at", sa.BigInteger(), nullable=True))
    op.create_index(op.f("ix_clients_made_by"), "clients", ["made_by"])
    _requests()
    op.create_table(
        "collaborations",
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=True),
        sa.Column("managers", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_collaborations_user")),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_collaborations")),
    )
    op.create_table(
        "client_warnings",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "expires_at", "notice", name=op.f("pk_client_warnings")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_client_warnings_expires_at"), "client_warnings", ["expires_at"])


def _requests() -> None:
    op.create_table(
        "client_requests",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("ranges", sa.Text(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("comments", sa.Text(), nullable=False),
        sa.Column("project", sa.String(), nullable=True),
        sa.Column("globus", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["requester"], ["users.name"], name=op.f("fk_client_requests_requester")),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_client_requests_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_requests")),
    )
    op.create_index(op.f("ix_client_requests_requester"), "client_requests", ["requester"])
    op.create_index(op.f("ix_client_requests_state"), "client_requests", ["state"])


def downgrade() -> None:
    for table in ("client_warnings", "collaborations", "client_requests"):
        op.drop_table(table)
    op.drop_index(op.f("ix_clients_made_by"), "clients")
    for column in ("renewed_at", "made_by", "globus", "project"):
        op.drop_column("clients", column)
