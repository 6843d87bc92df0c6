"""`/account`: people, projects and groups."""

from superfacility.client.records.account import Account, Group, Project
from superfacility.client.records.accounting import Allocation, Share, Usage
from superfacility.client.records.reading import rows
from superfacility.client.wire.session import Ask, Session, part


class AccountCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def account(self, name: str | None = None) -> Account:
        """Yours, or somebody's by name."""
        return Account.of(await self.session.json(Ask("GET", "account", {"username": name})))

    async def projects(self) -> tuple[Project, ...]:
        """Yours, with what is left of their allocations."""
        return tuple(map(Project.of, rows(await self.session.json(Ask("GET", "account/projects")))))

    async def allocations(self, project: str | None = None) -> tuple[Allocation, ...]:
        """Hours of one project or of all of yours: past, present and to come, with what was used of them."""
        path = "account/allocations" if project is None else f"account/projects/{part(project)}/allocations"
        return tuple(map(Allocation.of, rows(await self.session.json(Ask("GET", path)))))

    async def shares(self, project: str) -> tuple[Share, ...]:
        """Members whose use of the project's hours is bounded."""
        return tuple(
            map(Share.of, rows(await self.session.json(Ask("GET", f"account/projects/{part(project)}/shares"))))
        )

    async def set_share(
        self, project: str, user: str, *, kind: str = "cpu", hours: float | None = None, percent: float | None = None
    ) -> None:
        """Bound what a member may use; without hours and percent the bound is taken away."""
        form = {"kind": kind, "hours": hours, "percent": percent}
        content = {name: value for name, value in form.items() if value is not None}
        path = f"account/projects/{part(project)}/shares/{part(user)}"
        await self.session.json(Ask("PUT", path, json=content))

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
        path = "account/usage" if project is None else f"account/projects/{part(project)}/usage"
        query = {"start": start, "end": end, "step": step, "by": by}
        return Usage.of(await self.session.json(Ask("GET", path, query)))

    async def groups(self) -> tuple[Group, ...]:
        found = await self.session.json(Ask("GET", "account/groups"))
        return tuple(map(Group.of, rows(found.get("groups"))))
