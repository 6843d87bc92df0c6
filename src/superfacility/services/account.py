"""What people see of themselves: user, projects with their balance, roles, groups, clients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput, NotFound, NotPermitted
from superfacility.facility.jobs import Job
from superfacility.facility.people import Group, GroupName, Membership, People, ProjectName, User, UserName
from superfacility.facility.systems import Facility, Filesystem, FilesystemKind, System
from superfacility.oauth.clients import Client, ClientStore
from superfacility.oauth.principal import Principal
from superfacility.services.charges import ChargeService
from superfacility.services.collector import Collector
from superfacility.services.filters import job_query
from superfacility.services.names import check_group_name
from superfacility.services.usage import FolderMeter, FolderUsage

_MEMBERS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class StorageUse:
    """A filesystem's part of a project. `bytes_given` None means without limit."""

    name: str
    bytes_given: int | None
    used: FolderUsage


@dataclass(frozen=True, slots=True)
class Balance:
    """A membership with node hours used by the member and by the whole project, and the storage of the project."""

    membership: Membership
    hours_used: float
    project_hours_used: float
    project_storage: tuple[StorageUse, ...]
    archive_storage: tuple[StorageUse, ...]


class AccountService:
    """Groups and projects of others are as unknown as those that do not exist; staff see all."""

    def __init__(
        self,
        people: People,
        clients: ClientStore,
        charges: ChargeService,
        facility: Facility,
        collectors: Mapping[str, Collector],
        clock: Clock,
    ) -> None:
        self._people = people
        self._clients = clients
        self._charges = charges
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
        return [each for each in memberships if each.project.active]

    async def balances(self, principal: Principal) -> Sequence[Balance]:
        memberships = await self.roles(principal)
        usage = await self._charges.usage_of([each.project.name for each in memberships])
        found = []
        for membership in memberships:
            of_project = [each for each in usage if each.project == membership.project.name]
            found.append(
                Balance(
                    membership=membership,
                    hours_used=sum(each.node_hours for each in of_project if each.user == principal.user.name),
                    project_hours_used=sum(each.node_hours for each in of_project),
                    project_storage=await self._storage(principal, membership, FilesystemKind.PROJECT),
                    archive_storage=await self._storage(principal, membership, FilesystemKind.ARCHIVE),
                )
            )
        return found

    async def project_jobs(self, principal: Principal, project: str, filters: Sequence[str]) -> Sequence[Job]:
        """Accounting of a project on all systems, newest last; for its members. What names no project counts for the
        first one of its user, as it is charged."""
        await self._require_member(principal, project)
        query = job_query([*filters, f"account={project}"], self._clock.now())
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

    async def _first_project_is(self, project: str, among: frozenset[str]) -> frozenset[str]:
        """Members whose jobs are charged to this project when they name none."""
        members = [each.user for each in await self._people.memberships(project=ProjectName(project))]
        chosen = [user for user in members if not among or user in among]
        return frozenset([user for user in chosen if await self._charges.default_project(user) == project])

    async def groups(self, principal: Principal) -> Sequence[Group]:
        return await self._people.groups(member=principal.user.name)

    async def group(self, principal: Principal, name: str) -> Group:
        """For its members and those of its project."""
        found = await self._people.group(GroupName(name))
        if found is None or not await self._knows(principal, found):
            raise NotFound(f"You know no group named {name!r}; GET /account/groups lists yours.")
        return found

    async def create_group(self, principal: Principal, name: str, project: str) -> Group:
        """The caller becomes its first member."""
        check_group_name(name)
        membership = await self._require_member(principal, project)
        if not principal.user.staff and not (membership and membership.role.creates_groups):
            raise NotPermitted(
                f"Creating a group of {project} needs a role above 'user' in it; ask the project's PI for one."
            )
        audit = principal.audit(self._clock.now(), "account.create_group", name)
        return await self._people.create_group(GroupName(name), ProjectName(project), [principal.user.name], audit)

    async def change_members(
        self, principal: Principal, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> Group:
        """All or nothing; an unknown user is named in the error."""
        group = await self.group(principal, name)
        membership = await self._membership(principal, group.project)
        if not principal.user.staff and not (membership and membership.role.creates_groups):
            raise NotPermitted(
                f"Changing the members of {name} needs a role above 'user' in {group.project}; ask the project's PI."
            )
        users = [UserName(each) for each in (*add, *remove)]
        if not 0 < len(users) <= _MEMBERS_AT_ONCE:
            raise InvalidInput(f"Name 1 to {_MEMBERS_AT_ONCE} users in `usernames`, separated by commas.")
        unknown = [each for each in users if await self._people.user(each) is None]
        if unknown:
            raise NotFound(f"No such user: {', '.join(sorted(set(unknown)))}. Nothing was changed.")
        return await self._people.change_members(
            group.name,
            add=[UserName(each) for each in add],
            remove=[UserName(each) for each in remove],
            audit=principal.audit(self._clock.now(), "account.change_members", name),
        )

    async def clients(self, principal: Principal) -> Sequence[Client]:
        """The caller's own that work now."""
        now = self._clock.now()
        clients = await self._clients.clients(user=principal.user.name)
        return [each for each in clients if each.revoked_at is None and each.expires_at > now]

    async def _knows(self, principal: Principal, group: Group) -> bool:
        if principal.user.staff or any(each.name == principal.user.name for each in group.members):
            return True
        return await self._membership(principal, group.project) is not None

    async def _membership(self, principal: Principal, project: str) -> Membership | None:
        memberships = await self.roles(principal)
        return next((each for each in memberships if each.project.name == project), None)

    async def _require_member(self, principal: Principal, project: str) -> Membership | None:
        """None for staff who are no member."""
        found = await self._membership(principal, project)
        if found is None:
            known = principal.user.staff and await self._people.project(ProjectName(project)) is not None
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
