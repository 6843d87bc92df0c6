"""Registered applications, and what people have granted them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    _applications()
    _grants()
    _codes_and_refresh_tokens()
    _devices()
    op.create_table(
        "pushed_requests",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("application", sa.String(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_pushed_requests")),
    )
    op.create_index(op.f("ix_pushed_requests_expires_at"), "pushed_requests", ["expires_at"])


def _applications() -> None:
    op.create_table(
        "applications",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=True),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("redirect_uris", sa.Text(), nullable=False),
        sa.Column("logout_uris", sa.Text(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("approval", sa.String(), nullable=False),
        sa.Column("homepage", sa.Text(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("device", sa.Boolean(), nullable=False),
        sa.Column("dpop", sa.Boolean(), nullable=False),
        sa.Column("resource_server", sa.Boolean(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["owner"], ["users.name"], name=op.f("fk_applications_owner")),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_applications_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
    )
    op.create_index(op.f("ix_applications_owner"), "applications", ["owner"])


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("application", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("logged_in_at", sa.BigInteger(), nullable=False),
        sa.Column("methods", sa.Text(), nullable=False),
        sa.Column("session", sa.String(), nullable=True),
        sa.Column("key_thumbprint", sa.String(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user"], ["users.name"], name=op.f("fk_grants_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    for column in ("application", "user", "expires_at", "session"):
        op.create_index(op.f(f"ix_grants_{column}"), "grants", [column])


def _codes_and_refresh_tokens() -> None:
    op.create_table(
        "authorization_codes",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("grant", sa.String(), nullable=False),
        sa.Column("application", sa.String(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("challenge", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=True),
        sa.Column("key_thumbprint", sa.String(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        _of_grant("authorization_codes"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_authorization_codes")),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("grant", sa.String(), nullable=False),
        sa.Column("application", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        _of_grant("refresh_tokens"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_refresh_tokens")),
    )
    for table in ("authorization_codes", "refresh_tokens"):
        op.create_index(op.f(f"ix_{table}_grant"), table, ["grant"])
        op.create_index(op.f(f"ix_{table}_expires_at"), table, ["expires_at"])


def _devices() -> None:
    op.create_table(
        "device_requests",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("user_code", sa.String(), nullable=False),
        sa.Column("application", sa.String(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("grant", sa.String(), nullable=True),
        _of_grant("device_requests"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_device_requests")),
        sa.UniqueConstraint("user_code", name=op.f("uq_device_requests_user_code")),
    )
    op.create_index(op.f("ix_device_requests_expires_at"), "device_requests", ["expires_at"])
    op.create_index(op.f("ix_device_requests_grant"), "device_requests", ["grant"])
    op.create_table(
        "code_guesses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_guesses")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_code_guesses_at"), "code_guesses", ["at"])
    op.create_index("ix_code_guesses_user", "code_guesses", ["user", "at"])


def _of_grant(table: str) -> Any:
    name = op.f(f"fk_{table}_grant")
    return sa.ForeignKeyConstraint(["grant"], ["grants.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    tables = ("code_guesses", "device_requests", "refresh_tokens", "authorization_codes", "pushed_requests", "grants")
    for table in (*tables, "applications"):
        op.drop_table(table)
