"""Invitations to projects, and requests to join them."""

from sqlalchemy import Column, ForeignKey, String, Table, Text

from superfacility.adapters.sql.columns import UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

invitations = Table(
    "invitations",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", ForeignKey("projects.name"), nullable=False, index=True),
    Column("role", String, nullable=False),
    Column("invited_by", ForeignKey("users.name"), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("digest", String, nullable=False, unique=True),
    Column("user", ForeignKey("users.name"), index=True),
    Column("email", String, index=True),
    Column("outcome", String, nullable=False),
    Column("ended_at", UtcTime),
    Column("ended_by", String),
)

join_requests = Table(
    "join_requests",
    metadata,
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False, index=True),
    Column("user", ForeignKey("users.name"), nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("message", Text, nullable=False),
    Column("outcome", String, nullable=False),
    Column("ended_at", UtcTime),
    Column("ended_by", String),
)
"""The project need not exist."""
