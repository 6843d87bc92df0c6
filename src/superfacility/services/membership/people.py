"""What the operator does with people, projects and groups."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import InvalidInput, NotFound
from superfacility.facility.people import (
    Group,
    GroupName,
    Membership,
    People,
    Project,
    ProjectName,
    Role,
    User,
    UserName,
)
from superfacility.services.membership.names import check_group_name, check_name


@dataclass(frozen=True, slots=True)
class PeopleService:
    """`actor` is who did it (`operator:<login name>`); it goes into the audit row of the same transaction."""

    people: People
    clock: Clock

    async def users(self) -> Sequence[User]:
        return await self.people.users()

    async def user(self, name: str) -> User:
        found = await self.people.user(UserName(name))
        if found is None:
            raise NotFound(f"No user named {name!r}; `sfapi admin user list` shows them.")
        return found

    async def add_user(self, user: User, actor: str) -> User:
        check_name("user", user.name)
        return await self.people.save_user(user, self._audit(actor, "people.add_user", user.name), new=True)

    async def change_user(self, name: str, actor: str, **changes: Any) -> User:
        """Fields of `User`; those that are None stay."""
        old = await self.user(name)
        changed = replace(old, **_given(changes))
        return await self.people.save_user(changed, self._audit(actor, "people.change_user", name), old=old)

    async def remove_user(self, name: str, actor: str) -> User:
        """People are never forgotten (their jobs and tasks name them): the user becomes inactive."""
        return await self.change_user(name, actor, active=False)

    async def projects(self) -> Sequence[Project]:
        return await self.people.projects()

    async def project(self, name: str) -> Project:
        found = await self.people.project(ProjectName(name))
        if found is None:
            raise NotFound(f"No project named {name!r}; `sfapi admin project list` shows them.")
        return found

    async def add_project(self, project: Project, actor: str) -> Project:
        check_name("project", project.name)
        return await self.people.save_project(project, self._audit(actor, "people.add_project", project.name), new=True)

    async def change_project(self, name: str, actor: str, **changes: Any) -> Project:
        """Fields of `Project`; those that are None stay."""
        old = await self.project(name)
        changed = replace(old, **_given(changes))
        return await self.people.save_project(changed, self._audit(actor, "people.change_project", name), old=old)

    async def remove_project(self, name: str, actor: str) -> Project:
        """The project becomes inactive; its charges stay."""
        return await self.change_project(name, actor, active=False)

    async def memberships(self, *, user: str | None = None, project: str | None = None) -> Sequence[Membership]:
        return await self.people.memberships(
            user=None if user is None else UserName(user), project=None if project is None else ProjectName(project)
        )

    async def set_membership(self, project: str, user: str, role: Role | None, actor: str) -> None:
        """Set the role of a member; None removes them."""
        audit = self._audit(actor, "people.set_membership", project, f"{user} {role.value if role else 'removed'}")
        await self.people.set_membership(ProjectName(project), UserName(user), role, audit)

    async def groups(self) -> Sequence[Group]:
        return await self.people.groups()

    async def group(self, name: str) -> Group:
        found = await self.people.group(GroupName(name))
        if found is None:
            raise NotFound(f"No group named {name!r}; `sfapi admin group list` shows them.")
        return found

    async def create_group(self, name: str, project: str, members: Sequence[str], actor: str) -> Group:
        check_group_name(name)
        audit = self._audit(actor, "people.create_group", name)
        users = [UserName(each) for each in members]
        return await self.people.create_group(GroupName(name), ProjectName(project), users, audit)

    async def change_members(
        self, name: str, actor: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> Group:
        if not add and not remove:
            raise InvalidInput("Name at least one user to add to the group or to remove from it.")
        return await self.people.change_members(
            GroupName(name),
            add=[UserName(each) for each in add],
            remove=[UserName(each) for each in remove],
            audit=self._audit(actor, "people.change_members", name),
        )

    async def remove_group(self, name: str, actor: str) -> None:
        await self.people.remove_group(GroupName(name), self._audit(actor, "people.remove_group", name))

    def _audit(self, actor: str, action: str, target: str, detail: str = "") -> AuditEntry:
        return AuditEntry(at=self.clock.now(), actor=actor, action=action, target=target, detail=detail)


def _given(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if value is not None}
