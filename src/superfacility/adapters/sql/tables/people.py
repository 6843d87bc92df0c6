"""People, projects, their members, and groups."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from superfacility.adapters.sql.tables.metadata import metadata

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
    Column("project_bytes", BigInteger),
    Column("archive_bytes", BigInteger),
    Column("active", Boolean, nullable=False),
    Column("title", Text, nullable=False, server_default=text("''")),
    Column("organisation", Text, nullable=False, server_default=text("''")),
    Column("about", Text, nullable=False, server_default=text("''")),
    sqlite_autoincrement=True,
)

memberships = Table(
    "memberships",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project", ForeignKey("projects.name"), nullable=False),
    Column("user", ForeignKey("users.name"), nullable=False, index=True),
    Column("role", String, nullable=False),
    Column("continuing", Boolean, nullable=False, server_default=false()),
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
