"""Hours given to projects, their members' shares, and what was used of them."""

from sqlalchemy import Column, Float, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, text

from superfacility.adapters.sql.columns import Day, Id, UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

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
    Column("kind", String, nullable=False, server_default="cpu"),
    Column("qos", String, nullable=False, server_default=text("''")),
    Column("partition", String, nullable=False, server_default=text("''")),
    Index("ix_charges_project_user", "project", "user"),
    Index("ix_charges_system_ended_at", "system", "ended_at"),
)

usage_days = Table(
    "usage_days",
    metadata,
    Column("project", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("day", Day, primary_key=True),
    Column("user", String, primary_key=True),
    Column("system", String, primary_key=True),
    Column("qos", String, primary_key=True),
    Column("node_hours", Float, nullable=False),
    Column("jobs", Integer, nullable=False),
    Index("ix_usage_days_user_day", "user", "day"),
    sqlite_with_rowid=False,
)
"""The sums of `charges`, kept with them: balances and usage over time must not read a year of jobs."""

allocations = Table(
    "allocations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project", ForeignKey("projects.name"), nullable=False),
    Column("kind", String, nullable=False),
    Column("hours", Float),
    Column("begins", Day),
    Column("ends", Day),
    Index("ix_allocations_project_kind", "project", "kind"),
    sqlite_autoincrement=True,
)

allocation_use = Table(
    "allocation_use",
    metadata,
    Column("allocation", ForeignKey("allocations.id", ondelete="CASCADE"), primary_key=True),
    Column("user", String, primary_key=True),
    Column("node_hours", Float, nullable=False),
    sqlite_with_rowid=False,
)
"""The sums of `usage_days` in the days of an allocation, kept with both: it is read with every submission."""

allocation_shares = Table(
    "allocation_shares",
    metadata,
    Column("project", String, primary_key=True),
    Column("user", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("hours", Float),
    Column("percent", Float),
    ForeignKeyConstraint(["project", "user"], ["memberships.project", "memberships.user"], ondelete="CASCADE"),
)

allocation_rules = Table(
    "allocation_rules",
    metadata,
    Column("project", ForeignKey("projects.name"), primary_key=True),
    Column("when_exhausted", String, nullable=False),
)

allocation_notices = Table(
    "allocation_notices",
    metadata,
    Column("allocation", ForeignKey("allocations.id", ondelete="CASCADE"), primary_key=True),
    Column("percent", Integer, primary_key=True),
)
