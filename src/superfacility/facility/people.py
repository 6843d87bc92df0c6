"""People, projects, groups and roles, and the directory that knows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Protocol

from superfacility.facility.audit import AuditEntry

UserName = NewType("UserName", str)
ProjectName = NewType("ProjectName", str)
"""`repo_name` on the wire."""
GroupName = NewType("GroupName", str)


@dataclass(frozen=True, slots=True)
class User:
    """A person, or an account that programs act as. `staff` may run the facility."""

    uid: int
    name: UserName
    first_name: str = ""
    middle_name: str = ""
    last_name: str = ""
    email: str = ""
    work_phone: str = ""
    other_phones: str = ""
    staff: bool = False
    active: bool = True


class Role(StrEnum):
    """What a member may do in a project (names as in NERSC's Iris)."""

    PI = "pi"
    PI_PROXY = "pi_proxy"
    RESOURCE_MANAGER = "resource_manager"
    MEMBERSHIP_MANAGER = "membership_manager"
    USER = "user"

    @property
    def creates_groups(self) -> bool:
        """And changes their members."""
        return self is not Role.USER


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a project was given: node hours (`None`: without limit), and bytes of project and archive storage."""

    cpu_hours: float | None = None
    gpu_hours: float | None = None
    project_bytes: int | None = None
    archive_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    name: ProjectName
    description: str = ""
    allocation: Allocation = Allocation()
    active: bool = True


@dataclass(frozen=True, slots=True)
class Membership:
    """A user in a project."""

    id: int
    project: Project
    user: UserName
    role: Role


@dataclass(frozen=True, slots=True)
class Group:
    """A Unix group of a project. Names have at most 8 ASCII characters (the contract's rule for new groups)."""

    gid: int
    name: GroupName
    project: ProjectName
    members: tuple[User, ...] = ()


class People(Protocol):
    """The directory of people. Every change is committed together with its audit row.

    Look-ups return `None` for what does not exist; changes raise `NotFound` for it and `Conflict` for a taken name.
    """

    async def user(self, name: UserName) -> User | None: ...

    async def users(self) -> Sequence[User]: ...

    async def project(self, name: ProjectName) -> Project | None: ...

    async def projects(self) -> Sequence[Project]: ...

    async def memberships(
        self, *, user: UserName | None = None, project: ProjectName | None = None
    ) -> Sequence[Membership]:
        """Of one user, of one project, or all; ordered by project, then user name."""

    async def group(self, name: GroupName) -> Group | None:
        """With its members in full, ordered by user name."""

    async def groups(self, *, member: UserName | None = None) -> Sequence[Group]: ...

    async def save_user(self, user: User, audit: AuditEntry, *, new: bool = False) -> User:
        """Add (`new`; a uid of 0 means: choose the next free one from 1001) or change a user, by name."""

    async def save_project(self, project: Project, audit: AuditEntry, *, new: bool = False) -> Project:
        """As `save_user`, by project name; an id of 0 means: choose one."""

    async def set_membership(self, project: ProjectName, user: UserName, role: Role | None, audit: AuditEntry) -> None:
        """Set the role; `None` removes the member."""

    async def create_group(
        self, name: GroupName, project: ProjectName, members: Sequence[UserName], audit: AuditEntry
    ) -> Group:
        """The next free gid from 2001."""

    async def change_members(
        self, name: GroupName, *, add: Sequence[UserName] = (), remove: Sequence[UserName] = (), audit: AuditEntry
    ) -> Group:
        """All or nothing; adding a member again or removing a stranger changes nothing and is no error."""

    async def remove_group(self, name: GroupName, audit: AuditEntry) -> None: ...
