"""Who somebody is in a project, and so what they may do there."""

from dataclasses import dataclass

from superfacility.facility.errors import NotFound, NotPermitted
from superfacility.facility.membership.permissions import PERMISSIONS, Permission, may
from superfacility.facility.people import Membership, People, Project, ProjectName, Role, UserName
from superfacility.oauth.principal import Principal
from superfacility.services.access.applications import Actor


@dataclass(frozen=True, slots=True)
class Standing:
    """The caller's in one project; `role` is None for staff who are no member."""

    project: Project
    role: Role | None
    staff: bool

    def may(self, permission: Permission) -> bool:
        return self.staff or may(self.role, permission)

    def rests_on(self, principal: Principal) -> dict[UserName, Role | None]:
        """The caller's role, as a change expects it to be still there; staff need none."""
        return {} if self.staff else {principal.user.name: self.role}

    def require(self, permission: Permission) -> None:
        if not self.may(permission):
            rule = PERMISSIONS[permission]
            allowed = ", ".join(role.value for role in Role if role in rule.roles)
            raise NotPermitted(
                f"You are {self.role} in {self.project.name}, and only these roles may {rule.meaning}: {allowed}. "
                "Ask the project's PI."
            )


@dataclass(frozen=True, slots=True)
class Standings:
    """A project that the caller has nothing to do with is as unknown as one that does not exist; so are all but one
    to a client that is bound to it. Through an application of others nobody has the power of staff."""

    people: People

    async def of(self, principal: Principal, name: str) -> Standing:
        staff = Actor.of(principal).staff
        if principal.project in (None, name):
            found = await self._membership(principal, name)
            if found is not None and (found.project.active or staff):
                return Standing(found.project, found.role, staff)
            project = await self.people.project(ProjectName(name)) if staff else None
            if project is not None:
                return Standing(project, None, staff)
        raise NotFound(f"You have no project named {name!r}; GET /account/projects lists yours.")

    async def _membership(self, principal: Principal, name: str) -> Membership | None:
        memberships = await self.people.memberships(user=principal.user.name)
        return next((each for each in memberships if each.project.name == name), None)
