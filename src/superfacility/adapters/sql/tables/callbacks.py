"""Callbacks that are owed."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

from superfacility.adapters.sql.columns import UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

callback_watches = Table(
    "callback_watches",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("task_id", String, nullable=False, unique=True),
    Column("owner", String, nullable=False),
    Column("system", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("url", Text),
    Column("email", Text),
    Column("deadline", UtcTime),
    Column("job_id", String),
    Column("settling", Boolean, nullable=False),
    Column("ended", Boolean, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_callback_watches_open", callback_watches.c.ended, callback_watches.c.system, callback_watches.c.job_id)

callback_elements = Table(
    "callback_elements",
    metadata,
    Column("task_id", String, primary_key=True),
    Column("job_id", String, primary_key=True),
    Column("state", String),
    Column("exit_code", Integer),
)

callback_cursor = Table("callback_cursor", metadata, Column("event_id", BigInteger, primary_key=True))
"""One row."""

callback_salts = Table(
    "callback_salts",
    metadata,
    Column("owner", String, primary_key=True),
    Column("current", String, nullable=False),
    Column("previous", String),
    Column("rotated_at", UtcTime),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task_id", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("system", String, nullable=False),
    Column("job_id", String),
    Column("target", Text, nullable=False),
    Column("place", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("message_id", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("dead_because", Text),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("give_up_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("status", Integer),
    Column("error", Text),
    UniqueConstraint("task_id", "channel", "kind"),
    sqlite_autoincrement=True,
)
Index("ix_deliveries_owner", deliveries.c.owner, deliveries.c.id)
pending_delivery = deliveries.c.state == literal_column("'pending'")
Index("ix_deliveries_pending", deliveries.c.due_at, sqlite_where=pending_delivery, postgresql_where=pending_delivery)
