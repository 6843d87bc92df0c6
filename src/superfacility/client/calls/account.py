"""`/account`: people, projects and groups, and what was done."""

from datetime import datetime

from superfacility.client.records.account import Account, AuditEntry, Group, Project
from superfacility.client.records.reading import rows
from superfacility.client.wire.session import Ask, Session, given


class AccountCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def account(self, name: str | None = None) -> Account:
        """Yours, or somebody's by name."""
        return Account.of(await self.session.json(Ask("GET", "account", {"username": name})))

    async def projects(self) -> tuple[Project, ...]:
        """Yours, with what is left of their allocations."""
        return tuple(map(Project.of, rows(await self.session.json(Ask("GET", "account/projects")))))

    async def audit(
        self,
        *,
        everybodys: bool = False,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        client: str | None = None,
        address: str | None = None,
        text: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> tuple[AuditEntry, ...]:
        """What you have done, or for staff who have logged in what everybody has; newest first. Moments are aware."""
        query = given(
            everybodys=everybodys or None,
            actor=actor,
            action=action,
            target=target,
            client=client,
            address=address,
            text=text,
            since=None if since is None else since.isoformat(),
            until=None if until is None else until.isoformat(),
            limit=limit,
        )
        return tuple(map(AuditEntry.of, rows(await self.session.json(Ask("GET", "account/audit", query)))))

    async def groups(self) -> tuple[Group, ...]:
        found = await self.session.json(Ask("GET", "account/groups"))
        return tuple(map(Group.of, rows(found.get("groups"))))
