"""What the stores of one test share, and its audit log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from superfacility.facility.audit import AuditEntry
from superfacility.facility.charges import Charge
from superfacility.facility.people import GroupName, Project, ProjectName, Role, User, UserName
from superfacility.facility.status import Note, Outage, Resource, ResourceName
from superfacility.oauth.clients import Client, ClientId
from superfacility.tasks.task import Task, TaskId, WorkerId


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
    groups: dict[GroupName, KeptGroup] = field(default_factory=dict)
    resources: dict[ResourceName, Resource] = field(default_factory=dict)
    outages: dict[int, Outage] = field(default_factory=dict)
    notes: dict[int, Note] = field(default_factory=dict)
    status_version: int = 0
    clients: dict[ClientId, Client] = field(default_factory=dict)
    generation: int = 0
    assertions: dict[tuple[ClientId, str], datetime] = field(default_factory=dict)
    tasks: dict[TaskId, KeptTask] = field(default_factory=dict)
    idempotency: dict[tuple[str, str, str, str], tuple[str, TaskId]] = field(default_factory=dict)
    charges: dict[tuple[str, str, datetime], Charge] = field(default_factory=dict)
    last_numbers: dict[str, int] = field(default_factory=dict)

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
        return [
            entry
            for entry in reversed(self._memory.audit)
            if actor in (None, entry.actor) and action in (None, entry.action)
        ][:limit]

    async def append(self, entry: AuditEntry) -> None:
        self._memory.audit.append(entry)

    async def purge(self, before: datetime) -> int:
        """Drop entries older than `before`; returns how many."""
        kept = [entry for entry in self._memory.audit if entry.at >= before]
        dropped = len(self._memory.audit) - len(kept)
        self._memory.audit[:] = kept
        return dropped
