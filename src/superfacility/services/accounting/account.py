"""What people see of themselves: user, projects with their balance, roles, clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.facility.accounting.charges import HoursKind
from superfacility.facility.errors import InvalidInput, NotFound
from superfacility.facility.jobs import Job, JobQuery
from superfacility.facility.people import Membership, People, ProjectName, User, UserName
from superfacility.facility.systems import Facility, Filesystem, FilesystemKind, System
from superfacility.oauth.clients import Client, ClientStore
from superfacility.oauth.principal import Principal
from superfacility.services.accounting.allocations import AllocationService, HoursBalance
from superfacility.services.accounting.charges import ChargeService
from superfacility.services.accounting.usage import FolderMeter, FolderUsage
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.filters import job_query, since_midnight

_USUAL_WINDOW = timedelta(days=30)
_LONGEST_WINDOW = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class StorageUse:
    """A filesystem's part of a project. `bytes_given` None means without limit."""

    name: str
    bytes_given: int | None
    used: FolderUsage


@dataclass(frozen=True, slots=True)
class Balance:
    """A membership with the node hours and the storage of the project, and the member's part of the hours."""

    membership: Membership
    cpu: HoursBalance
    gpu: HoursBalance
    project_storage: tuple[StorageUse, ...]
    archive_storage: tuple[StorageUse, ...]


class AccountService:
    """Projects of others are as unknown as those that do not exist; staff see all."""

    def __init__(
        self,
        people: People,
        clients: ClientStore,
        charges: ChargeService,
        hours: AllocationService,
        facility: Facility,
        collectors: Mapping[str, Collector],
        clock: Clock,
    ) -> None:
        self._people = people
        self._clients = clients
        self._charges = charges
        self._hours = hours
        self._facility = facility
        self._collectors = collectors
        self._clock = clock
        self._meter = FolderMeter(clock)

    async def user(self, principal: Principal, name: str | None = None) -> User:
        """The caller, or anybody by name."""
        if not name or name == principal.user.name:
            return principal.user
        found = await self._people.user(UserName(name))
        if found is None or not found.active:
            raise NotFound(f"No user named {name!r}.")
        return found

    async def roles(self, principal: Principal) -> Sequence[Membership]:
        memberships = await self._people.memberships(user=principal.user.name)
        return [each for each in memberships if each.project.active and principal.project in (None, each.project.name)]

    async def balances(self, principal: Principal) -> Sequence[Balance]:
        memberships = await self.roles(principal)
        names = [each.project.name for each in memberships]
        hours = await self._hours.balances(names, principal.user.name)
        found = []
        for membership in memberships:
            name = membership.project.name
            found.append(
                Balance(
                    membership=membership,
                    cpu=hours[name, HoursKind.CPU],
                    gpu=hours[name, HoursKind.GPU],
                    project_storage=await self._storage(principal, membership, FilesystemKind.PROJECT),
                    archive_storage=await self._storage(principal, membership, FilesystemKind.ARCHIVE),
                )
            )
        return found

    async def project_jobs(self, principal: Principal, project: str, filters: Sequence[str]) -> Sequence[Job]:
        """Accounting of a project on all systems, newest last; for its members. What names no project counts for the
        first one of its user, as it is charged. Without a beginning, of the last 30 days."""
        await self._require_member(principal, project)
        query = self._bounded(job_query([*filters, f"account={project}"], self._clock.now()))
        if query.projects != {project}:
            raise InvalidInput("The project is in the path; leave `account` out of kwargs.")
        unnamed = replace(query, projects=frozenset(), users=await self._first_project_is(project, query.users))
        jobs: list[Job] = []
        for name in sorted(self._collectors):
            jobs.extend(await self._collectors[name].accounting(query))
            if unnamed.users:
                found = await self._collectors[name].accounting(unnamed)
                jobs.extend(job for job in found if job.project is None)
        return sorted(jobs, key=lambda job: job.submitted_at or self._clock.now())

    def _bounded(self, query: JobQuery) -> JobQuery:
        """A year of accounting at the most: a scheduler's database has more of them than anybody reads."""
        if query.ids:
            return query
        since = query.since or since_midnight(query.until or self._clock.now()) - _USUAL_WINDOW
        if (query.until or self._clock.now()) - since > _LONGEST_WINDOW:
            raise InvalidInput(f"Ask for {_LONGEST_WINDOW.days} days at a time: set starttime and endtime in kwargs.")
        return replace(query, since=since)

    async def _first_project_is(self, project: str, among: frozenset[str]) -> frozenset[str]:
        """Members whose jobs are charged to this project when they name none."""
        members = [each.user for each in await self._people.memberships(project=ProjectName(project))]
        chosen = [user for user in members if not among or user in among]
        return frozenset([user for user in chosen if await self._charges.default_project(user) == project])

    async def clients(self, principal: Principal) -> Sequence[Client]:
        """The caller's own that work now."""
        now = self._clock.now()
        clients = await self._clients.clients(user=principal.user.name)
        return [each for each in clients if each.in_force(now) and principal.project in (None, each.project)]

    async def _membership(self, principal: Principal, project: str) -> Membership | None:
        memberships = await self.roles(principal)
        return next((each for each in memberships if each.project.name == project), None)

    async def _require_member(self, principal: Principal, project: str) -> Membership | None:
        """None for staff who are no member."""
        found = await self._membership(principal, project)
        if found is None:
            staff = principal.user.staff and principal.project in (None, project)
            known = staff and await self._people.project(ProjectName(project)) is not None
            if not known:
                raise NotFound(f"You have no project named {project!r}; GET /account/projects lists yours.")
        return found

    async def _storage(
        self, principal: Principal, membership: Membership, kind: FilesystemKind
    ) -> tuple[StorageUse, ...]:
        allocation = membership.project.allocation
        given = allocation.project_bytes if kind is FilesystemKind.PROJECT else allocation.archive_bytes
        found: dict[str, StorageUse] = {}
        for system, filesystem in self._filesystems(kind):
            if filesystem.name not in found:
                path = filesystem.path(user=principal.user.name, project=membership.project.name)
                used = await self._meter.usage(system.transport, principal.user, path)
                found[filesystem.name] = StorageUse(filesystem.name, given, used)
        return tuple(found.values())

    def _filesystems(self, kind: FilesystemKind) -> Sequence[tuple[System, Filesystem]]:
        systems = self._facility.systems.values()
        return [(system, each) for system in systems for each in system.filesystems if each.kind is kind]
