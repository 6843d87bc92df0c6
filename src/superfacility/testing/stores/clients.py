"""Clients and used assertions in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import UserName
from superfacility.oauth.clients import Client, ClientId
from superfacility.tasks.task import TaskStatus
from superfacility.testing.stores.memory import Memory


class MemoryClientStore:
    """`ClientStore` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def generation(self) -> int:
        return self._memory.generation

    async def client(self, client_id: ClientId) -> Client | None:
        return self._memory.clients.get(client_id)

    async def clients(self, *, user: UserName | None = None) -> Sequence[Client]:
        found = [client for client in self._memory.clients.values() if user in (None, client.user)]
        return sorted(found, key=lambda client: client.created_at, reverse=True)

    async def save(self, client: Client, audit: AuditEntry, *, new: bool = False) -> None:
        if client.user not in self._memory.users:
            raise NotFound(f"There is no user {client.user}: add it first.")
        if new and client.id in self._memory.clients:
            raise Conflict(f"The client id {client.id} is taken: choose another.")
        if not new:
            self._known(client.id)
        self._memory.clients[client.id] = client
        self._conclude(audit)

    async def revoke(self, client_id: ClientId, at: datetime, audit: AuditEntry) -> None:
        self._memory.clients[client_id] = replace(self._known(client_id), revoked_at=at)
        self._cancel_unstarted(client_id, at)
        self._conclude(audit)

    async def remove(self, client_id: ClientId, audit: AuditEntry) -> None:
        self._known(client_id)
        del self._memory.clients[client_id]
        self._cancel_unstarted(client_id, audit.at)
        self._conclude(audit)

    def _known(self, client_id: ClientId) -> Client:
        if client_id not in self._memory.clients:
            raise NotFound(f"There is no client {client_id}.")
        return self._memory.clients[client_id]

    def _cancel_unstarted(self, client_id: ClientId, at: datetime) -> None:
        result = {"status": "error", "error": "Cancelled before it started."}
        for kept in self._memory.tasks.values():
            task = kept.task
            if task.client_id == client_id and not task.started and not task.status.terminal:
                kept.task = replace(task, status=TaskStatus.CANCELLED, result=result, updated_at=at)

    def _conclude(self, audit: AuditEntry) -> None:
        self._memory.generation += 1
        self._memory.audit.append(audit)


class MemoryAssertionLog:
    """`AssertionLog` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._used = memory.assertions

    async def use(self, client_id: ClientId, jti: str, expires_at: datetime) -> bool:
        if (client_id, jti) in self._used:
            return False
        self._used[client_id, jti] = expires_at
        return True

    async def forget(self, before: datetime) -> int:
        expired = [key for key, expires_at in self._used.items() if expires_at < before]
        for key in expired:
            del self._used[key]
        return len(expired)
