"""Durable work and the keys that make its requests repeatable."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

from superfacility.adapters.sql.columns import Id, Json, UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner", String, nullable=False),
    Column("handler", String, nullable=False),
    Column("intent", Json, nullable=False),
    Column("status", String, nullable=False),
    Column("result", Json),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("level", String, nullable=False),
    Column("client_id", String),
    Column("reference", String),
    Column("attempts", Integer, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("interrupted", Boolean, nullable=False),
    Column("claimed_by", String),
    UniqueConstraint("reference", "handler"),
    sqlite_autoincrement=True,
)
Index("ix_tasks_owner", tasks.c.owner, tasks.c.id)
open_task = tasks.c.status == literal_column("'new'")
"""A literal, because an index with a condition serves no query that has a parameter in its place."""
Index("ix_tasks_open", tasks.c.id, sqlite_where=open_task, postgresql_where=open_task)
Index("ix_tasks_open_owner", tasks.c.owner, tasks.c.status, sqlite_where=open_task, postgresql_where=open_task)
"""The status is in it although all of its rows have one, so that SQLite counts without a look at the table."""
_claimed = tasks.c.claimed_by.is_not(None)
Index("ix_tasks_claimed_by", tasks.c.claimed_by, sqlite_where=_claimed, postgresql_where=_claimed)


def _of_a_request() -> tuple[Column[str], ...]:
    """What a caller's own key names, and what it was bound to."""
    return (
        Column("client_id", String, primary_key=True),
        Column("method", String, primary_key=True),
        Column("path", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("fingerprint", String, nullable=False),
    )


idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    *_of_a_request(),
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False, index=True),
)

kept_answers = Table(
    "kept_answers",
    metadata,
    *_of_a_request(),
    Column("begun_at", UtcTime, nullable=False, index=True),
    Column("text", Text),
)
"""Of requests that make no task; `text` is null until they are answered."""
