"""Applications, grants and tickets in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import UserName
from superfacility.oauth.applications import Application, Grant, GrantId, check_name_free
from superfacility.oauth.clients import ClientId
from superfacility.oauth.provider.tickets import (
    AuthorizationCode,
    Decision,
    DeviceRequest,
    PushedRequest,
    RefreshToken,
)
from superfacility.testing.stores.memory import Memory


class MemoryApplicationStore:
    """`ApplicationStore` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def application(self, application_id: ClientId) -> Application | None:
        return self._memory.applications.get(application_id)

    async def applications(self, *, owner: UserName | None = None) -> Sequence[Application]:
        found = [each for each in self._memory.applications.values() if owner in (None, each.owner)]
        return sorted(found, key=lambda each: each.created_at, reverse=True)

    async def save(
        self, application: Application, audit: AuditEntry, *, new: bool = False, old: Application | None = None
    ) -> None:
        memory = self._memory
        if application.owner not in memory.users:
            raise NotFound(f"There is no user {application.owner}: add it first.")
        if application.project is not None and application.project not in memory.projects:
            raise NotFound(f"There is no project {application.project}: add it first.")
        known = application.id in memory.applications
        if new and known:
            raise Conflict(f"The application id {application.id} is taken: choose another.")
        if not new and not known:
            raise NotFound(f"There is no application {application.id}.")
        if old is not None and memory.applications[application.id] != old:
            raise Conflict(f"The application {application.id} was changed meanwhile: look at it, and try again.")
        living = [each for each in memory.applications.values() if each.revoked_at is None]
        if new or memory.applications[application.id].name != application.name:
            check_name_free(application, [(each.id, each.name) for each in living])
        memory.applications[application.id] = application
        if application.revoked_at is not None:
            self._revoke(lambda grant: grant.application == application.id, application.revoked_at)
        self._conclude(audit)

    async def grant(self, grant_id: GrantId) -> Grant | None:
        return self._memory.grants.get(grant_id)

    async def grants(self, *, user: UserName) -> Sequence[Grant]:
        found = [each for each in self._memory.grants.values() if each.user == user and each.revoked_at is None]
        return sorted(found, key=lambda each: each.created_at, reverse=True)

    async def allow(self, grant: Grant, audit: AuditEntry) -> None:
        add_grant(self._memory, grant)
        self._conclude(audit)

    async def revoke_grant(self, grant_id: GrantId, at: datetime, audit: AuditEntry) -> bool:
        revoked = self._revoke(lambda grant: grant.id == grant_id, at)
        if revoked:
            self._conclude(audit)
        return revoked > 0

    async def end_session(self, session: str, at: datetime, audit: AuditEntry) -> int:
        revoked = self._revoke(lambda grant: grant.session == session and not grant.offline, at)
        if revoked:
            self._conclude(audit)
        return revoked

    async def forget_grants(self, before: datetime) -> int:
        gone = [each.id for each in self._memory.grants.values() if each.expires_at < before]
        for grant_id in gone:
            del self._memory.grants[grant_id]
        return len(gone)

    def _revoke(self, which: Callable[[Grant], bool], at: datetime) -> int:
        grants = self._memory.grants
        found = [each for each in grants.values() if each.revoked_at is None and which(each)]
        for grant in found:
            grants[grant.id] = replace(grant, revoked_at=at)
        for grant in found:
            self._cancel_unstarted(grant, at)
        return len(found)

    def _cancel_unstarted(self, gone: Grant, at: datetime) -> None:
        pair = (gone.application, gone.user)
        others = self._memory.grants.values()
        if any((g.application, g.user) == pair and g.revoked_at is None and g.expires_at > at for g in others):
            return
        self._memory.cancel_unstarted(at, lambda task: (task.client_id, task.owner) == pair)

    def _conclude(self, audit: AuditEntry) -> None:
        self._memory.generation += 1
        self._memory.audit.append(audit)


class MemoryTicketStore:
    """`TicketStore` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def add_code(self, code: AuthorizationCode, grant: Grant, pushed: str | None, audit: AuditEntry) -> bool:
        if pushed is not None and self._memory.pushed_requests.pop(pushed, None) is None:
            return False
        add_grant(self._memory, grant)
        self._memory.codes[code.key] = code
        self._memory.audit.append(audit)
        return True

    async def code(self, key: str) -> AuthorizationCode | None:
        return self._memory.codes.get(key)

    async def use_code(
        self, key: str, at: datetime, thumbprint: str | None, refresh: RefreshToken | None, audit: AuditEntry
    ) -> bool:
        code = self._memory.codes.get(key)
        if code is None or code.used_at is not None:
            return False
        self._memory.codes[key] = replace(code, used_at=at)
        self._hand_out(code.grant, thumbprint, refresh, audit)
        return True

    async def refresh_token(self, key: str) -> RefreshToken | None:
        return self._memory.refresh_tokens.get(key)

    async def rotate(self, key: str, at: datetime, successor: RefreshToken, audit: AuditEntry) -> bool:
        token = self._memory.refresh_tokens.get(key)
        if token is None or token.used_at is not None:
            return False
        self._memory.refresh_tokens[key] = replace(token, used_at=at)
        self._memory.refresh_tokens[successor.key] = successor
        self._memory.audit.append(audit)
        return True

    async def prolong(self, key: str, expires_at: datetime, audit: AuditEntry) -> bool:
        token = self._memory.refresh_tokens.get(key)
        if token is None or token.used_at is not None:
            return False
        self._memory.refresh_tokens[key] = replace(token, expires_at=expires_at)
        self._memory.audit.append(audit)
        return True

    async def add_device(self, request: DeviceRequest) -> bool:
        if any(each.user_code == request.user_code for each in self._memory.devices.values()):
            return False
        self._memory.devices[request.key] = request
        return True

    async def device(self, key: str) -> DeviceRequest | None:
        return self._memory.devices.get(key)

    async def device_of(self, user_code: str) -> DeviceRequest | None:
        return next((each for each in self._memory.devices.values() if each.user_code == user_code), None)

    async def asked(self, key: str, at: datetime, interval: int) -> None:
        self._memory.devices[key] = replace(self._memory.devices[key], asked_at=at, interval=interval)

    async def decide(self, key: str, grant: Grant | None, audit: AuditEntry) -> bool:
        request = self._memory.devices.get(key)
        if request is None or request.decision is not Decision.PENDING:
            return False
        if grant is not None:
            add_grant(self._memory, grant)
        said = Decision.DENIED if grant is None else Decision.ALLOWED
        self._memory.devices[key] = replace(request, decision=said, grant=None if grant is None else grant.id)
        self._memory.audit.append(audit)
        return True

    async def use_device(
        self, key: str, at: datetime, thumbprint: str | None, refresh: RefreshToken | None, audit: AuditEntry
    ) -> bool:
        request = self._memory.devices.get(key)
        if request is None or request.decision is not Decision.ALLOWED or request.grant is None:
            return False
        self._memory.devices[key] = replace(request, decision=Decision.USED)
        self._hand_out(request.grant, thumbprint, refresh, audit)
        return True

    def _hand_out(
        self, grant_id: GrantId, thumbprint: str | None, refresh: RefreshToken | None, audit: AuditEntry
    ) -> None:
        if thumbprint is not None:
            self._memory.grants[grant_id] = replace(self._memory.grants[grant_id], key_thumbprint=thumbprint)
            self._memory.generation += 1
        if refresh is not None:
            self._memory.refresh_tokens[refresh.key] = refresh
        self._memory.audit.append(audit)

    async def push(self, request: PushedRequest) -> None:
        self._memory.pushed_requests[request.key] = request

    async def pushed(self, key: str) -> PushedRequest | None:
        return self._memory.pushed_requests.get(key)

    async def guess(self, user: UserName, at: datetime, since: datetime, limit: int) -> bool:
        made = [each for name, each in self._memory.guesses if name == user and each >= since]
        if len(made) >= limit:
            return False
        self._memory.guesses.append((user, at))
        return True

    async def forget(self, before: datetime) -> int:
        memory, gone = self._memory, 0
        for kept in (memory.codes, memory.refresh_tokens, memory.devices, memory.pushed_requests):
            for key in [key for key, each in kept.items() if each.expires_at < before]:
                del kept[key]
                gone += 1
        old = [each for each in memory.guesses if each[1] < before]
        memory.guesses[:] = [each for each in memory.guesses if each[1] >= before]
        return gone + len(old)


def add_grant(memory: Memory, grant: Grant) -> None:
    if grant.user not in memory.users:
        raise NotFound(f"There is no user {grant.user}.")
    memory.grants[grant.id] = grant
