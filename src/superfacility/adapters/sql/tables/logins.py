"""People who log in with a browser: sessions, built-in accounts, links, attempts, and who they are elsewhere."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from superfacility.adapters.sql.columns import Json, UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

login_sessions = Table(
    "login_sessions",
    metadata,
    Column("key", String, primary_key=True),
    Column("user", ForeignKey("users.name"), nullable=False, index=True),
    Column("provider", String, nullable=False),
    Column("methods", Json, nullable=False),
    Column("logged_in_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("upstream_id_token", Text),
)

login_accounts = Table(
    "login_accounts",
    metadata,
    Column("user", ForeignKey("users.name"), primary_key=True),
    Column("password", Text),
    Column("changed_at", UtcTime, nullable=False),
    Column("totp", Text),
    Column("totp_step", BigInteger, nullable=False),
    Column("recovery", Json, nullable=False),
)

login_links = Table(
    "login_links",
    metadata,
    Column("digest", String, primary_key=True),
    Column("user", ForeignKey("users.name"), nullable=False, index=True),
    Column("purpose", String, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
)

login_attempts = Table(
    "login_attempts",
    metadata,
    Column("key", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcTime, nullable=False, index=True),
)

login_identities = Table(
    "login_identities",
    metadata,
    Column("provider", String, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("user", ForeignKey("users.name"), nullable=False, index=True),
)
