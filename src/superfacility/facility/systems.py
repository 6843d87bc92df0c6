"""The machines of a facility and where their data lives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from superfacility.facility.accounting.charges import Rate
from superfacility.facility.errors import NotFound, Unsupported
from superfacility.facility.people import ProjectName, UserName
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.transfers import Endpoint, TransferAgent
from superfacility.facility.transport import Transport

SystemName = NewType("SystemName", str)


class FilesystemKind(StrEnum):
    HOME = "home"
    SCRATCH = "scratch"
    PROJECT = "project"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Filesystem:
    """Where data lives. `template` is a path with `{user}`, `{initial}` (of the user) or `{project}` in it."""

    name: str
    kind: FilesystemKind
    template: str

    def path(self, *, user: UserName | None = None, project: ProjectName | None = None) -> str:
        return self.template.format(user=user or "", initial=(user or "_")[:1], project=project or "")

    @property
    def root(self) -> str:
        """The folder above every person's or project's part: the template up to its first variable."""
        return self.template.partition("{")[0].rstrip("/") or "/"


@dataclass(frozen=True, slots=True)
class System:
    """A machine with its ports. One without a scheduler (a data transfer node) runs commands and holds files only."""

    name: SystemName
    full_name: str
    transport: Transport
    filesystems: tuple[Filesystem, ...]
    scheduler: Scheduler | None = None
    rate: Rate = field(default_factory=lambda: Rate(cores_per_node=1))

    def require_scheduler(self) -> Scheduler:
        if self.scheduler is None:
            raise Unsupported(f"{self.name} runs no batch jobs; choose a system with a scheduler.")
        return self.scheduler

    def filesystem(self, kind: FilesystemKind) -> Filesystem | None:
        return next((each for each in self.filesystems if each.kind is kind), None)


@dataclass(frozen=True, slots=True)
class Facility:
    """All systems by name, other names for them (`dtn01`), and the endpoints of transfers by alias or UUID."""

    name: str
    systems: Mapping[str, System]
    aliases: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    transfer_agent: TransferAgent | None = None

    def system(self, name: str) -> System:
        found = self.systems.get(self.aliases.get(name, name))
        if found is None:
            raise NotFound(f"No system named {name!r}; there are: {', '.join(sorted(self.systems))}.")
        return found

    def endpoint(self, name: str) -> Endpoint:
        found = self.endpoints.get(name)
        if found is None:
            raise NotFound(f"No transfer endpoint {name!r}; there are: {', '.join(sorted(self.endpoints))}.")
        return found
