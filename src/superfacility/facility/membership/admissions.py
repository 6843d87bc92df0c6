"""How people come into projects and leave them: invitations, requests to join, and changes of membership."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import ProjectName, Role, UserName

InvitationId = NewType("InvitationId", str)
JoinRequestId = NewType("JoinRequestId", str)


class Outcome(StrEnum):
    """What has become of an invitation or a request."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    """By the invited person, or by the project that was asked."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Invitation:
    """To one user by name, or to whoever reads the mails of an address. `digest` is the SHA-256 (hex) of its token."""

    id: InvitationId
    project: ProjectName
    role: Role
    invited_by: UserName
    created_at: datetime
    expires_at: datetime
    digest: str = field(repr=False)
    user: UserName | None = None
    email: str | None = None
    """In lower case."""
    outcome: Outcome = Outcome.OPEN
    ended_at: datetime | None = None
    ended_by: UserName | None = None

    def outcome_at(self, now: datetime) -> Outcome:
        return Outcome.EXPIRED if self.outcome is Outcome.OPEN and now >= self.expires_at else self.outcome

    @property
    def invited(self) -> str:
        """Who, for people."""
        return self.user or self.email or ""


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """Somebody's wish to join. The project may not exist: who asks is not told."""

    id: JoinRequestId
    project: ProjectName
    user: UserName
    created_at: datetime
    expires_at: datetime
    message: str = ""
    outcome: Outcome = Outcome.OPEN
    ended_at: datetime | None = None
    ended_by: UserName | None = None

    def outcome_at(self, now: datetime) -> Outcome:
        return Outcome.EXPIRED if self.outcome is Outcome.OPEN and now >= self.expires_at else self.outcome


@dataclass(frozen=True, slots=True)
class Ending:
    """How an invitation or a request ends: by whom and when."""

    outcome: Outcome
    by: UserName
    at: datetime


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What becomes of somebody: a member with this role, or (None) no member any more. `expected` are the roles that
    the decision rests on, of this user and of others; where one has changed meanwhile, nothing happens."""

    project: ProjectName
    user: UserName
    role: Role | None
    continuing: bool | None = None
    """None: stays as it is."""
    expected: Mapping[UserName, Role | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProjectChange:
    """New values of some fields of a project; all others stay, whoever changes them meanwhile. `expected` as in
    `MemberChange`."""

    project: ProjectName
    texts: Mapping[str, str] = field(default_factory=dict)
    """Of `title`, `description`, `organisation`, `about`."""
    quotas: Mapping[str, int | None] = field(default_factory=dict)
    """Of `project_bytes`, `archive_bytes`; None: without limit."""
    expected: Mapping[UserName, Role | None] = field(default_factory=dict)


class Admissions(Protocol):
    """Remembers invitations and requests, and changes projects and their members by the rules of projects. Every
    change is committed together with its audit row and what follows from it."""

    async def change_project(self, change: ProjectChange, audit: AuditEntry) -> None:
        """`Conflict` if an expected role has changed, `NotFound` for a project that is not there."""

    async def change_member(self, change: MemberChange, audit: AuditEntry) -> None:
        """Who is removed leaves the project's groups, and their invitations of others are withdrawn; who is added has
        nothing to wait for any more: their request is accepted, their invitation withdrawn. `Conflict` if an expected
        role has changed or the project would lose its last PI; `NotFound` for a project or user that is not there."""

    async def invite(self, invitation: Invitation, audit: AuditEntry, *, most_a_day: int) -> None:
        """`Conflict` if the same person is invited already and that is open, or is a member; `TooMany` if the inviter
        has made `most_a_day` within the last 24 hours."""

    async def invitation(self, invitation_id: InvitationId) -> Invitation | None: ...

    async def invitation_of(self, digest: str) -> Invitation | None:
        """By the digest of its token."""

    async def invitations(
        self, *, project: ProjectName | None = None, user: UserName | None = None, email: str | None = None
    ) -> Sequence[Invitation]:
        """Newest first; of a project, or to a user or an address."""

    async def end_invitation(
        self, invitation_id: InvitationId, ending: Ending, audit: AuditEntry, *, change: MemberChange | None = None
    ) -> None:
        """Once: `Conflict` if it has ended or expired. The `change` is made by the same commit, by the rules of
        `change_member`."""

    async def ask(self, request: JoinRequest, audit: AuditEntry, *, most_a_day: int) -> None:
        """`Conflict` if an open one of the same person for the same project is there; `TooMany` if they have made
        `most_a_day` within the last 24 hours."""

    async def request(self, request_id: JoinRequestId) -> JoinRequest | None: ...

    async def requests(
        self, *, project: ProjectName | None = None, user: UserName | None = None
    ) -> Sequence[JoinRequest]:
        """Newest first."""

    async def end_request(
        self, request_id: JoinRequestId, ending: Ending, audit: AuditEntry, *, change: MemberChange | None = None
    ) -> None:
        """As `end_invitation`."""

    async def forget(self, before: datetime) -> int:
        """Drop invitations and requests that ended or expired before; returns how many."""
