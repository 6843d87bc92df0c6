"""Readings of schedulers, and what they tell of."""

from sqlalchemy import Column, LargeBinary, String, Table

from superfacility.adapters.sql.columns import Id, Json, UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
    Column("subject", String, nullable=False),
    Column("system", String, nullable=False),
    Column("user", String),
    Column("project", String),
    Column("data", Json, nullable=False),
    sqlite_autoincrement=True,
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("system", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("began_at", UtcTime, nullable=False),
    Column("digest", String, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
