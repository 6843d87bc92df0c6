"""Projects from inside: members, invitations, requests to join."""

from dataclasses import dataclass
from datetime import datetime

from superfacility.client.records.reading import Row, record, text


@dataclass(frozen=True, slots=True)
class ProjectDetails:
    """A project and what you may do in it. Bytes are None where there is no limit."""

    name: str
    title: str
    description: str
    organisation: str
    about: str
    role: str
    """Yours; empty for staff who are no member."""
    permissions: tuple[str, ...]
    project_bytes: float | None
    archive_bytes: float | None

    @classmethod
    def of(cls, row: Row) -> "ProjectDetails":
        return record(cls, row, name=text(row, "repo_name"))


@dataclass(frozen=True, slots=True)
class ProjectMember:
    """`continuing`: marked to stay for the next allocation year."""

    user: str
    first_name: str
    last_name: str
    email: str
    role: str
    continuing: bool

    @classmethod
    def of(cls, row: Row) -> "ProjectMember":
        return record(cls, row)


@dataclass(frozen=True, slots=True)
class Invitation:
    """`token` is there once, where you have just sent it."""

    id: str
    project: str
    title: str
    role: str
    user: str
    email: str
    invited_by: str
    created_at: datetime | None
    expires_at: datetime | None
    outcome: str
    token: str

    @classmethod
    def of(cls, row: Row) -> "Invitation":
        return record(cls, row)


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """Somebody's wish to join a project, which need not exist."""

    id: str
    project: str
    user: str
    first_name: str
    last_name: str
    email: str
    message: str
    created_at: datetime | None
    expires_at: datetime | None
    outcome: str

    @classmethod
    def of(cls, row: Row) -> "JoinRequest":
        return record(cls, row)
