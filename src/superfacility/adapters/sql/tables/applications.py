"""Registered applications, what people have granted them, and the tickets that stand for it."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from superfacility.adapters.sql.columns import Id, Json, UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

applications = Table(
    "applications",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner", ForeignKey("users.name"), nullable=False, index=True),
    Column("project", ForeignKey("projects.name")),
    Column("level", String, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("redirect_uris", Json, nullable=False),
    Column("logout_uris", Json, nullable=False),
    Column("keys", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("approval", String, nullable=False),
    Column("homepage", Text, nullable=False),
    Column("profile", String, nullable=False),
    Column("device", Boolean, nullable=False),
    Column("dpop", Boolean, nullable=False),
    Column("resource_server", Boolean, nullable=False),
    Column("revoked_at", UtcTime),
)

grants = Table(
    "grants",
    metadata,
    Column("id", String, primary_key=True),
    Column("application", String, nullable=False, index=True),
    Column("user", ForeignKey("users.name"), nullable=False, index=True),
    Column("scopes", Json, nullable=False),
    Column("identity", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("logged_in_at", UtcTime, nullable=False),
    Column("methods", Json, nullable=False),
    Column("session", String, index=True),
    Column("key_thumbprint", String),
    Column("revoked_at", UtcTime),
)
"""Of the application that comes along with us, too, which has no row."""


def _of_grant() -> ForeignKey:
    return ForeignKey("grants.id", ondelete="CASCADE")


authorization_codes = Table(
    "authorization_codes",
    metadata,
    Column("key", String, primary_key=True),
    Column("grant", _of_grant(), nullable=False, index=True),
    Column("application", String, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", String, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("nonce", Text),
    Column("key_thumbprint", String),
    Column("used_at", UtcTime),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("key", String, primary_key=True),
    Column("grant", _of_grant(), nullable=False, index=True),
    Column("application", String, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("used_at", UtcTime),
)

device_requests = Table(
    "device_requests",
    metadata,
    Column("key", String, primary_key=True),
    Column("user_code", String, nullable=False, unique=True),
    Column("application", String, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("identity", Json, nullable=False),
    Column("address", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("interval", Integer, nullable=False),
    Column("asked_at", UtcTime),
    Column("decision", String, nullable=False),
    Column("grant", _of_grant(), index=True),
)

pushed_requests = Table(
    "pushed_requests",
    metadata,
    Column("key", String, primary_key=True),
    Column("application", String, nullable=False),
    Column("parameters", Json, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

code_guesses = Table(
    "code_guesses",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user", String, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
    sqlite_autoincrement=True,
)
Index("ix_code_guesses_user", code_guesses.c.user, code_guesses.c.at)
