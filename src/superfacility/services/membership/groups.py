"""Unix groups of projects.

A group may have members from outside of its project: that is how projects share data. Who leaves the project leaves its
groups, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput, NotFound, NotPermitted
from superfacility.facility.membership.permissions import Permission
from superfacility.facility.people import Group, GroupName, People, UserName
from superfacility.oauth.principal import Principal
from superfacility.services.membership.names import check_group_name, check_not_of_machines
from superfacility.services.membership.standing import Standings

_MEMBERS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class GroupService:
    """Groups of others are as unknown as those that do not exist; staff see all."""

    people: People
    standings: Standings
    clock: Clock

    async def mine(self, principal: Principal) -> Sequence[Group]:
        found = await self.people.groups(member=principal.user.name)
        return [each for each in found if principal.project in (None, each.project)]

    async def get(self, principal: Principal, name: str) -> Group:
        """For its members and those of its project."""
        found = await self.people.group(GroupName(name))
        if found is None or not await self._knows(principal, found):
            raise NotFound(f"You know no group named {name!r}; GET /account/groups lists yours.")
        return found

    async def create(self, principal: Principal, name: str, project: str) -> Group:
        """The caller becomes its first member."""
        check_group_name(name)
        check_not_of_machines("group", name)
        standing = await self.standings.of(principal, project)
        standing.require(Permission.CREATE_GROUPS)
        audit = principal.audit(self.clock.now(), "account.create_group", name)
        return await self.people.create_group(GroupName(name), standing.project.name, [principal.user.name], audit)

    async def change_members(
        self, principal: Principal, name: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> Group:
        """All or nothing; an unknown user is named in the error."""
        group = await self._of_project(principal, name, Permission.EDIT_MEMBERS)
        users = [UserName(each) for each in (*add, *remove)]
        if not 0 < len(users) <= _MEMBERS_AT_ONCE:
            raise InvalidInput(f"Name 1 to {_MEMBERS_AT_ONCE} users in `usernames`, separated by commas.")
        unknown = [each for each in users if await self.people.user(each) is None]
        if unknown:
            raise NotFound(f"No such user: {', '.join(sorted(set(unknown)))}. Nothing was changed.")
        return await self.people.change_members(
            group.name,
            add=[UserName(each) for each in add],
            remove=[UserName(each) for each in remove],
            audit=principal.audit(self.clock.now(), "account.change_members", name),
        )

    async def delete(self, principal: Principal, name: str) -> Group:
        """As it was. What it owns on filesystems keeps its number."""
        group = await self._of_project(principal, name, Permission.CREATE_GROUPS)
        audit = principal.audit(self.clock.now(), "account.delete_group", name)
        await self.people.remove_group(group.name, audit)
        return group

    async def _of_project(self, principal: Principal, name: str, permission: Permission) -> Group:
        group = await self.get(principal, name)
        try:
            standing = await self.standings.of(principal, group.project)
        except NotFound:
            raise NotPermitted(f"You are in the group {name}, but not in its project {group.project}.") from None
        standing.require(permission)
        return group

    async def _knows(self, principal: Principal, group: Group) -> bool:
        if principal.project not in (None, group.project):
            return False
        if principal.user.staff or any(each.name == principal.user.name for each in group.members):
            return True
        memberships = await self.people.memberships(user=principal.user.name)
        return any(each.project.name == group.project and each.project.active for each in memberships)
