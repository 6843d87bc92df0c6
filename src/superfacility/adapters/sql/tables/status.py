"""The status board and what probes observe."""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from superfacility.adapters.sql.columns import UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

resources = Table(
    "resources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("full_name", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("description", Text, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

outages = Table(
    "outages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("resource", ForeignKey("resources.name", ondelete="CASCADE"), nullable=False),
    Column("start_at", UtcTime, nullable=False),
    Column("end_at", UtcTime),
    Column("description", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("impact", String, nullable=False),
    Column("status", String, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)

notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("resource", ForeignKey("resources.name", ondelete="CASCADE"), nullable=False),
    Column("text", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("timestamp", UtcTime, nullable=False),
    Column("starts_at", UtcTime),
    Column("ends_at", UtcTime),
    sqlite_autoincrement=True,
)

observations = Table(
    "observations",
    metadata,
    Column("probe", String, primary_key=True),
    Column("resource", ForeignKey("resources.name", ondelete="CASCADE"), nullable=False),
    Column("state", String, nullable=False),
    Column("description", Text, nullable=False),
    Column("latency", Float),
    Column("at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("since", UtcTime),
)

state_changes = Table(
    "state_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("resource", String, nullable=False),
    Column("outage", BigInteger),
    Column("state", String, nullable=False),
    Column("previous", String),
    Column("description", Text, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
    sqlite_autoincrement=True,
)
Index("ix_state_changes_resource", state_changes.c.resource, state_changes.c.id)
