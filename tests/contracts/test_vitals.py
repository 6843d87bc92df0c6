"""The numbers for those who watch an installation, over both databases."""

from dataclasses import replace
from datetime import timedelta

from superfacility.adapters.sql import (
    Database,
    SqlAuditChain,
    SqlCallbackStore,
    SqlClientStore,
    SqlPeople,
    SqlTaskQueue,
    SqlVitals,
)
from superfacility.facility.deliveries import Step
from superfacility.facility.installation import Vitals
from superfacility.facility.people import User
from superfacility.oauth.clients import ClientId
from superfacility.oauth.scopes import SecurityLevel
from superfacility.tasks.queue import Lease
from superfacility.tasks.task import TaskStatus
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.callback_store import delivery
from superfacility.testing.contracts.client_store import ALICE, CLIENT, entry
from superfacility.testing.contracts.task_queue import ONE, new_task


async def test_of_an_empty_installation_nothing_is_told(database: Database, clock: FakeClock) -> None:
    assert await SqlVitals(database, clock).read() == Vitals(0, 0.0, 0, 0, {})


async def test_tasks_count_from_their_acceptance_to_their_end(
    database: Database, sql_lease: Lease, clock: FakeClock
) -> None:
    queue, vitals = SqlTaskQueue(database, sql_lease, clock), SqlVitals(database, clock)
    first = await queue.accept(new_task(clock), entry())
    clock.advance(timedelta(seconds=40))
    await queue.accept(new_task(clock), entry())
    clock.advance(timedelta(seconds=2.5))
    found = await vitals.read()
    assert (found.open_tasks, found.oldest_task_seconds) == (2, 42.5)
    sql_lease.hold(ONE)
    claimed = await queue.claim(ONE, ["copy"], 1)
    assert [task.id for task in claimed] == [first.id]
    assert (await vitals.read()).open_tasks == 2
    await queue.finish(ONE, first.id, TaskStatus.COMPLETED, {})
    found = await vitals.read()
    assert (found.open_tasks, found.oldest_task_seconds) == (1, 2.5)


async def test_the_clock_of_another_host_makes_no_task_younger_than_new(
    database: Database, sql_lease: Lease, clock: FakeClock
) -> None:
    ahead = FakeClock()
    ahead.advance(timedelta(seconds=10))
    await SqlTaskQueue(database, sql_lease, ahead).accept(new_task(ahead), entry())
    assert (await SqlVitals(database, clock).read()).oldest_task_seconds == 0.0


async def test_clients_in_force_by_level(database: Database, clock: FakeClock) -> None:
    clients, now = SqlClientStore(database), clock.now()
    await SqlPeople(database).save_user(User(0, ALICE), entry(), new=True)
    later = now + timedelta(seconds=30)
    for number, (level, expires) in enumerate(
        [(SecurityLevel.RED, later), (SecurityLevel.RED, later), (SecurityLevel.GREEN, later), (SecurityLevel.RED, now)]
    ):
        made = replace(CLIENT, id=ClientId(f"abcdefghijk0{number}"), name=f"{number}", level=level, expires_at=expires)
        await clients.save(replace(made, created_at=now), entry(), new=True)
    vitals = SqlVitals(database, clock)
    assert (await vitals.read()).clients == {"red": 2, "green": 1}
    await clients.revoke(ClientId("abcdefghijk00"), now, entry())
    assert (await vitals.read()).clients == {"red": 1, "green": 1}
    clock.advance(timedelta(seconds=30))
    assert (await vitals.read()).clients == {}


async def test_what_is_owed_and_what_waits_for_its_seal(database: Database, clock: FakeClock) -> None:
    await SqlCallbackStore(database).commit(
        Step(1, deliveries=[delivery(1), delivery(2), delivery(3, dead_because="nobody")])
    )
    people, vitals = SqlPeople(database), SqlVitals(database, clock)
    await people.save_user(User(0, ALICE), entry(), new=True)
    found = await vitals.read()
    assert (found.pending_deliveries, found.unsealed_audit) == (2, 1)
    await SqlAuditChain(database).extend(b"k" * 32)
    assert (await vitals.read()).unsealed_audit == 0
