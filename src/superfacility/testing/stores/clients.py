"""Clients and used assertions in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound, TooMany
from superfacility.facility.people import UserName
from superfacility.oauth.clients import MADE_IN_A_DAY, Client, ClientId
from superfacility.testing.stores.memory import Memory


class MemoryClientStore:
    """`ClientStore` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def generation(self) -> int:
        return self._memory.generation

    async def client(self, client_id: ClientId) -> Client | None:
        return self._memory.clients.get(client_id)

    async def clients(self, *, user: UserName | None = None, holder: UserName | None = None) -> Sequence[Client]:
        known = self._memory.clients.values()
        found = [client for client in known if user in (None, client.user) and holder in (None, client.holder)]
        return sorted(found, key=lambda client: client.created_at, reverse=True)

    async def save(
        self,
        client: Client,
        audit: AuditEntry,
        *,
        new: bool = False,
        at_most: int | None = None,
        old: Client | None = None,
    ) -> None:
        if new:
            add_client(self._memory, client, at_most, old)
        else:
            _require_owners(self._memory, client)
            if self._known(client.id).revoked_at is not None:
                raise Conflict(f"The client {client.id} was revoked: create a new one instead.")
            _require_same(self._known(client.id), old)
            _require_room(self._memory, client, at_most)
        self._memory.clients[client.id] = client
        self._conclude(audit)

    async def revoke(self, client_id: ClientId, at: datetime, audit: AuditEntry) -> None:
        self._known(client_id)
        for each in (client_id, *self._made_by(client_id)):
            self._revoke(each, at)
        self._conclude(audit)

    async def remove(self, client_id: ClientId, audit: AuditEntry) -> None:
        self._known(client_id)
        for each in self._made_by(client_id):
            self._revoke(each, audit.at)
        del self._memory.clients[client_id]
        self._memory.cancel_unstarted(audit.at, lambda task: task.client_id == client_id)
        self._conclude(audit)

    def _made_by(self, client_id: ClientId) -> list[ClientId]:
        own = [each.id for each in self._memory.clients.values() if each.made_by == client_id]
        return own + [further for each in own for further in self._made_by(each)]

    def _revoke(self, client_id: ClientId, at: datetime) -> None:
        client = self._memory.clients[client_id]
        self._memory.clients[client_id] = replace(client, revoked_at=client.revoked_at or at)
        self._memory.cancel_unstarted(at, lambda task: task.client_id == client_id)

    def _known(self, client_id: ClientId) -> Client:
        if client_id not in self._memory.clients:
            raise NotFound(f"There is no client {client_id}.")
        return self._memory.clients[client_id]

    def _conclude(self, audit: AuditEntry) -> None:
        self._memory.generation += 1
        self._memory.audit.append(audit)


def cancel_ordered_by(memory: Memory, user: UserName, at: datetime) -> None:
    """The tasks of a person, and of the clients in their hands, that have not begun."""
    held = {each.id for each in memory.clients.values() if each.holder == user}
    memory.cancel_unstarted(at, lambda task: task.owner == user or task.client_id in held)


def add_client(memory: Memory, client: Client, at_most: int | None = None, old: Client | None = None) -> None:
    """A new one, as `ClientStore.save` says."""
    _require_owners(memory, client)
    if client.id in memory.clients:
        raise Conflict(f"The client id {client.id} is taken: choose another.")
    _require_room(memory, client, at_most)
    _require_rest(memory, client, at_most)
    maker = None if client.made_by is None else memory.clients.get(client.made_by)
    if client.made_by is not None and (maker is None or maker.revoked_at is not None):
        raise Conflict(f"The client {client.made_by} was revoked: it makes no others.")
    if maker is not None:
        _require_same(maker, old)
    memory.clients[client.id] = client


def _require_same(still: Client, old: Client | None) -> None:
    if old is not None and still != old:
        raise Conflict(f"The client {old.id} was changed meanwhile: look at it, and try again.")


def _require_room(memory: Memory, client: Client, at_most: int | None) -> None:
    since = client.renewed_at or client.created_at
    others = [each for each in memory.clients.values() if each.id != client.id and each.user == client.user]
    if at_most is not None and sum(each.in_force(since) for each in others) >= at_most:
        raise Conflict(f"{client.user} has {at_most} clients: revoke those that are not needed any more.")


def _require_rest(memory: Memory, client: Client, at_most: int | None) -> None:
    yesterday = client.created_at - timedelta(days=1)
    made = sum(each.user == client.user and each.created_at > yesterday for each in memory.clients.values())
    if at_most is not None and made >= MADE_IN_A_DAY * at_most:
        raise TooMany(f"{made} clients of {client.user} were made within a day: go on tomorrow.", retry_after=3600)


def _require_owners(memory: Memory, client: Client) -> None:
    if client.user not in memory.users:
        raise NotFound(f"There is no user {client.user}: add it first.")
    if client.project is not None and client.project not in memory.projects:
        raise NotFound(f"There is no project {client.project}.")


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
