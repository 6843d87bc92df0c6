"""The suite of `ClientStore`.

Fixtures to supply, all of one store: `clients`, `people`, `queue` (by a FakeClock), `audit_log`, and `lease` that the
queue asks.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import People, User, UserName
from superfacility.oauth.clients import Client, ClientId, ClientKey, ClientStore
from superfacility.oauth.scopes import Scope, SecurityLevel
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.tasks.task import NewTask, TaskStatus, WorkerId
from superfacility.testing.clocks import START

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ALICE = UserName("alice")
ID = ClientId("abcdefghijk01")
CLIENT = Client(
    id=ID,
    user=ALICE,
    name="beamline ß",
    level=SecurityLevel.RED,
    scopes=frozenset({Scope.JOBS_WRITE, Scope.FILES_READ}),
    ranges=("192.0.2.0/24", "2001:db8::/64"),
    keys=(ClientKey({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), ClientKey({"kty": "OKP", "crv": "Ed25519", "x": "A"})),
    created_at=NOW,
    expires_at=NOW + timedelta(days=2),
    comments="words",
)


def entry(action: str = "clients.change") -> AuditEntry:
    return AuditEntry(NOW, "operator:root", action, ID)


class ClientStoreContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture(autouse=True)
    async def owner(self, people: People) -> User:
        return await people.save_user(User(0, ALICE), entry("users.add"), new=True)

    async def test_a_client_is_found_as_it_was_saved(self, clients: ClientStore, audit_log: AuditLog) -> None:
        await clients.save(CLIENT, entry(), new=True)
        assert await clients.client(ID) == CLIENT
        assert await clients.client(ClientId("other")) is None
        assert await clients.client(ClientId("\udcff\0")) is None
        assert len(await audit_log.entries(action="clients.change")) == 1

    async def test_a_taken_id_is_a_conflict(self, clients: ClientStore, audit_log: AuditLog) -> None:
        await clients.save(CLIENT, entry(), new=True)
        generation = clients.generation()
        with pytest.raises(Conflict):
            await clients.save(replace(CLIENT, name="other"), entry("clients.fail"), new=True)
        assert await clients.client(ID) == CLIENT
        assert clients.generation() == generation
        assert await audit_log.entries(action="clients.fail") == []

    async def test_changes_need_an_existing_client_and_user(self, clients: ClientStore) -> None:
        for act in (
            clients.save(CLIENT, entry()),
            clients.revoke(ID, NOW, entry()),
            clients.remove(ID, entry()),
            clients.save(replace(CLIENT, user=UserName("nobody")), entry(), new=True),
        ):
            with pytest.raises(NotFound):
                await act
        assert await clients.clients() == []

    async def test_a_change_replaces_everything(self, clients: ClientStore) -> None:
        await clients.save(CLIENT, entry(), new=True)
        changed = replace(CLIENT, name="n", level=SecurityLevel.GREEN, scopes=frozenset(), ranges=(), keys=())
        await clients.save(changed, entry())
        assert await clients.client(ID) == changed

    async def test_listings_are_newest_first(self, clients: ClientStore, people: People) -> None:
        await people.save_user(User(0, UserName("bob")), entry("users.add"), new=True)
        for number, user in enumerate(("alice", "bob", "alice")):
            client = replace(CLIENT, id=ClientId(f"client{number}"), user=UserName(user))
            await clients.save(replace(client, created_at=NOW + timedelta(seconds=number)), entry(), new=True)
        assert [client.id for client in await clients.clients()] == ["client2", "client1", "client0"]
        assert [client.id for client in await clients.clients(user=ALICE)] == ["client2", "client0"]

    async def test_every_change_raises_the_generation(self, clients: ClientStore, people: People) -> None:
        seen = [clients.generation()]
        await clients.save(CLIENT, entry(), new=True)
        seen.append(clients.generation())
        await clients.save(CLIENT, entry())
        seen.append(clients.generation())
        await clients.revoke(ID, NOW, entry())
        seen.append(clients.generation())
        await clients.remove(ID, entry())
        seen.append(clients.generation())
        await people.save_user(User(0, ALICE, active=False), entry("users.block"))
        seen.append(clients.generation())
        assert seen == sorted(set(seen))
        assert clients.generation() == seen[-1]

    async def test_a_revoked_client_says_when(self, clients: ClientStore) -> None:
        await clients.save(CLIENT, entry(), new=True)
        await clients.revoke(ID, NOW, entry())
        assert await clients.client(ID) == replace(CLIENT, revoked_at=NOW)

    @pytest.mark.parametrize("act", ["revoke", "remove"])
    async def test_its_tasks_that_have_not_started_are_cancelled(
        self, clients: ClientStore, queue: TaskQueue, lease: Lease, act: str
    ) -> None:
        worker = WorkerId("worker")
        lease.hold(worker)
        await clients.save(CLIENT, entry(), new=True)
        new = NewTask(ALICE, "copy", {}, START, "red", client_id=ID)
        running = await queue.accept(new, entry("tasks.accept"))
        await queue.claim(worker, ["copy"], 1)
        waiting = await queue.accept(new, entry("tasks.accept"))
        other = await queue.accept(replace(new, client_id="another"), entry("tasks.accept"))
        if act == "revoke":
            await clients.revoke(ID, NOW, entry())
        else:
            await clients.remove(ID, entry())
        found = [await queue.task(task.id) for task in (running, waiting, other)]
        assert [task and task.status for task in found] == [TaskStatus.NEW, TaskStatus.CANCELLED, TaskStatus.NEW]
        assert found[1] is not None
        assert found[1].result is not None
        assert found[1].result["status"] == "error"
