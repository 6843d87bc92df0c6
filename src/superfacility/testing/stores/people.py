"""The directory of people in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.membership.admissions import Outcome
from superfacility.facility.people import Group, GroupName, Membership, Project, ProjectName, Role, User, UserName
from superfacility.testing.stores.clients import cancel_ordered_by
from superfacility.testing.stores.memory import KeptGroup, Memory

FIRST_UID = 1001
FIRST_GID = 2001


class MemoryPeople:
    """`People` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def user(self, name: UserName) -> User | None:
        return self._memory.users.get(name)

    async def users(self) -> Sequence[User]:
        return sorted(self._memory.users.values(), key=lambda user: user.name)

    async def project(self, name: ProjectName) -> Project | None:
        return self._memory.projects.get(name)

    async def projects(self) -> Sequence[Project]:
        return sorted(self._memory.projects.values(), key=lambda project: project.name)

    async def memberships(
        self, *, user: UserName | None = None, project: ProjectName | None = None
    ) -> Sequence[Membership]:
        marked = self._memory.continuing
        return [
            Membership(number, self._memory.projects[of], member, role, marked.get((of, member), False))
            for (of, member), (number, role) in sorted(self._memory.memberships.items())
            if user in (None, member) and project in (None, of)
        ]

    async def group(self, name: GroupName) -> Group | None:
        return self._group(name) if name in self._memory.groups else None

    async def groups(self, *, member: UserName | None = None) -> Sequence[Group]:
        kept = self._memory.groups
        return [self._group(name) for name in sorted(kept) if member is None or member in kept[name].members]

    async def save_user(self, user: User, audit: AuditEntry, *, new: bool = False, old: User | None = None) -> User:
        known = self._memory.users.get(user.name)
        others = {other.uid for other in self._memory.users.values() if other is not known}
        if new:
            user = replace(user, uid=user.uid or _next(others, FIRST_UID))
        elif known is None:
            raise NotFound(f"There is no user {user.name}.")
        elif old not in (None, known):
            raise Conflict(f"The user {user.name} was changed meanwhile: look again.")
        else:
            user = replace(user, uid=user.uid or known.uid)
        if (new and known is not None) or user.uid in others:
            raise Conflict(f"The user {user.name} or the uid {user.uid} is taken: choose another.")
        self._memory.users[user.name] = user
        if not user.active:
            cancel_ordered_by(self._memory, user.name, audit.at)
        self._memory.generation += 1
        self._memory.audit.append(audit)
        return user

    async def save_project(
        self, project: Project, audit: AuditEntry, *, new: bool = False, old: Project | None = None
    ) -> Project:
        known = self._memory.projects.get(project.name)
        others = {other.id for other in self._memory.projects.values() if other is not known}
        if new:
            project = replace(project, id=project.id or _next(others, 1))
        elif known is None:
            raise NotFound(f"There is no project {project.name}.")
        elif old not in (None, known):
            raise Conflict(f"The project {project.name} was changed meanwhile: look again.")
        else:
            project = replace(project, id=known.id)
        if (new and known is not None) or project.id in others:
            raise Conflict(f"The project {project.name} or the id {project.id} is taken: choose another.")
        self._memory.projects[project.name] = project
        self._memory.generation += 1
        self._memory.audit.append(audit)
        return project

    async def set_membership(self, project: ProjectName, user: UserName, role: Role | None, audit: AuditEntry) -> None:
        if role is None:
            drop_member(self._memory, project, user, audit)
        else:
            self._require(project, (user,))
            add_member(self._memory, project, user, role)
        self._memory.audit.append(audit)

    async def create_group(
        self, name: GroupName, project: ProjectName, members: Sequence[UserName], audit: AuditEntry
    ) -> Group:
        self._require(project, members)
        if name in self._memory.groups:
            raise Conflict(f"The group {name} is taken: choose another.")
        gid = _next((group.gid for group in self._memory.groups.values()), FIRST_GID)
        self._memory.groups[name] = KeptGroup(gid, project, set(members))
        self._memory.audit.append(audit)
        return self._group(name)

    async def change_members(
        self, name: GroupName, *, add: Sequence[UserName] = (), remove: Sequence[UserName] = (), audit: AuditEntry
    ) -> Group:
        group = self._group(name)
        self._require(group.project, add)
        kept = self._memory.groups[name]
        kept.members = (kept.members | set(add)) - set(remove)
        self._memory.audit.append(audit)
        return self._group(name)

    async def remove_group(self, name: GroupName, audit: AuditEntry) -> None:
        self._group(name)
        del self._memory.groups[name]
        self._memory.audit.append(audit)

    def _group(self, name: GroupName) -> Group:
        if name not in self._memory.groups:
            raise NotFound(f"There is no group {name}.")
        kept = self._memory.groups[name]
        members = tuple(self._memory.users[member] for member in sorted(kept.members))
        return Group(kept.gid, name, kept.project, members)

    def _require(self, project: ProjectName, users: Sequence[UserName]) -> None:
        if project not in self._memory.projects:
            raise NotFound(f"There is no project {project}.")
        for user in users:
            if user not in self._memory.users:
                raise NotFound(f"There is no user {user}.")


def add_member(memory: Memory, project: ProjectName, user: UserName, role: Role) -> None:
    """Or change the role of one."""
    kept = memory.memberships
    number = kept[project, user][0] if (project, user) in kept else memory.next_number("membership")
    kept[project, user] = (number, role)
    memory.generation += 1


def drop_member(memory: Memory, project: ProjectName, user: UserName, audit: AuditEntry) -> None:
    """With what hangs on it; the row of audit says when and by whom."""
    if (project, user) not in memory.memberships:
        raise NotFound(f"{user} is not a member of {project}.")
    del memory.memberships[project, user]
    memory.continuing.pop((project, user), None)
    for key in [key for key in memory.shares if key[:2] == (project, user)]:
        del memory.shares[key]
    for group in memory.groups.values():
        if group.project == project:
            group.members.discard(user)
    for each in list(memory.invitations.values()):
        if (each.project, each.invited_by, each.outcome) == (project, user, Outcome.OPEN):
            ended = replace(each, outcome=Outcome.WITHDRAWN, ended_at=audit.at, ended_by=UserName(audit.actor))
            memory.invitations[each.id] = ended
    memory.generation += 1


def _next(taken: Iterable[int], first: int) -> int:
    return max(first, max(taken, default=0) + 1)
