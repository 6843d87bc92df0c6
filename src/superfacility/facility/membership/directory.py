"""People as the site's own directory knows them, and the mirror of it in our database.

The directory says who there is: names, numbers, mail, whether an account may be used, groups. The database holds what a
directory lacks (roles, allocations, clients) and refers to people by name, so it keeps a copy of each person; what ties
the copy to the entry is the entry's `id`, which is never given to anybody else.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import ProjectName, Role, User, UserName


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """One person's entry. `groups` are those of the groups asked for that the person belongs to.

    An entry that is not `active` is locked or has expired.
    """

    id: str
    uid: int
    name: UserName
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    work_phone: str = ""
    active: bool = True
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DirectoryReading:
    """Everybody. `missing` are groups that were asked for and are not there; nobody's membership of them is known.

    `flaws` are entries that say nothing certain, in words for the operator; `doubtful` are the names that they may
    concern: what the mirror has of those must stay.
    """

    users: tuple[DirectoryUser, ...]
    missing: frozenset[str] = frozenset()
    flaws: tuple[str, ...] = ()
    doubtful: frozenset[UserName] = frozenset()


class PeopleDirectory(Protocol):
    """The site's directory; it is only read. Every call raises `Unavailable` while it does not answer in time.

    "Not there" is only said by a directory that has answered in full.
    """

    async def user(self, name: UserName, groups: Collection[str] = ()) -> DirectoryUser | None:
        """One person, now. `InvalidInput` for an entry that says nothing certain. Groups that are not there count as
        such that the person does not belong to, unless `read` has said that they are missing."""

    async def read(self, groups: Collection[str] = ()) -> DirectoryReading:
        """Everybody that there is, or `Unavailable`: never a part."""

    async def check_password(self, name: UserName, password: str) -> bool:
        """Whether that is the person's password there. Never with an empty one, which directories take for nobody's."""

    async def ping(self) -> str:
        """That it answers, lets us in and has what we are configured to read; says what it is."""

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DirectoryLink:
    """The entry that a user is the copy of. `away`: it is not in force there, and the copy was made inactive for that.

    A user who is inactive and not `away` was made so here, by the operator, and stays so.
    """

    id: str
    away: bool = False


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What the database has of one user. `password`: a built-in account with one."""

    user: User
    link: DirectoryLink | None = None
    password: bool = False
    roles: Mapping[ProjectName, Role] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MirrorStep:
    """One user as they shall be, who is `before` now (None: not there): row, link, memberships that are added (as plain
    members) and removed, audit. `anew`: another person takes the name, so that nothing which let the former one in may
    stay: password, second factor, identities elsewhere, sessions, groups, memberships; nor what waits for an answer
    (invitations, wishes to join, requests for clients), or accounts managed for others. Tasks of somebody who becomes
    inactive that have not started are cancelled.
    """

    user: User
    before: User | None
    link: DirectoryLink
    audit: AuditEntry
    joins: tuple[ProjectName, ...] = ()
    leaves: tuple[ProjectName, ...] = ()
    anew: bool = False


class DirectoryMirror(Protocol):
    """The copy in the database."""

    async def everybody(self) -> Mapping[UserName, Mirrored]:
        """All users, also those that no directory knows."""

    async def one(self, name: UserName) -> Mirrored | None: ...

    async def apply(self, steps: Sequence[MirrorStep]) -> None:
        """All of them in one transaction with their audit rows, or none. `Conflict` for a user who is not as `before`
        any more, and for a number or an entry that is another user's; `NotFound` for a project that is not there."""
