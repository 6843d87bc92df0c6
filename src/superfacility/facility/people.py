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
    """What a member is in a project (names as in NERSC's Iris); `permissions` says what they may do."""

    PI = "pi"
    PI_PROXY = "pi_proxy"
    RESOURCE_MANAGER = "resource_manager"
    MEMBERSHIP_MANAGER = "membership_manager"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Allocation:
    """Bytes of project and archive storage that a project was given; None: without limit. Its node hours are
    given for a time, and so are in `allocations`."""

    project_bytes: int | None = None
    archive_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    name: ProjectName
    description: str = ""
    allocation: Allocation = Allocation()
    active: bool = True
    title: str = ""
    organisation: str = ""
    about: str = ""
    """What its PI tells members of it."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A user in a project. `continuing`: marked to stay for the next allocation year. The id of one that was not read
    from where it is kept is 0."""

    id: int
    project: Project
    user: UserName
    role: Role
    continuing: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A Unix group of a project. Names have at most 8 ASCII characters (the contract's rule for new groups)."""

    gid: int
    name: GroupName
    project: ProjectName
    members: tuple[User, ...] = ()


class KnownUsers(Protocol):
    """Who a name is, and whether they may use the facility now."""

    async def user(self, name: UserName) -> User | None: ...


class People(KnownUsers, Protocol):
    """The directory of people. Every change is committed together with its audit row.

    Look-ups return `None` for what does not exist; changes raise `NotFound` for it and `Conflict` for a taken name.
    """

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

    async def save_user(self, user: User, audit: AuditEntry, *, new: bool = False, old: User | None = None) -> User:
        """Add (`new`; a uid of 0 means: choose the next free one from 1001) or change a user, by name.

        `Conflict` for one that is not as the `old` any more that a change was made from. What somebody who is not
        active has ordered is cancelled unless it has begun.
        """

    async def save_project(
        self, project: Project, audit: AuditEntry, *, new: bool = False, old: Project | None = None
    ) -> Project:
        """As `save_user`, by project name; an id of 0 means: choose one."""

    async def set_membership(self, project: ProjectName, user: UserName, role: Role | None, audit: AuditEntry) -> None:
        """Set the role; `None` removes the member, who leaves the project's groups and whose invitations of others are
        withdrawn. By the operator's or an identity provider's word: the rules of projects are those of `Admissions`.
        """

    async def create_group(
        self, name: GroupName, project: ProjectName, members: Sequence[UserName], audit: AuditEntry
    ) -> Group:
        """The next free gid from 2001."""

    async def change_members(
        self, name: GroupName, *, add: Sequence[UserName] = (), remove: Sequence[UserName] = (), audit: AuditEntry
    ) -> Group:
        """All or nothing; adding a member again or removing a stranger changes nothing and is no error."""

    async def remove_group(self, name: GroupName, audit: AuditEntry) -> None: ...
