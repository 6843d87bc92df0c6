"""Asking to join a project, and deciding who may.

Who asks is never told whether the project exists: a request for none waits until it expires, as one does that nobody
answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.errors import Conflict, InvalidInput, NotFound, NotPermitted
from superfacility.facility.membership.admissions import (
    Admissions,
    Ending,
    JoinRequest,
    JoinRequestId,
    MemberChange,
    Outcome,
)
from superfacility.facility.membership.permissions import Permission
from superfacility.facility.people import People, Project, ProjectName, Role, User, UserName
from superfacility.oauth.principal import Principal
from superfacility.services.membership.letters import Letters
from superfacility.services.membership.names import check_name
from superfacility.services.membership.standing import Standings

_LONGEST_MESSAGE = 500
_AFTER_A_NO = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who asks, and what they ask for."""

    request: JoinRequest
    user: User


@dataclass(frozen=True, slots=True)
class JoiningService:
    """Few requests a day for each, and a week's rest after a refusal."""

    people: People
    admissions: Admissions
    standings: Standings
    letters: Letters
    clock: Clock
    lifetime: timedelta = timedelta(days=30)
    most_a_day: int = 10

    async def ask(self, principal: Principal, project: str, message: str) -> JoinRequest:
        if principal.project is not None:
            raise NotPermitted(f"This client is bound to {principal.project}: ask with another one, or log in.")
        check_name("project", project)
        if len(message) > _LONGEST_MESSAGE or (message and not message.isprintable()):
            raise InvalidInput(f"The message has at most {_LONGEST_MESSAGE} printable characters, on one line.")
        name, user, now = ProjectName(project), principal.user.name, self.clock.now()
        if await self.people.memberships(user=user, project=name):
            raise Conflict(f"You are a member of {project} already.")
        await self._check_patience(user, name)
        request = JoinRequest(JoinRequestId(str(new_uuid())), name, user, now, now + self.lifetime, message)
        audit = principal.audit(now, "members.ask_to_join", project, request.id)
        found = await self.people.project(name)
        await self.admissions.ask(request, audit, most_a_day=self.most_a_day)
        if found is not None and found.active:
            await self.letters.asked(request)
        return request

    async def mine(self, principal: Principal) -> Sequence[JoinRequest]:
        """Newest first."""
        found = await self.admissions.requests(user=principal.user.name)
        return [self._now(each) for each in found if principal.project in (None, each.project)]

    async def withdraw(self, principal: Principal, request_id: str) -> JoinRequest:
        found = await self.admissions.request(JoinRequestId(request_id))
        bound = principal.project
        if found is None or found.user != principal.user.name or bound not in (None, found.project):
            raise NotFound("You have no such request; GET /account/join_requests lists yours.")
        return await self._end(principal, found, Outcome.WITHDRAWN, "members.withdraw_request")

    async def of(self, principal: Principal, project: str) -> Sequence[Applicant]:
        """All that are kept, newest first, for those who may accept."""
        standing = await self.standings.of(principal, project)
        standing.require(Permission.ACCEPT_USERS)
        found = await self.admissions.requests(project=standing.project.name)
        people = [(self._now(each), await self.people.user(each.user)) for each in found]
        return [Applicant(each, user) for each, user in people if user is not None]

    async def decide(self, principal: Principal, project: str, request_id: str, *, accept: bool) -> Applicant:
        """Who is accepted is a member with the role user."""
        standing = await self.standings.of(principal, project)
        standing.require(Permission.ACCEPT_USERS)
        found = await self.admissions.request(JoinRequestId(request_id))
        user = None if found is None else await self.people.user(found.user)
        if found is None or user is None or found.project != standing.project.name:
            raise NotFound(f"There is no request {request_id!r} to join {project}.")
        if not accept:
            refused = await self._end(principal, found, Outcome.DECLINED, "members.refuse_request")
            await self.letters.refused(found)
            return Applicant(refused, user)
        _check_can_join(standing.project, user)
        expected: dict[UserName, Role | None] = {**standing.rests_on(principal), user.name: None}
        change = MemberChange(found.project, user.name, Role.USER, None, expected)
        accepted = await self._end(principal, found, Outcome.ACCEPTED, "members.accept_request", change)
        await self.letters.joined(standing.project, user.name, Role.USER, principal.user.name)
        return Applicant(accepted, user)

    async def _end(
        self,
        principal: Principal,
        request: JoinRequest,
        outcome: Outcome,
        action: str,
        change: MemberChange | None = None,
    ) -> JoinRequest:
        now = self.clock.now()
        audit = principal.audit(now, action, request.project, f"{request.id} {request.user}")
        await self.admissions.end_request(request.id, Ending(outcome, principal.user.name, now), audit, change=change)
        return replace(request, outcome=outcome, ended_at=now, ended_by=principal.user.name)

    async def _check_patience(self, user: UserName, project: ProjectName) -> None:
        found = await self.admissions.requests(user=user, project=project)
        refused = [each.ended_at for each in found if each.outcome is Outcome.DECLINED and each.ended_at is not None]
        if refused and self.clock.now() < max(refused) + _AFTER_A_NO:
            again = max(refused) + _AFTER_A_NO
            raise Conflict(f"{project} has declined your last request: you can ask again on {again:%Y-%m-%d}.")

    def _now(self, request: JoinRequest) -> JoinRequest:
        return replace(request, outcome=request.outcome_at(self.clock.now()))


def _check_can_join(project: Project, user: User) -> None:
    if not user.active:
        raise Conflict(f"{user.name} may not use this facility any more.")
    if not project.active:
        raise Conflict(f"The project {project.name} is closed.")
