"""Every table. What the migrations build must equal this; a test compares them.

Times are whole microseconds since 1970 in UTC, so that they sort and compare as numbers on every database.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

from superfacility.adapters.sql.columns import Json, UtcTime

SCHEMA = "0001"
"""The migration that this code needs."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Numbers that grow with every change of one kind: `clients`, `status`, `tasks`; and `commit`, a mark of the last."""

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("client_id", String),
    Column("address", String),
    Column("detail", Text, nullable=False),
    sqlite_autoincrement=True,
)

users = Table(
    "users",
    metadata,
    Column("uid", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False, unique=True),
    Column("first_name", Text, nullable=False),
    Column("middle_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("work_phone", Text, nullable=False),
    Column("other_phones", Text, nullable=False),
    Column("staff", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("cpu_hours", Float),
    Column("gpu_hours", Float),
    Column("project_bytes", BigInteger),
    Column("archive_bytes", BigInteger),
    Column("active", Boolean, nullable=False),
    sqlite_autoincrement=True,
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project", ForeignKey("projects.name"), nullable=False),
    Column("user", ForeignKey("users.name"), nullable=False, index=True),
    Column("role", String, nullable=False),
    UniqueConstraint("project", "user"),
    sqlite_autoincrement=True,
)

groups = Table(
    "groups",
    metadata,
    Column("gid", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False, unique=True),
    Column("project", ForeignKey("projects.name"), nullable=False),
)

group_members = Table(
    "group_members",
    metadata,
    Column("group", ForeignKey("groups.name", ondelete="CASCADE"), primary_key=True),
    Column("user", ForeignKey("users.name"), primary_key=True, index=True),
)

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
    sqlite_autoincrement=True,
)

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
)

assertions = Table(
    "assertions",
    metadata,
    Column("client_id", String, primary_key=True),
    Column("jti", LargeBinary, primary_key=True),
    Column("expires_at", UtcTime, nullable=False, index=True),
    sqlite_with_rowid=False,
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Integer, primary_key=True),
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
_claimed = tasks.c.claimed_by.is_not(None)
Index("ix_tasks_claimed_by", tasks.c.claimed_by, sqlite_where=_claimed, postgresql_where=_claimed)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("client_id", String, primary_key=True),
    Column("method", String, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("task_id", ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False, index=True),
)

charges = Table(
    "charges",
    metadata,
    Column("system", String, primary_key=True),
    Column("job_id", String, primary_key=True),
    Column("submitted_at", UtcTime, primary_key=True),
    Column("project", String, nullable=False),
    Column("user", String, nullable=False),
    Column("node_hours", Float, nullable=False),
    Column("ended_at", UtcTime, nullable=False),
    Index("ix_charges_project_user", "project", "user"),
    Index("ix_charges_system_ended_at", "system", "ended_at"),
)
