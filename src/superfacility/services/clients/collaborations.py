"""Accounts that several people manage: an operator says who, and they make clients that act as them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import InvalidInput, NotFound
from superfacility.facility.membership.permissions import MANAGE_PROJECT, may
from superfacility.facility.people import People, ProjectName, User, UserName
from superfacility.oauth.registration.collaborations import CollaborationAccount, CollaborationAccounts


@dataclass(frozen=True, slots=True)
class Collaborations:
    """Knows who manages which account. A project's managers are its PI and proxies."""

    store: CollaborationAccounts
    people: People
    clock: Clock

    async def managed_by(self, user: User) -> Sequence[CollaborationAccount]:
        projects = await self._managed_projects(user)
        found = await self.store.accounts()
        return [each for each in found if user.name in each.managers or each.project in projects]

    async def acting_as(self, user: User, name: str | None) -> User:
        """Somebody themselves, or an account that they manage; `NotFound` for any other."""
        if name is None or name == user.name:
            return user
        if any(each.user == name for each in await self.managed_by(user)):
            found = await self.people.user(UserName(name))
            if found is not None and found.active:
                return found
        raise NotFound(f"You manage no account {name!r}; GET /account/collaborations lists those that you do.")

    async def managers(self, name: UserName) -> Sequence[UserName]:
        """Of one account; nobody if it is none."""
        account = await self.store.account(name)
        if account is None:
            return ()
        of_project: list[UserName] = []
        if account.project is not None:
            members = await self.people.memberships(project=account.project)
            of_project = [each.user for each in members if each.project.active and may(each.role, MANAGE_PROJECT)]
        return tuple(dict.fromkeys([*account.managers, *of_project]))

    async def all(self) -> Sequence[CollaborationAccount]:
        """For operators."""
        return await self.store.accounts()

    async def save(self, user: str, project: str | None, managers: Iterable[str], actor: str) -> CollaborationAccount:
        """Add or replace."""
        named = tuple(UserName(each) for each in dict.fromkeys(managers))
        for each in named:
            if await self.people.user(each) is None:
                raise NotFound(f"There is no user {each}: add it first with `sfapi admin user add`.")
        if user in named:
            raise InvalidInput(f"{user} is the account itself: name the people who manage it.")
        if project is None and not named:
            raise InvalidInput("Name a project whose managers manage the account, or people who do.")
        account = CollaborationAccount(UserName(user), None if project is None else ProjectName(project), named)
        detail = f"managed by {', '.join((*named, *(f'managers of {each}' for each in [project] if each)))}"
        await self.store.save(account, self._audit(actor, "collaborations.save", user, detail))
        return account

    async def remove(self, user: str, actor: str) -> None:
        """It is nobody's but its own from then on; clients in the hands of who managed it rest."""
        await self.store.remove(UserName(user), self._audit(actor, "collaborations.remove", user))

    async def _managed_projects(self, user: User) -> set[str]:
        memberships = await self.people.memberships(user=user.name)
        return {each.project.name for each in memberships if each.project.active and may(each.role, MANAGE_PROJECT)}

    def _audit(self, actor: str, action: str, target: str, detail: str = "") -> AuditEntry:
        return AuditEntry(self.clock.now(), actor, action, target, detail=detail)
