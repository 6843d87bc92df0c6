"""The suite of `ClientStore`.

Fixtures to supply, all of one store: `clients`, `people`, `queue` (by a FakeClock), `audit_log`, and `lease` that the
queue asks.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, NotFound, TooMany
from superfacility.facility.people import People, Project, ProjectName, User, UserName
from superfacility.oauth.clients import MADE_IN_A_DAY, Client, ClientId, ClientKey, ClientStore
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
    keys=(
        ClientKey({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        ClientKey({"kty": "OKP", "crv": "Ed25519", "x": "A"}, NOW + timedelta(hours=1)),
    ),
    created_at=NOW,
    expires_at=NOW + timedelta(days=2),
    comments="words",
    globus=True,
    renewed_at=NOW - timedelta(hours=1),
    strict=True,
    dpop=True,
    holder=UserName("bob"),
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
        generation = await clients.generation()
        with pytest.raises(Conflict):
            await clients.save(replace(CLIENT, name="other"), entry("clients.fail"), new=True)
        assert await clients.client(ID) == CLIENT
        assert await clients.generation() == generation
        assert await audit_log.entries(action="clients.fail") == []

    async def test_changes_need_an_existing_client_and_user(self, clients: ClientStore) -> None:
        for act in (
            clients.save(CLIENT, entry()),
            clients.revoke(ID, NOW, entry()),
            clients.remove(ID, entry()),
            clients.save(replace(CLIENT, user=UserName("nobody")), entry(), new=True),
            clients.save(replace(CLIENT, project=ProjectName("m0001")), entry(), new=True),
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
        seen = [await clients.generation()]
        await clients.save(CLIENT, entry(), new=True)
        seen.append(await clients.generation())
        await clients.save(CLIENT, entry())
        seen.append(await clients.generation())
        await clients.revoke(ID, NOW, entry())
        seen.append(await clients.generation())
        await clients.remove(ID, entry())
        seen.append(await clients.generation())
        await people.save_user(User(0, ALICE, active=False), entry("users.block"))
        seen.append(await clients.generation())
        assert seen == sorted(set(seen))
        assert await clients.generation() == seen[-1]

    async def test_a_client_is_bound_to_a_project(self, clients: ClientStore, people: People) -> None:
        await people.save_project(Project(0, ProjectName("m0001")), entry("projects.add"), new=True)
        bound = replace(CLIENT, project=ProjectName("m0001"))
        await clients.save(bound, entry(), new=True)
        assert await clients.client(ID) == bound

    async def test_a_user_has_so_many_in_force_and_no_more(self, clients: ClientStore) -> None:
        now = NOW + timedelta(days=1)
        await clients.save(replace(CLIENT, renewed_at=None), entry(), new=True, at_most=1)
        later = replace(
            CLIENT, id=ClientId("later"), created_at=now, expires_at=now + timedelta(days=2), renewed_at=None
        )
        with pytest.raises(Conflict):
            await clients.save(later, entry(), new=True, at_most=1)
        await clients.save(replace(CLIENT, name="the same"), entry(), at_most=1)
        await clients.save(replace(CLIENT, expires_at=now), entry())
        await clients.save(later, entry(), new=True, at_most=1)
        with pytest.raises(Conflict):
            await clients.save(replace(CLIENT, expires_at=NOW + timedelta(days=9), renewed_at=now), entry(), at_most=1)
        await clients.revoke(later.id, now, entry())
        await clients.save(replace(CLIENT, renewed_at=now), entry(), at_most=1)

    async def test_of_two_at_once_one_finds_room(self, clients: ClientStore) -> None:
        wanted = [replace(CLIENT, id=ClientId(f"client{number}"), renewed_at=None) for number in range(4)]
        saving = [clients.save(each, entry(), new=True, at_most=1) for each in wanted]
        outcomes = await asyncio.gather(*saving, return_exceptions=True)
        assert [type(each) for each in outcomes].count(Conflict) == 3
        assert len(await clients.clients()) == 1

    async def test_two_changes_at_once_do_not_undo_each_other(self, clients: ClientStore, audit_log: AuditLog) -> None:
        await clients.save(CLIENT, entry(), new=True)
        changes = [replace(CLIENT, name=f"name {number}") for number in range(4)]
        saving = [clients.save(each, entry("clients.rotate"), old=CLIENT) for each in changes]
        outcomes = await asyncio.gather(*saving, return_exceptions=True)
        assert [type(each) for each in outcomes].count(Conflict) == 3
        assert len(await audit_log.entries(action="clients.rotate")) == 1
        kept = await clients.client(ID)
        assert kept in changes
        with pytest.raises(Conflict):
            await clients.save(replace(CLIENT, ranges=()), entry(), old=CLIENT)
        assert await clients.client(ID) == kept
        await clients.save(replace(CLIENT, ranges=()), entry(), old=kept)

    async def test_what_was_revoked_stays_revoked(self, clients: ClientStore) -> None:
        await clients.save(CLIENT, entry(), new=True)
        await clients.revoke(ID, NOW, entry())
        with pytest.raises(Conflict):
            await clients.save(CLIENT, entry())
        await clients.revoke(ID, NOW + timedelta(hours=1), entry())
        assert await clients.client(ID) == replace(CLIENT, revoked_at=NOW)

    @pytest.mark.parametrize("act", ["revoke", "remove"])
    async def test_what_it_has_made_ends_with_it(self, clients: ClientStore, act: str) -> None:
        await clients.save(CLIENT, entry(), new=True)
        child = replace(CLIENT, id=ClientId("child"), made_by=ID)
        grandchild = replace(CLIENT, id=ClientId("grandchild"), made_by=child.id)
        other = replace(CLIENT, id=ClientId("other"))
        for each in (child, grandchild, other):
            await clients.save(each, entry(), new=True)
        assert await clients.client(child.id) == child
        await (clients.revoke(ID, NOW, entry()) if act == "revoke" else clients.remove(ID, entry()))
        found = [await clients.client(each.id) for each in (child, grandchild, other)]
        assert [each and each.revoked_at for each in found] == [NOW, NOW, None]

    async def test_so_many_may_be_made_in_a_day(self, clients: ClientStore) -> None:
        """Else whoever revokes each at once fills the database."""
        made = [replace(CLIENT, id=ClientId(f"made-{number}")) for number in range(MADE_IN_A_DAY + 1)]
        for each in made[:-1]:
            await clients.save(each, entry(), new=True, at_most=1)
            await clients.revoke(each.id, NOW, entry())
        with pytest.raises(TooMany):
            await clients.save(made[-1], entry(), new=True, at_most=1)
        await clients.save(made[-1], entry(), new=True)
        tomorrow = replace(CLIENT, id=ClientId("tomorrow"), created_at=CLIENT.created_at + timedelta(days=1, seconds=1))
        await clients.revoke(made[-1].id, NOW, entry())
        await clients.save(tomorrow, entry(), new=True, at_most=1)

    async def test_a_revoked_client_makes_no_others(self, clients: ClientStore) -> None:
        child = replace(CLIENT, id=ClientId("child"), made_by=ID)
        with pytest.raises(Conflict):
            await clients.save(child, entry(), new=True)
        await clients.save(CLIENT, entry(), new=True)
        await clients.revoke(ID, NOW, entry())
        with pytest.raises(Conflict):
            await clients.save(child, entry(), new=True)
        assert await clients.client(child.id) is None

    async def test_a_client_that_can_do_less_meanwhile_makes_no_others(self, clients: ClientStore) -> None:
        child = replace(CLIENT, id=ClientId("child"), made_by=ID)
        await clients.save(CLIENT, entry(), new=True)
        less = replace(CLIENT, ranges=CLIENT.ranges[:1], scopes=frozenset(list(CLIENT.scopes)[:1]))
        await clients.save(less, entry(), old=CLIENT)
        with pytest.raises(Conflict):
            await clients.save(child, entry(), new=True, old=CLIENT)
        assert await clients.client(child.id) is None
        await clients.save(child, entry(), new=True, old=less)

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

    async def test_so_are_those_of_a_user_who_is_deactivated(
        self, people: People, clients: ClientStore, queue: TaskQueue, lease: Lease, owner: User
    ) -> None:
        worker = WorkerId("worker")
        lease.hold(worker)
        new = NewTask(ALICE, "copy", {}, START, "red", client_id=ID)
        running = await queue.accept(new, entry("tasks.accept"))
        await queue.claim(worker, ["copy"], 1)
        waiting = await queue.accept(new, entry("tasks.accept"))
        await people.save_user(User(0, UserName("account")), entry("users.add"), new=True)
        shared = replace(CLIENT, id=ClientId("shared"), user=UserName("account"), holder=ALICE)
        await clients.save(shared, entry(), new=True)
        held = await queue.accept(replace(new, owner=shared.user, client_id=shared.id), entry("tasks.accept"))
        changed = await people.save_user(replace(owner, email="a@example.org"), entry("users.change"))
        assert [await queue.task(each.id) for each in (waiting, held)] == [waiting, held]
        assert await clients.clients(holder=ALICE) == [shared]
        await people.save_user(replace(changed, active=False), entry("users.block"))
        found = [await queue.task(task.id) for task in (running, waiting, held)]
        cancelled = TaskStatus.CANCELLED
        assert [task and task.status for task in found] == [TaskStatus.NEW, cancelled, cancelled]
