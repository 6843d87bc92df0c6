"""Invitations to projects: made by who may invite, accepted once by who is meant.

Only the digest of a token is kept. No account is made by accepting: who is invited by mail logs in as every user does.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.errors import Conflict, InvalidInput, NotFound
from superfacility.facility.membership.admissions import (
    Admissions,
    Ending,
    Invitation,
    InvitationId,
    MemberChange,
    Outcome,
)
from superfacility.facility.membership.permissions import Permission, gives, may
from superfacility.facility.people import People, Project, Role, UserName
from superfacility.oauth.principal import Principal
from superfacility.services.membership.letters import Letters
from superfacility.services.membership.members import check_gives
from superfacility.services.membership.names import checked_address
from superfacility.services.membership.standing import Standings

_MARK = "inv_"
"""What tokens begin with, so that a leaked one is known for what it is."""


@dataclass(frozen=True, slots=True)
class Invitee:
    """Who is invited: a user by name, or the reader of a mail address."""

    user: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """How an invited person says which invitation: by its id, if it is addressed to them, or by its token."""

    id: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """An invitation as its receiver sees it."""

    invitation: Invitation
    project: Project


@dataclass(frozen=True, slots=True)
class InvitationService:
    """Those to others are as unknown as those that do not exist."""

    people: People
    admissions: Admissions
    standings: Standings
    letters: Letters
    clock: Clock
    lifetime: timedelta = timedelta(days=14)
    most_a_day: int = 50

    async def invite(
        self, principal: Principal, project: str, invitee: Invitee, role: Role, lifetime: timedelta | None = None
    ) -> tuple[Invitation, str]:
        """With its token, which nobody is told again."""
        standing = await self.standings.of(principal, project)
        standing.require(Permission.INVITE_USERS)
        check_gives(principal, standing, role)
        if (invitee.user is None) == (invitee.email is None):
            raise InvalidInput("Name either a user or an email address.")
        token, now = _MARK + secrets.token_urlsafe(32), self.clock.now()
        invitation = Invitation(
            id=InvitationId(str(new_uuid())),
            project=standing.project.name,
            role=role,
            invited_by=principal.user.name,
            created_at=now,
            expires_at=now + self._checked_lifetime(lifetime),
            digest=_digest(token),
            user=None if invitee.user is None else await self._known(invitee.user),
            email=None if invitee.email is None else checked_address(invitee.email),
        )
        audit = principal.audit(now, "members.invite", project, f"{invitation.id} {invitation.invited} {role.value}")
        await self.admissions.invite(invitation, audit, most_a_day=self.most_a_day)
        await self.letters.invited(invitation, token)
        return invitation, token

    async def of(self, principal: Principal, project: str) -> Sequence[Invitation]:
        """All that are kept, newest first, for those who may invite."""
        standing = await self.standings.of(principal, project)
        standing.require(Permission.INVITE_USERS)
        return [self._now(each) for each in await self.admissions.invitations(project=standing.project.name)]

    async def withdraw(self, principal: Principal, project: str, invitation_id: str) -> Invitation:
        standing = await self.standings.of(principal, project)
        standing.require(Permission.INVITE_USERS)
        found = await self.admissions.invitation(InvitationId(invitation_id))
        if found is None or found.project != standing.project.name:
            raise NotFound(f"There is no invitation {invitation_id!r} to {project}.")
        return await self._end(principal, found, Outcome.WITHDRAWN, "members.withdraw_invitation")

    async def mine(self, principal: Principal) -> Sequence[Received]:
        """That are open, and addressed to the caller's name or the mail address that the directory has of them."""
        user = principal.user
        found = await self.admissions.invitations(user=user.name, email=user.email.lower() or None)
        opened = [each for each in map(self._now, found) if each.outcome is Outcome.OPEN]
        received = [(each, await self.people.project(each.project)) for each in opened]
        return [
            Received(each, project)
            for each, project in received
            if project is not None and project.active and principal.project in (None, project.name)
        ]

    async def accept(self, principal: Principal, claim: Claim) -> Received:
        """Once; the caller is a member then. Who invited must still be allowed to."""
        found, me = await self._claimed(principal, claim), principal.user.name
        project = await self.people.project(found.project)
        if project is None or not project.active:
            raise Conflict(f"The project {found.project} is closed.")
        if await self.people.memberships(user=me, project=found.project):
            raise Conflict(f"You are a member of {found.project} already.")
        change = MemberChange(found.project, me, found.role, None, {**await self._warrant(found), me: None})
        ended = await self._end(principal, found, Outcome.ACCEPTED, "members.accept_invitation", change)
        await self.letters.joined(project, me, found.role, me)
        return Received(ended, project)

    async def decline(self, principal: Principal, claim: Claim) -> Invitation:
        found = await self._claimed(principal, claim)
        ended = await self._end(principal, found, Outcome.DECLINED, "members.decline_invitation")
        await self.letters.declined(ended, principal.user.name)
        return ended

    async def _end(
        self,
        principal: Principal,
        invitation: Invitation,
        outcome: Outcome,
        action: str,
        change: MemberChange | None = None,
    ) -> Invitation:
        now = self.clock.now()
        audit = principal.audit(now, action, invitation.project, f"{invitation.id} {invitation.invited}")
        ending = Ending(outcome, principal.user.name, now)
        await self.admissions.end_invitation(invitation.id, ending, audit, change=change)
        return replace(invitation, outcome=outcome, ended_at=now, ended_by=principal.user.name)

    async def _claimed(self, principal: Principal, claim: Claim) -> Invitation:
        if (claim.id is None) == (claim.token is None):
            raise InvalidInput("Name the invitation either by its id or by its token.")
        if claim.token is not None:
            found = await self.admissions.invitation_of(_digest(claim.token))
        else:
            found = await self.admissions.invitation(InvitationId(claim.id or ""))
        if found is None or not _is_for(principal, found, by_token=claim.token is not None):
            raise NotFound("You have no such invitation; GET /account/invitations lists yours.")
        return found

    async def _warrant(self, invitation: Invitation) -> dict[UserName, Role | None]:
        """The role that the invitation rests on, which must still be its maker's."""
        maker = await self.people.user(invitation.invited_by)
        if maker is not None and maker.active:
            if maker.staff:
                return {}
            found = await self.people.memberships(user=maker.name, project=invitation.project)
            role = found[0].role if found else None
            if role is not None and may(role, Permission.INVITE_USERS) and gives(role, invitation.role):
                return {maker.name: role}
        raise Conflict(f"{invitation.invited_by} may not invite to {invitation.project} any more: ask for a new one.")

    async def _known(self, name: str) -> UserName:
        found = await self.people.user(UserName(name))
        if found is None or not found.active:
            raise NotFound(f"No user named {name!r}. Invite people who are no users yet by their mail address.")
        return found.name

    def _checked_lifetime(self, wanted: timedelta | None) -> timedelta:
        found = self.lifetime if wanted is None else wanted
        if not timedelta() < found <= self.lifetime:
            raise InvalidInput(f"An invitation lives up to {self.lifetime / timedelta(days=1):g} days.")
        return found

    def _now(self, invitation: Invitation) -> Invitation:
        return replace(invitation, outcome=invitation.outcome_at(self.clock.now()))


def _is_for(principal: Principal, invitation: Invitation, *, by_token: bool) -> bool:
    """A token of an invitation by mail is its bearer's: people have more than one address."""
    if principal.project not in (None, invitation.project):
        return False
    if invitation.user is not None:
        return invitation.user == principal.user.name
    return by_token or invitation.email == principal.user.email.lower()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
