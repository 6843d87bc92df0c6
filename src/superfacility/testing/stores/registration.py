"""Accounts that several people manage, requests for clients, and mails about their ends, in memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import UserName
from superfacility.oauth.clients import Client
from superfacility.oauth.registration.collaborations import CollaborationAccount
from superfacility.oauth.registration.requests import ClientRequest, RequestId, RequestState
from superfacility.oauth.registration.warnings import Ending
from superfacility.testing.stores.clients import add_client
from superfacility.testing.stores.memory import Memory


class MemoryCollaborationAccounts:
    """`CollaborationAccounts` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def account(self, user: UserName) -> CollaborationAccount | None:
        return self._memory.collaborations.get(user)

    async def accounts(self) -> Sequence[CollaborationAccount]:
        return [self._memory.collaborations[name] for name in sorted(self._memory.collaborations)]

    async def save(self, account: CollaborationAccount, audit: AuditEntry) -> None:
        if account.user not in self._memory.users:
            raise NotFound(f"There is no user {account.user}: add it first.")
        if account.project is not None and account.project not in self._memory.projects:
            raise NotFound(f"There is no project {account.project}.")
        self._memory.collaborations[account.user] = account
        self._memory.generation += 1
        self._memory.audit.append(audit)

    async def remove(self, user: UserName, audit: AuditEntry) -> None:
        if user not in self._memory.collaborations:
            raise NotFound(f"{user} is no collaboration account.")
        del self._memory.collaborations[user]
        self._memory.generation += 1
        self._memory.audit.append(audit)


class MemoryClientRequestStore:
    """`ClientRequestStore` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def request(self, request_id: RequestId) -> ClientRequest | None:
        return self._memory.client_requests.get(request_id)

    async def requests(
        self, *, requester: UserName | None = None, state: RequestState | None = None
    ) -> Sequence[ClientRequest]:
        known = self._memory.client_requests.values()
        found = [each for each in known if requester in (None, each.requester) and state in (None, each.state)]
        return sorted(found, key=lambda each: each.created_at, reverse=True)

    async def ask(self, request: ClientRequest, audit: AuditEntry, *, at_most: int | None = None) -> None:
        for name in (request.requester, request.user):
            if name not in self._memory.users:
                raise NotFound(f"There is no user {name}: add it first.")
        pending = await self.requests(requester=request.requester, state=RequestState.PENDING)
        if at_most is not None and len(pending) >= at_most:
            raise Conflict(f"{at_most} requests of yours wait for staff: withdraw those that you do not need.")
        self._memory.client_requests[request.id] = request
        self._memory.audit.append(audit)

    async def conclude(
        self,
        request: ClientRequest,
        audit: Sequence[AuditEntry],
        client: Client | None = None,
        *,
        at_most: int | None = None,
    ) -> None:
        found = self._memory.client_requests.get(request.id)
        if found is None:
            raise NotFound(f"There is no request {request.id}.")
        if found.state is not RequestState.PENDING:
            raise Conflict(f"The request {request.id} was {found.state.value} already.")
        if client is not None:
            add_client(self._memory, client, at_most)
            self._memory.generation += 1
        self._memory.client_requests[request.id] = request
        self._memory.audit.extend(audit)


class MemoryWarningLog:
    """`WarningLog` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def ending(self, after: datetime, before: datetime) -> Sequence[Ending]:
        known = self._memory.clients.values()
        found = [each for each in known if each.revoked_at is None and after < each.expires_at <= before]
        told = self._memory.client_warnings
        return [
            Ending(each, frozenset(told.get((each.id, each.expires_at), ())))
            for each in sorted(found, key=lambda each: (each.expires_at, each.id))
        ]

    async def record(self, client: Client, notices: Iterable[str]) -> None:
        self._memory.client_warnings.setdefault((client.id, client.expires_at), set()).update(notices)

    async def forget(self, before: datetime) -> int:
        told = self._memory.client_warnings
        old = [key for key in told if key[1] < before]
        return sum(len(told.pop(key)) for key in old)
