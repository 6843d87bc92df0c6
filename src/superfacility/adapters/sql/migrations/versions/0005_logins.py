"""People who log in: passwords, second factors, and sessions of their browsers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _sessions()
    _accounts()
    _others()


def _sessions() -> None:
    op.create_table(
        "login_sessions",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("methods", sa.Text(), nullable=False),
        sa.Column("logged_in_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("upstream_id_token", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_login_sessions_user")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_sessions")),
    )
    op.create_index(op.f("ix_login_sessions_user"), "login_sessions", ["user"])
    op.create_index(op.f("ix_login_sessions_expires_at"), "login_sessions", ["expires_at"])


def _accounts() -> None:
    op.create_table(
        "login_accounts",
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("totp", sa.Text(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("recovery", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_login_accounts_user")),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_login_accounts")),
    )
    op.create_table(
        "login_links",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_login_links_user")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_links")),
    )
    op.create_index(op.f("ix_login_links_user"), "login_links", ["user"])
    op.create_index(op.f("ix_login_links_expires_at"), "login_links", ["expires_at"])


def _others() -> None:
    op.create_table(
        "login_attempts",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_attempts")),
    )
    op.create_index(op.f("ix_login_attempts_last_at"), "login_attempts", ["last_at"])
    op.create_table(
        "login_identities",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_login_identities_user")),
        sa.PrimaryKeyConstraint("provider", "subject", name=op.f("pk_login_identities")),
    )
    op.create_index(op.f("ix_login_identities_user"), "login_identities", ["user"])


def downgrade() -> None:
    for table in ("login_identities", "login_attempts", "login_links", "login_accounts", "login_sessions"):
        op.drop_table(table)
