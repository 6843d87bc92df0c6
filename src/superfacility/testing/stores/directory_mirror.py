"""The copy of the site's directory in memory."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.membership.admissions import Outcome
from superfacility.facility.membership.directory import DirectoryLink, Mirrored, MirrorStep
from superfacility.facility.people import Role, UserName
from superfacility.oauth.registration.requests import RequestState
from superfacility.testing.stores.clients import cancel_ordered_by
from superfacility.testing.stores.logins import end_sessions
from superfacility.testing.stores.memory import Memory

HERE, AWAY = "directory", "directory/away"


class MemoryDirectoryMirror:
    """`DirectoryMirror` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def everybody(self) -> Mapping[UserName, Mirrored]:
        return {name: self._mirrored(name) for name in self._memory.users}

    async def one(self, name: UserName) -> Mirrored | None:
        return self._mirrored(name) if name in self._memory.users else None

    async def apply(self, steps: Sequence[MirrorStep]) -> None:
        memory = self._memory
        kept = {name: deepcopy(getattr(memory, name)) for name in ("users", "memberships", "login_identities")}
        try:
            for step in steps:
                self._apply(step)
        except Exception:
            for name, value in kept.items():
                setattr(memory, name, value)
            raise
        memory.audit.extend(step.audit for step in steps)
        memory.generation += bool(steps)

    def _mirrored(self, name: UserName) -> Mirrored:
        memory, link = self._memory, None
        for (provider, subject), owner in memory.login_identities.items():
            if owner == name and provider in {HERE, AWAY}:
                link = DirectoryLink(subject, provider == AWAY)
        account = memory.login_accounts.get(name)
        roles = {project: role for (project, member), (_, role) in memory.memberships.items() if member == name}
        return Mirrored(memory.users[name], link, account is not None and account.password is not None, roles)

    def _apply(self, step: MirrorStep) -> None:
        memory, name = self._memory, step.user.name
        if memory.users.get(name) != step.before:
            raise Conflict(f"The user {name} was changed meanwhile: look again.")
        if any(other.uid == step.user.uid and other.name != name for other in memory.users.values()):
            raise Conflict(f"The number {step.user.uid} is another user's.")
        memory.users[name] = step.user
        if step.before is not None and step.before.active and not step.user.active:
            cancel_ordered_by(memory, name, step.audit.at)
        if step.anew:
            self._forget(name)
        for key in [key for key, owner in memory.login_identities.items() if owner == name and key[0] in {HERE, AWAY}]:
            del memory.login_identities[key]
        if any((provider, step.link.id) in memory.login_identities for provider in (HERE, AWAY)):
            raise Conflict(f"The entry of {name} is another user's.")
        memory.login_identities[AWAY if step.link.away else HERE, step.link.id] = name
        for project in step.joins:
            if project not in memory.projects:
                raise NotFound(f"There is no project {project}.")
            memory.memberships[project, name] = (memory.next_number("membership"), Role.USER)
        for project in () if step.anew else step.leaves:
            del memory.memberships[project, name]

    def _forget(self, name: UserName) -> None:
        memory = self._memory
        end_sessions(memory, name)
        memory.login_accounts.pop(name, None)
        memory.login_links = {digest: link for digest, link in memory.login_links.items() if link.user != name}
        memory.login_identities = {key: owner for key, owner in memory.login_identities.items() if owner != name}
        memory.memberships = {key: value for key, value in memory.memberships.items() if key[1] != name}
        for group in memory.groups.values():
            group.members.discard(name)
        self._withdraw(name)

    def _withdraw(self, name: UserName) -> None:
        """What waits for an answer, and what they manage for others."""
        memory = self._memory
        for key, invitation in memory.invitations.items():
            if invitation.outcome is Outcome.OPEN and name in (invitation.user, invitation.invited_by):
                memory.invitations[key] = replace(invitation, outcome=Outcome.WITHDRAWN)
        for wish, asked in memory.join_requests.items():
            if asked.outcome is Outcome.OPEN and asked.user == name:
                memory.join_requests[wish] = replace(asked, outcome=Outcome.WITHDRAWN)
        for number, request in memory.client_requests.items():
            if request.state is RequestState.PENDING and name in (request.requester, request.user):
                memory.client_requests[number] = replace(request, state=RequestState.WITHDRAWN)
        for user, account in memory.collaborations.items():
            left = tuple(manager for manager in account.managers if manager != name)
            memory.collaborations[user] = replace(account, managers=left)
