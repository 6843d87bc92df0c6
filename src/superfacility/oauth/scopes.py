"""The one table of security: every scope, the level it needs, and what it means.

Routes, the published `x-nersc-scope`, the reference page and the checks all read it. A level grants every scope of its
own and of the levels below; a client may have fewer.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum


class SecurityLevel(IntEnum):
    """How much a client may do. More power means a shorter life and fewer source ranges."""

    GREEN = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4

    @property
    def label(self) -> str:
        return self.name.lower()

    @classmethod
    def from_label(cls, label: str) -> "SecurityLevel":
        return cls[label.upper()]


@dataclass(frozen=True, slots=True)
class LevelRule:
    """Bounds of a level. Ranges must be at least as narrow as an IPv4 /24 or an IPv6 /64, at every level."""

    lifetime: timedelta
    max_ranges: int
    meaning: str


LEVELS: dict[SecurityLevel, LevelRule] = {
    SecurityLevel.GREEN: LevelRule(timedelta(days=60), 16, "read your account, tasks and reservations"),
    SecurityLevel.YELLOW: LevelRule(timedelta(days=60), 8, "also see jobs and list directories"),
    SecurityLevel.ORANGE: LevelRule(timedelta(days=30), 8, "also read and write files, transfer data, manage groups"),
    SecurityLevel.RED: LevelRule(timedelta(days=2), 2, "also run commands, submit and cancel jobs, reserve"),
}


class Scope(StrEnum):
    """`<group>.<object>:<read|write>`."""

    ACCOUNT_READ = "account.info:read"
    PROJECT_JOBS_READ = "account.jobs:read"
    MEMBERS_WRITE = "account.members:write"
    GROUPS_WRITE = "account.groups:write"
    APPLICATIONS_WRITE = "account.applications:write"
    CLIENTS_READ = "account.clients:read"
    ALLOCATIONS_WRITE = "account.allocations:write"
    CLIENTS_WRITE = "account.clients:write"
    TASKS_READ = "tasks.task:read"
    TASKS_WRITE = "tasks.task:write"
    RESERVATIONS_READ = "reservations.reservation:read"
    RESERVATIONS_WRITE = "reservations.reservation:write"
    JOBS_READ = "compute.jobs:read"
    JOBS_WRITE = "compute.jobs:write"
    FILES_LIST = "utilities.listing:read"
    FILES_READ = "utilities.files:read"
    FILES_WRITE = "utilities.files:write"
    COMMANDS_WRITE = "utilities.commands:write"
    TRANSFERS_READ = "storage.transfers:read"
    TRANSFERS_WRITE = "storage.transfers:write"

    __hash__ = str.__hash__
    """An enumeration computes its own in Python, at each look into a set of scopes."""


@dataclass(frozen=True, slots=True)
class ScopeRule:
    level: SecurityLevel
    meaning: str


SCOPES: dict[Scope, ScopeRule] = {
    Scope.ACCOUNT_READ: ScopeRule(SecurityLevel.GREEN, "see your account, projects, roles, groups and clients"),
    Scope.CLIENTS_READ: ScopeRule(SecurityLevel.GREEN, "see your clients in full, and what clients may do"),
    Scope.PROJECT_JOBS_READ: ScopeRule(SecurityLevel.GREEN, "see the finished jobs of your projects"),
    Scope.TASKS_READ: ScopeRule(SecurityLevel.GREEN, "follow your tasks"),
    Scope.TASKS_WRITE: ScopeRule(SecurityLevel.GREEN, "cancel your tasks; also needs the level that created the task"),
    Scope.RESERVATIONS_READ: ScopeRule(SecurityLevel.GREEN, "see reservations"),
    Scope.JOBS_READ: ScopeRule(SecurityLevel.YELLOW, "list jobs and see their details"),
    Scope.FILES_LIST: ScopeRule(SecurityLevel.YELLOW, "list directories"),
    Scope.FILES_READ: ScopeRule(SecurityLevel.ORANGE, "download files"),
    Scope.FILES_WRITE: ScopeRule(SecurityLevel.ORANGE, "upload files"),
    Scope.TRANSFERS_READ: ScopeRule(SecurityLevel.ORANGE, "follow transfers"),
    Scope.TRANSFERS_WRITE: ScopeRule(SecurityLevel.ORANGE, "copy data between systems and the archive"),
    Scope.GROUPS_WRITE: ScopeRule(SecurityLevel.ORANGE, "create and delete groups, and change their members"),
    Scope.MEMBERS_WRITE: ScopeRule(
        SecurityLevel.ORANGE, "invite, add, change and remove members, join projects, and change what projects are"
    ),
    Scope.COMMANDS_WRITE: ScopeRule(SecurityLevel.RED, "run commands"),
    Scope.JOBS_WRITE: ScopeRule(SecurityLevel.RED, "submit and cancel jobs"),
    Scope.APPLICATIONS_WRITE: ScopeRule(
        SecurityLevel.RED, "register applications that people log in to, and take back what you have allowed them"
    ),
    Scope.ALLOCATIONS_WRITE: ScopeRule(
        SecurityLevel.RED, "divide the hours of projects that you manage; staff also give them"
    ),
    Scope.CLIENTS_WRITE: ScopeRule(SecurityLevel.RED, "create, change, renew and revoke clients"),
    Scope.RESERVATIONS_WRITE: ScopeRule(SecurityLevel.RED, "create and delete reservations"),
}


SCOPE_NAMES: dict[str, Scope] = {scope.value: scope for scope in Scope}


def scopes_of(level: SecurityLevel) -> frozenset[Scope]:
    """Everything that a level grants."""
    return frozenset(scope for scope, rule in SCOPES.items() if rule.level <= level)


BOUND_SCOPES = frozenset(
    {
        Scope.ACCOUNT_READ,
        Scope.PROJECT_JOBS_READ,
        Scope.CLIENTS_READ,
        Scope.CLIENTS_WRITE,
        Scope.TASKS_READ,
        Scope.TASKS_WRITE,
        Scope.RESERVATIONS_READ,
        Scope.JOBS_READ,
        Scope.JOBS_WRITE,
        Scope.FILES_LIST,
        Scope.FILES_READ,
        Scope.FILES_WRITE,
        Scope.TRANSFERS_READ,
        Scope.TRANSFERS_WRITE,
    }
)
"""What a client may have that is bound to a project: where the bound is enforced, and nothing else."""
