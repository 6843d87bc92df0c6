"""Members of a project: who is one, who comes and goes, and with which role."""

from collections.abc import Sequence
from dataclasses import dataclass

from superfacility.core.clock import Clock
from superfacility.facility.errors import Conflict, InvalidInput, NotFound, NotPermitted
from superfacility.facility.membership.admissions import Admissions, MemberChange
from superfacility.facility.membership.permissions import Permission, gives, outranks
from superfacility.facility.people import Membership, People, Role, User, UserName
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.clients.power import is_person
from superfacility.services.membership.letters import Letters
from superfacility.services.membership.standing import Standing, Standings


@dataclass(frozen=True, slots=True)
class Member:
    """A member, and the person that they are."""

    membership: Membership
    user: User


@dataclass(frozen=True, slots=True)
class MemberService:
    """The table of permissions decides, and what it rests on is looked at again in the transaction of the change.

    Nothing of a removed member is undone that has begun: their running jobs go on. Tasks of theirs that have not begun
    and name the project are refused when they begin, as new ones are.
    """

    people: People
    admissions: Admissions
    standings: Standings
    letters: Letters
    clock: Clock

    async def of(self, principal: Principal, project: str) -> Sequence[Member]:
        standing = await self.standings.of(principal, project)
        standing.require(Permission.VIEW)
        found = await self.people.memberships(project=standing.project.name)
        users = [await self.people.user(each.user) for each in found]
        return [Member(member, user) for member, user in zip(found, users, strict=True) if user is not None]

    async def add(self, principal: Principal, project: str, user: str, role: Role) -> Member:
        standing = await self.standings.of(principal, project)
        standing.require(Permission.EDIT_MEMBERS)
        check_gives(principal, standing, role)
        found = await self.people.user(UserName(user))
        if found is None or not found.active:
            raise NotFound(f"No user named {user!r}. Somebody who is none yet can be invited by mail.")
        if await self._role(standing, found.name) is not None:
            raise Conflict(f"{user} is a member of {project} already.")
        change = _change(principal, standing, found.name, role, None)
        audit = principal.audit(self.clock.now(), "members.add", project, f"{user} {role.value}")
        await self.admissions.change_member(change, audit)
        await self.letters.joined(standing.project, found.name, role, principal.user.name)
        return Member(Membership(0, standing.project, found.name, role), found)

    async def change(
        self, principal: Principal, project: str, user: str, *, role: Role | None = None, continuing: bool | None = None
    ) -> Member:
        """What is None stays. Everybody who changes roles may step down themselves."""
        standing = await self.standings.of(principal, project)
        if role is None and continuing is None:
            raise InvalidInput("Give a role, or say whether the member is continuing.")
        if continuing is not None:
            standing.require(Permission.MARK_CONTINUING)
        if role is not None:
            standing.require(Permission.CHANGE_ROLES)
            check_gives(principal, standing, role)
        known, found = await self._known(standing, user)
        if role not in (None, known) and found.name != principal.user.name:
            check_outranks(standing, known, user)
        change = _change(principal, standing, found.name, role or known, known, continuing)
        audit = principal.audit(self.clock.now(), "members.change", project, _said(user, role, continuing))
        await self.admissions.change_member(change, audit)
        if role not in (None, known):
            await self.letters.changed(standing.project, found.name, role or known, principal.user.name)
        return await self._member(standing, found)

    async def remove(self, principal: Principal, project: str, user: str) -> None:
        """Or leave: everybody may remove themselves."""
        standing = await self.standings.of(principal, project)
        leaving = user == principal.user.name and standing.role is not None
        if not leaving:
            standing.require(Permission.EDIT_MEMBERS)
        known, found = await self._known(standing, user)
        if not leaving:
            check_outranks(standing, known, user)
        change = _change(principal, standing, found.name, None, known)
        audit = principal.audit(self.clock.now(), "members.remove", project, f"{user} {known.value}")
        await self.admissions.change_member(change, audit)
        await self.letters.left(standing.project, found.name, principal.user.name)

    async def _known(self, standing: Standing, name: str) -> tuple[Role, User]:
        found = await self.people.user(UserName(name))
        role = None if found is None else await self._role(standing, found.name)
        if found is None or role is None:
            raise NotFound(f"{name} is not a member of {standing.project.name}.")
        return role, found

    async def _role(self, standing: Standing, user: UserName) -> Role | None:
        found = await self.people.memberships(user=user, project=standing.project.name)
        return found[0].role if found else None

    async def _member(self, standing: Standing, user: User) -> Member:
        found = await self.people.memberships(user=user.name, project=standing.project.name)
        if not found:
            raise Conflict(f"{user.name} has left {standing.project.name} meanwhile.")
        return Member(found[0], user)


def check_gives(principal: Principal, standing: Standing, role: Role) -> None:
    """`NotPermitted` unless the caller may let others have that role. Those above `user` can make clients of every
    level, so they are given by people, or by a program of theirs that has the power of the highest."""
    program = principal.grant is None and principal.power is SecurityLevel.RED
    if role is not Role.USER and not (program or is_person(principal)):
        raise NotPermitted(
            f"Only a {SecurityLevel.RED.label} client with a scope of that level makes somebody {role}: use one, or "
            "do it yourself, after `sfapi login`."
        )
    if not standing.staff and (standing.role is None or not gives(standing.role, role)):
        raise NotPermitted(f"As {standing.role} of {standing.project.name} you cannot make anybody {role}.")


def check_outranks(standing: Standing, role: Role, user: str) -> None:
    """`NotPermitted` unless a member with that role is in the caller's hands."""
    if not standing.staff and (standing.role is None or not outranks(standing.role, role)):
        raise NotPermitted(
            f"{user} is {role} of {standing.project.name}, which you as {standing.role} cannot change: ask a PI, or "
            "the facility's staff."
        )


def _change(
    principal: Principal,
    standing: Standing,
    user: UserName,
    role: Role | None,
    known: Role | None,
    continuing: bool | None = None,
) -> MemberChange:
    expected = {**standing.rests_on(principal), user: known}
    return MemberChange(standing.project.name, user, role, continuing, expected)


def _said(user: str, role: Role | None, continuing: bool | None) -> str:
    said = [user] if role is None else [user, role.value]
    return " ".join(said if continuing is None else [*said, "continuing" if continuing else "not continuing"])
