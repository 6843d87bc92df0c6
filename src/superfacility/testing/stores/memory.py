"""What the stores of one test share, and its audit log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from superfacility.facility.accounting.allocations import HoursAllocation, Share, WhenExhausted
from superfacility.facility.accounting.charges import Charge
from superfacility.facility.audit import AuditEntry, AuditQuery
from superfacility.facility.events import Event
from superfacility.facility.membership.admissions import Invitation, InvitationId, JoinRequest, JoinRequestId
from superfacility.facility.people import GroupName, Project, ProjectName, Role, User, UserName
from superfacility.facility.snapshots import StoredSnapshot
from superfacility.facility.status import Note, Observation, Outage, Resource, ResourceName, StateChange
from superfacility.oauth.applications import Application, Grant, GrantId
from superfacility.oauth.clients import Client, ClientId
from superfacility.oauth.identity.accounts import Account, LoginLink
from superfacility.oauth.identity.attempts import Failures
from superfacility.oauth.logins import LoginSession
from superfacility.oauth.provider.tickets import AuthorizationCode, DeviceRequest, PushedRequest, RefreshToken
from superfacility.oauth.registration.collaborations import CollaborationAccount
from superfacility.oauth.registration.requests import ClientRequest, RequestId
from superfacility.tasks.keys import KeptAnswer
from superfacility.tasks.task import Task, TaskId, TaskStatus, WorkerId


@dataclass(slots=True)
class KeptTask:
    """A task with what the queue alone knows of it."""

    task: Task
    due_at: datetime
    claimed_by: WorkerId | None = None


@dataclass(slots=True)
class KeptGroup:
    gid: int
    project: ProjectName
    members: set[UserName]


@dataclass(slots=True)
class Memory:
    """One facility's records."""

    audit: list[AuditEntry] = field(default_factory=list)
    users: dict[UserName, User] = field(default_factory=dict)
    projects: dict[ProjectName, Project] = field(default_factory=dict)
    memberships: dict[tuple[ProjectName, UserName], tuple[int, Role]] = field(default_factory=dict)
    continuing: dict[tuple[ProjectName, UserName], bool] = field(default_factory=dict)
    invitations: dict[InvitationId, Invitation] = field(default_factory=dict)
    join_requests: dict[JoinRequestId, JoinRequest] = field(default_factory=dict)
    groups: dict[GroupName, KeptGroup] = field(default_factory=dict)
    resources: dict[ResourceName, Resource] = field(default_factory=dict)
    outages: dict[int, Outage] = field(default_factory=dict)
    notes: dict[int, Note] = field(default_factory=dict)
    status_version: int = 0
    observations: dict[str, Observation] = field(default_factory=dict)
    state_changes: list[StateChange] = field(default_factory=list)
    clients: dict[ClientId, Client] = field(default_factory=dict)
    generation: int = 0
    client_warnings: dict[tuple[ClientId, datetime], set[str]] = field(default_factory=dict)
    client_requests: dict[RequestId, ClientRequest] = field(default_factory=dict)
    collaborations: dict[UserName, CollaborationAccount] = field(default_factory=dict)
    applications: dict[ClientId, Application] = field(default_factory=dict)
    grants: dict[GrantId, Grant] = field(default_factory=dict)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    devices: dict[str, DeviceRequest] = field(default_factory=dict)
    pushed_requests: dict[str, PushedRequest] = field(default_factory=dict)
    guesses: list[tuple[UserName, datetime]] = field(default_factory=list)
    revoked_tokens: dict[tuple[ClientId, str], datetime] = field(default_factory=dict)
    assertions: dict[tuple[ClientId, str], datetime] = field(default_factory=dict)
    tasks: dict[TaskId, KeptTask] = field(default_factory=dict)
    idempotency: dict[tuple[str, str, str, str], tuple[str, TaskId]] = field(default_factory=dict)
    answers: dict[tuple[str, str, str, str], KeptAnswer] = field(default_factory=dict)
    charges: dict[tuple[str, str, datetime], Charge] = field(default_factory=dict)
    allocations: dict[int, HoursAllocation] = field(default_factory=dict)
    shares: dict[tuple[ProjectName, UserName, str], Share] = field(default_factory=dict)
    allocation_rules: dict[ProjectName, WhenExhausted] = field(default_factory=dict)
    allocation_notices: set[tuple[int, int]] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    snapshots: dict[tuple[str, str], StoredSnapshot] = field(default_factory=dict)
    login_accounts: dict[UserName, Account] = field(default_factory=dict)
    login_links: dict[str, LoginLink] = field(default_factory=dict)
    login_attempts: dict[str, Failures] = field(default_factory=dict)
    login_identities: dict[tuple[str, str], UserName] = field(default_factory=dict)
    login_sessions: dict[str, LoginSession] = field(default_factory=dict)
    locks: dict[str, object] = field(default_factory=dict)
    last_numbers: dict[str, int] = field(default_factory=dict)

    def cancel_unstarted(self, at: datetime, which: Callable[[Task], bool]) -> None:
        """Tasks that no worker has begun."""
        result = {"status": "error", "error": "Cancelled before it started."}
        for kept in self.tasks.values():
            task = kept.task
            if which(task) and not task.started and not task.status.terminal:
                kept.task = replace(task, status=TaskStatus.CANCELLED, result=result, updated_at=at)

    def next_number(self, kind: str) -> int:
        """From 1 up, never again."""
        self.last_numbers[kind] = self.last_numbers.get(kind, 0) + 1
        return self.last_numbers[kind]


class MemoryAuditLog:
    """`AuditLog` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def entries(
        self, *, actor: str | None = None, action: str | None = None, limit: int = 100
    ) -> Sequence[AuditEntry]:
        return await self.search(AuditQuery(actor=actor, action=action, limit=limit))

    async def search(self, query: AuditQuery) -> Sequence[AuditEntry]:
        return [entry for entry in reversed(self._memory.audit) if _matches(entry, query)][: query.limit]

    async def append(self, entry: AuditEntry) -> None:
        self._memory.audit.append(entry)


def _matches(entry: AuditEntry, query: AuditQuery) -> bool:
    wanted = {name: getattr(query, name) for name in ("actor", "target", "client_id", "address")}
    group = None if query.action is None else query.action.removesuffix("*")
    return (
        all(value is None or value == getattr(entry, name) for name, value in wanted.items())
        and (group is None or (entry.action.startswith(group) if group != query.action else entry.action == group))
        and (query.text is None or any(query.text in text for text in (entry.target, entry.detail)))
        and (query.since is None or entry.at >= query.since)
        and (query.until is None or entry.at < query.until)
    )
