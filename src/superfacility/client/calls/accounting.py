"""Hours of projects: what they were given and how it is divided, what was used, and what follows when it is used up."""

from collections.abc import Sequence
from typing import Any

from superfacility.client.records.accounting import Allocation, GivenHours, Share, Usage
from superfacility.client.records.reading import rows, text
from superfacility.client.wire.session import Ask, Session, given, part


class AccountingCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def allocations(self, project: str | None = None) -> tuple[Allocation, ...]:
        """Hours of one project or of all of yours: past, present and to come, with what was used of them."""
        path = "account/allocations" if project is None else f"{_path(project)}/allocations"
        return tuple(map(Allocation.of, rows(await self.session.json(Ask("GET", path)))))

    async def allocate(
        self,
        project: str,
        *,
        hours: float | None = None,
        unlimited: bool = False,
        kind: str = "cpu",
        begins: str | None = None,
        ends: str | None = None,
    ) -> GivenHours:
        """For staff: give a project hours for a time, or hours without limit if they are to be `unlimited`. Days are
        `YYYY-MM-DD` in UTC, and the last one belongs to it."""
        content = given(hours=hours, unlimited=unlimited or None, kind=kind, begins=begins, ends=ends)
        return GivenHours.of(await self.session.json(Ask("POST", f"{_path(project)}/allocations", json=content)))

    async def change_allocation(
        self,
        project: str,
        allocation_id: int,
        *,
        hours: float | None = None,
        begins: str | None = None,
        ends: str | None = None,
        without: Sequence[str] = (),
    ) -> GivenHours:
        """For staff. What is left out stays; `without` names what is to have no bound: `hours`, `begins`, `ends`."""
        content = given(hours=hours, begins=begins, ends=ends) | {"without": list(without)}
        return GivenHours.of(await self.session.json(Ask("PATCH", _allocation(project, allocation_id), json=content)))

    async def remove_allocation(self, project: str, allocation_id: int, *, unlimited: bool = False) -> GivenHours:
        """For staff. The last one of a kind goes only if the project is to have hours without limit."""
        query = given(unlimited=unlimited or None)
        return GivenHours.of(await self.session.json(Ask("DELETE", _allocation(project, allocation_id), query)))

    async def allocation_rule(self, project: str) -> str:
        """What happens when its hours are used up: `block`, `warn`, `ignore`, or as the `facility` does."""
        return text(await self.session.json(Ask("GET", f"{_path(project)}/allocation_rule")), "when_exhausted")

    async def set_allocation_rule(self, project: str, when_exhausted: str) -> str:
        """For staff."""
        ask = Ask("PUT", f"{_path(project)}/allocation_rule", json={"when_exhausted": when_exhausted})
        return text(await self.session.json(ask), "when_exhausted")

    async def shares(self, project: str) -> tuple[Share, ...]:
        """Members whose use of the project's hours is bounded."""
        return tuple(map(Share.of, rows(await self.session.json(Ask("GET", f"{_path(project)}/shares")))))

    async def set_share(
        self, project: str, user: str, *, kind: str = "cpu", hours: float | None = None, percent: float | None = None
    ) -> None:
        """Bound what a member may use; without hours and percent the bound is taken away."""
        content = given(kind=kind, hours=hours, percent=percent)
        await self.session.json(Ask("PUT", f"{_path(project)}/shares/{part(user)}", json=content))

    async def usage(
        self,
        project: str | None = None,
        *,
        start: str | None = None,
        end: str | None = None,
        step: str | None = None,
        by: str | None = None,
    ) -> Usage:
        """Of a project by all members, or your own. Days are `YYYY-MM-DD`; `step` is day, week or month; `by` is user,
        system or qos, and of your own project."""
        path = "account/usage" if project is None else f"{_path(project)}/usage"
        query: dict[str, Any] = {"start": start, "end": end, "step": step, "by": by}
        return Usage.of(await self.session.json(Ask("GET", path, query)))


def _path(project: str) -> str:
    return f"account/projects/{part(project)}"


def _allocation(project: str, allocation_id: int) -> str:
    return f"{_path(project)}/allocations/{allocation_id}"
