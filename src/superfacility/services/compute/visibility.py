"""Whose jobs a person sees."""

from dataclasses import dataclass
from enum import StrEnum

from superfacility.facility.events import NewEvent
from superfacility.facility.jobs import Job
from superfacility.facility.people import People, UserName
from superfacility.oauth.principal import Principal


class Visibility(StrEnum):
    """Whose jobs a person sees. Staff see all."""

    ALL = "all"
    PROJECT = "project"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person with the projects whose jobs that person sees. No `user` sees everything."""

    user: UserName | None = None
    projects: frozenset[str] = frozenset()
    bound: str | None = None
    """The one project that the caller is bound to."""

    def sees(self, what: Job | NewEvent) -> bool:
        """An event of nobody's is public."""
        if self.bound is not None and what.user is not None and what.project != self.bound:
            return False
        return self.user is None or what.user is None or what.user == self.user or what.project in self.projects


EVERYTHING = Viewer()


async def viewer_of(principal: Principal, visibility: Visibility, people: People) -> Viewer:
    """The caller, by the site's rule."""
    user = principal.user
    if visibility is Visibility.ALL or user.staff:
        return EVERYTHING if principal.project is None else Viewer(bound=principal.project)
    if visibility is Visibility.OWN:
        return Viewer(user.name, bound=principal.project)
    memberships = await people.memberships(user=user.name)
    return Viewer(user.name, frozenset({each.project.name for each in memberships}), principal.project)
