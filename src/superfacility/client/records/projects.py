"""Projects from inside: members, invitations, requests to join."""

from dataclasses import dataclass
from datetime import datetime

from superfacility.client.records.reading import Row, moment, number, text


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
        return cls(
            name=text(row, "repo_name"),
            title=text(row, "title"),
            description=text(row, "description"),
            organisation=text(row, "organisation"),
            about=text(row, "about"),
            role=text(row, "role"),
            permissions=tuple(map(str, row.get("permissions") or ())),
            project_bytes=number(row, "project_bytes"),
            archive_bytes=number(row, "archive_bytes"),
        )


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
        return cls(
            user=text(row, "user"),
            first_name=text(row, "first_name"),
            last_name=text(row, "last_name"),
            email=text(row, "email"),
            role=text(row, "role"),
            continuing=bool(row.get("continuing")),
        )


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
        return cls(
            id=text(row, "id"),
            project=text(row, "project"),
            title=text(row, "title"),
            role=text(row, "role"),
            user=text(row, "user"),
            email=text(row, "email"),
            invited_by=text(row, "invited_by"),
            created_at=moment(row.get("created_at")),
            expires_at=moment(row.get("expires_at")),
            outcome=text(row, "outcome"),
            token=text(row, "token"),
        )


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
        return cls(
            id=text(row, "id"),
            project=text(row, "project"),
            user=text(row, "user"),
            first_name=text(row, "first_name"),
            last_name=text(row, "last_name"),
            email=text(row, "email"),
            message=text(row, "message"),
            created_at=moment(row.get("created_at")),
            expires_at=moment(row.get("expires_at")),
            outcome=text(row, "outcome"),
        )
