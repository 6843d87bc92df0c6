"""Registered programs, the assertions that they have used, the tokens that they have given back, requests for more, and
accounts that several manage."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, LargeBinary, String, Table, Text, false

from superfacility.adapters.sql.columns import Json, UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

clients = Table(
    "clients",
    metadata,
    Column("id", String, primary_key=True),
    Column("user", ForeignKey("users.name"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("level", String, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("ranges", Json, nullable=False),
    Column("keys", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("comments", Text, nullable=False),
    Column("project", String),
    Column("globus", Boolean, nullable=False, server_default=false()),
    Column("made_by", String, index=True),
    Column("renewed_at", UtcTime),
    Column("strict", Boolean, nullable=False, server_default=false()),
    Column("dpop", Boolean, nullable=False, server_default=false()),
    Column("holder", String),
)

client_requests = Table(
    "client_requests",
    metadata,
    Column("id", String, primary_key=True),
    Column("requester", ForeignKey("users.name"), nullable=False, index=True),
    Column("user", ForeignKey("users.name"), nullable=False),
    Column("name", Text, nullable=False),
    Column("level", String, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("ranges", Json, nullable=False),
    Column("keys", Json, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("comments", Text, nullable=False),
    Column("project", String),
    Column("globus", Boolean, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("decided_at", UtcTime),
    Column("decided_by", String),
    Column("reason", Text, nullable=False),
    Column("client_id", String),
    Column("strict", Boolean, nullable=False, server_default=false()),
    Column("dpop", Boolean, nullable=False, server_default=false()),
)

collaborations = Table(
    "collaborations",
    metadata,
    Column("user", ForeignKey("users.name"), primary_key=True),
    Column("project", String),
    Column("managers", Json, nullable=False),
)
"""Accounts that several people manage."""

client_warnings = Table(
    "client_warnings",
    metadata,
    Column("client_id", String, primary_key=True),
    Column("expires_at", UtcTime, primary_key=True, index=True),
    Column("notice", String, primary_key=True),
    sqlite_with_rowid=False,
)
"""Which mails about which end of a client have left."""

assertions = Table(
    "assertions",
    metadata,
    Column("client_id", String, primary_key=True),
    Column("jti", LargeBinary, primary_key=True),
    Column("expires_at", UtcTime, nullable=False, index=True),
    sqlite_with_rowid=False,
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("client_id", String, primary_key=True),
    Column("jti", String, primary_key=True),
    Column("expires_at", UtcTime, nullable=False, index=True),
    sqlite_with_rowid=False,
)
