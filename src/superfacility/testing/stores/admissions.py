"""Invitations, requests to join and changes of members in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound, TooMany
from superfacility.facility.membership.admissions import (
    Ending,
    Invitation,
    InvitationId,
    JoinRequest,
    JoinRequestId,
    MemberChange,
    Outcome,
    ProjectChange,
)
from superfacility.facility.people import ProjectName, Role, UserName
from superfacility.testing.stores.memory import Memory
from superfacility.testing.stores.people import add_member, drop_member

_DAY = timedelta(days=1)
Kept = TypeVar("Kept", Invitation, JoinRequest)


class MemoryAdmissions:
    """`Admissions` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def change_member(self, change: MemberChange, audit: AuditEntry) -> None:
        self._check(change)
        self._apply(change, audit)
        self._memory.audit.append(audit)

    async def change_project(self, change: ProjectChange, audit: AuditEntry) -> None:
        known = self._memory.projects.get(change.project)
        if known is None:
            raise NotFound(f"There is no project {change.project}.")
        self._check_expected(change)
        texts: dict[str, Any] = dict(change.texts)
        given = replace(known.allocation, **change.quotas)
        self._memory.projects[change.project] = replace(known, allocation=given, **texts)
        self._memory.audit.append(audit)

    async def invite(self, invitation: Invitation, audit: AuditEntry, *, most_a_day: int) -> None:
        kept, now = self._memory.invitations, invitation.created_at
        if invitation.project not in self._memory.projects or invitation.user not in (None, *self._memory.users):
            raise NotFound("There is no such project or user.")
        if (invitation.project, invitation.user) in self._memory.memberships:
            raise Conflict(f"{invitation.invited} is a member of {invitation.project} already.")
        same = [each for each in kept.values() if _same(each, invitation)]
        if any(each.outcome_at(now) is Outcome.OPEN for each in same):
            raise Conflict(f"{invitation.invited} is invited to {invitation.project} already: withdraw that first.")
        made = [each for each in kept.values() if each.invited_by == invitation.invited_by]
        if sum(each.created_at > now - _DAY for each in made) >= most_a_day:
            raise TooMany(f"{most_a_day} invitations a day are enough: go on tomorrow.", retry_after=3600)
        kept[invitation.id] = invitation
        self._memory.audit.append(audit)

    async def invitation(self, invitation_id: InvitationId) -> Invitation | None:
        return self._memory.invitations.get(invitation_id)

    async def invitation_of(self, digest: str) -> Invitation | None:
        return next((each for each in self._memory.invitations.values() if each.digest == digest), None)

    async def invitations(
        self, *, project: ProjectName | None = None, user: UserName | None = None, email: str | None = None
    ) -> Sequence[Invitation]:
        found = [
            each
            for each in self._memory.invitations.values()
            if project in (None, each.project)
            and ((user is None and email is None) or each.user == (user or "") or each.email == (email or ""))
        ]
        return sorted(found, key=lambda each: (each.created_at, each.id), reverse=True)

    async def end_invitation(
        self, invitation_id: InvitationId, ending: Ending, audit: AuditEntry, *, change: MemberChange | None = None
    ) -> None:
        kept = self._memory.invitations
        ended = _ended(kept.get(invitation_id), ending, "invitation")
        if change is not None:
            self._check(change)
        kept[invitation_id] = ended
        if change is not None:
            self._apply(change, audit)
        self._memory.audit.append(audit)

    async def ask(self, request: JoinRequest, audit: AuditEntry, *, most_a_day: int) -> None:
        kept, now = self._memory.join_requests, request.created_at
        mine = [each for each in kept.values() if each.user == request.user]
        if any(each.project == request.project and each.outcome_at(now) is Outcome.OPEN for each in mine):
            raise Conflict(f"You have asked to join {request.project} already: wait for the answer.")
        if sum(each.created_at > now - _DAY for each in mine) >= most_a_day:
            raise TooMany(f"{most_a_day} requests a day are enough: go on tomorrow.", retry_after=3600)
        kept[request.id] = request
        self._memory.audit.append(audit)

    async def request(self, request_id: JoinRequestId) -> JoinRequest | None:
        return self._memory.join_requests.get(request_id)

    async def requests(
        self, *, project: ProjectName | None = None, user: UserName | None = None
    ) -> Sequence[JoinRequest]:
        found = [
            each
            for each in self._memory.join_requests.values()
            if project in (None, each.project) and user in (None, each.user)
        ]
        return sorted(found, key=lambda each: (each.created_at, each.id), reverse=True)

    async def end_request(
        self, request_id: JoinRequestId, ending: Ending, audit: AuditEntry, *, change: MemberChange | None = None
    ) -> None:
        kept = self._memory.join_requests
        ended = _ended(kept.get(request_id), ending, "request")
        if change is not None:
            self._check(change)
        kept[request_id] = ended
        if change is not None:
            self._apply(change, audit)
        self._memory.audit.append(audit)

    async def forget(self, before: datetime) -> int:
        old = [
            (kept, key)
            for kept in (self._memory.invitations, self._memory.join_requests)
            for key, each in kept.items()
            if (each.ended_at or each.expires_at) < before
        ]
        for kept, key in old:
            del kept[key]  # type: ignore[arg-type]
        return len(old)

    def _check(self, change: MemberChange) -> None:
        if change.project not in self._memory.projects:
            raise NotFound(f"There is no project {change.project}.")
        if change.user not in self._memory.users:
            raise NotFound(f"There is no user {change.user}.")
        self._check_expected(change)
        known = self._role(change.project, change.user)
        if known is None and change.role is None:
            raise NotFound(f"{change.user} is not a member of {change.project}.")
        if known is Role.PI and change.role is not Role.PI:
            roles = {user: role for (of, user), (_, role) in self._memory.memberships.items() if of == change.project}
            if not any(role is Role.PI for user, role in roles.items() if user != change.user):
                raise Conflict(f"{change.user} is the last PI of {change.project}: make somebody else PI first.")

    def _check_expected(self, change: MemberChange | ProjectChange) -> None:
        for user, role in change.expected.items():
            if self._role(change.project, user) is not role:
                raise Conflict(f"The role of {user} in {change.project} has changed meanwhile: look again.")

    def _apply(self, change: MemberChange, audit: AuditEntry) -> None:
        if change.role is None:
            drop_member(self._memory, change.project, change.user, audit)
            return
        if self._role(change.project, change.user) is None:
            self._settle(change, audit)
        add_member(self._memory, change.project, change.user, change.role)
        if change.continuing is not None:
            self._memory.continuing[change.project, change.user] = change.continuing

    def _settle(self, change: MemberChange, audit: AuditEntry) -> None:
        by, at = UserName(audit.actor), audit.at
        for request in list(self._memory.join_requests.values()):
            if (request.project, request.user) == (change.project, change.user) and request.outcome is Outcome.OPEN:
                ended = replace(request, outcome=Outcome.ACCEPTED, ended_by=by, ended_at=at)
                self._memory.join_requests[request.id] = ended
        for invitation in list(self._memory.invitations.values()):
            mine = (invitation.project, invitation.user) == (change.project, change.user)
            if mine and invitation.outcome is Outcome.OPEN:
                ended_too = replace(invitation, outcome=Outcome.WITHDRAWN, ended_by=by, ended_at=at)
                self._memory.invitations[invitation.id] = ended_too

    def _role(self, project: ProjectName, user: UserName) -> Role | None:
        found = self._memory.memberships.get((project, user))
        return None if found is None else found[1]


def _same(one: Invitation, other: Invitation) -> bool:
    return (one.project, one.user, one.email) == (other.project, other.user, other.email)


def _ended(kept: Kept | None, ending: Ending, kind: str) -> Kept:
    if kept is None:
        raise NotFound(f"There is no such {kind}.")
    if kept.outcome_at(ending.at) is not Outcome.OPEN:
        raise Conflict(f"This {kind} is over: {kept.outcome_at(ending.at)}.")
    return replace(kept, outcome=ending.outcome, ended_by=ending.by, ended_at=ending.at)
