"""What a project is: title, organisation, what its PI tells of it, and the storage that it was given."""

from collections.abc import Mapping
from dataclasses import dataclass

from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput, NotPermitted
from superfacility.facility.membership.admissions import Admissions, ProjectChange
from superfacility.facility.membership.permissions import Permission
from superfacility.oauth.principal import Principal
from superfacility.services.membership.standing import Standing, Standings

_LONGEST = {"title": 200, "organisation": 200, "description": 1000, "about": 4000}
_OF_LINES = frozenset({"about", "description"})


@dataclass(frozen=True, slots=True)
class DetailService:
    """Members see it; who may change what is in the table of permissions."""

    admissions: Admissions
    standings: Standings
    clock: Clock

    async def of(self, principal: Principal, project: str) -> Standing:
        """The project, and who the caller is in it."""
        return await self.standings.of(principal, project)

    async def change(self, principal: Principal, project: str, texts: Mapping[str, str]) -> Standing:
        """Of `title`, `organisation`, `description` and `about`."""
        standing = await self.standings.of(principal, project)
        if not texts:
            raise InvalidInput(f"Give a new value of at least one of {', '.join(_LONGEST)}.")
        for permission in sorted({_permission(field) for field in texts}):
            standing.require(permission)
        checked = {field: _checked(field, value) for field, value in texts.items()}
        audit = principal.audit(self.clock.now(), "projects.change", project, f"changed: {', '.join(sorted(checked))}")
        change = ProjectChange(standing.project.name, texts=checked, expected=standing.rests_on(principal))
        await self.admissions.change_project(change, audit)
        return await self.standings.of(principal, project)

    async def set_quotas(self, principal: Principal, project: str, quotas: Mapping[str, int | None]) -> Standing:
        """Of `project_bytes` and `archive_bytes`; for staff, who have the disks."""
        standing = await self.standings.of(principal, project)
        if not standing.staff:
            raise NotPermitted("What a project is given is set by the facility's staff: ask them.")
        if not quotas:
            raise InvalidInput("Give project_bytes or archive_bytes.")
        detail = " ".join(f"{name}={value}" for name, value in sorted(quotas.items()))
        audit = principal.audit(self.clock.now(), "projects.set_quotas", project, detail)
        await self.admissions.change_project(ProjectChange(standing.project.name, quotas=quotas), audit)
        return await self.standings.of(principal, project)


def _permission(field: str) -> Permission:
    return Permission.EDIT_ORGANISATION if field == "organisation" else Permission.EDIT_DETAILS


def _checked(field: str, value: str) -> str:
    text = value.strip()
    plain = text.replace("\n", "") if field in _OF_LINES else text
    if len(text) > _LONGEST[field] or (plain and not plain.isprintable()):
        raise InvalidInput(f"The {field} has at most {_LONGEST[field]} printable characters.")
    return text
