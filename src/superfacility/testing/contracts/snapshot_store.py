"""The suite of `SnapshotStore`. Fixtures to supply: `snapshots`, `elsewhere` (the same store in another process), and
`events` (the log that it appends to).
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from superfacility.facility.events import EventKind, EventLog, NewEvent
from superfacility.facility.snapshots import SnapshotStore, StoredSnapshot

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
FIRST = StoredSnapshot("perlmutter", "queue", NOW, b"\x00first")
SECOND = replace(FIRST, began_at=LATER, payload=b"second")
EVENT = NewEvent(EventKind.JOB, NOW, "7", "perlmutter")


class SnapshotStoreContract:
    """Subclass it with the fixtures named above."""

    async def test_the_latest_is_kept_for_each_system_and_kind(
        self, snapshots: SnapshotStore, elsewhere: SnapshotStore
    ) -> None:
        assert await snapshots.latest("perlmutter", "queue") is None
        inventory = replace(FIRST, kind="inventory", payload=b"nodes")
        other = replace(FIRST, system="dtns", payload=b"other")
        for each in (FIRST, inventory, other):
            assert await snapshots.publish(each, replacing=None)
        assert await snapshots.publish(SECOND, replacing=NOW)
        for store in (snapshots, elsewhere):
            assert await store.latest("perlmutter", "queue") == SECOND
            assert await store.latest("perlmutter", "inventory") == inventory
            assert await store.latest("dtns", "queue") == other

    async def test_only_a_newer_one_is_wanted(self, snapshots: SnapshotStore) -> None:
        await snapshots.publish(FIRST, replacing=None)
        assert await snapshots.latest("perlmutter", "queue", newer_than=NOW) is None
        assert await snapshots.latest("perlmutter", "queue", newer_than=NOW - timedelta(microseconds=1)) == FIRST

    async def test_of_two_that_replace_the_same_one_is_kept_with_its_events(
        self, snapshots: SnapshotStore, elsewhere: SnapshotStore, events: EventLog
    ) -> None:
        await snapshots.publish(FIRST, replacing=None)
        rivals = [
            store.publish(replace(SECOND, payload=name.encode()), replacing=NOW, events=[replace(EVENT, subject=name)])
            for store, name in ((snapshots, "a"), (elsewhere, "b"))
        ]
        kept = await asyncio.gather(*rivals)
        assert sorted(kept) == [False, True]
        winner = "a" if kept[0] else "b"
        for store in (snapshots, elsewhere):
            found = await store.latest("perlmutter", "queue")
            assert found is not None
            assert found.payload == winner.encode()
        assert [each.what.subject for each in await events.after(0)] == [winner]

    async def test_nothing_to_replace_is_not_something(self, snapshots: SnapshotStore, events: EventLog) -> None:
        assert not await snapshots.publish(FIRST, replacing=LATER, events=[EVENT])
        assert await snapshots.publish(FIRST, replacing=None)
        assert not await snapshots.publish(SECOND, replacing=None, events=[EVENT])
        assert await snapshots.latest("perlmutter", "queue") == FIRST
        assert await events.after(0) == []

    async def test_the_same_content_again_is_younger(
        self, snapshots: SnapshotStore, elsewhere: SnapshotStore, events: EventLog
    ) -> None:
        await snapshots.publish(FIRST, replacing=None)
        assert await elsewhere.latest("perlmutter", "queue") == FIRST
        again = replace(FIRST, began_at=LATER)
        assert await snapshots.publish(again, replacing=NOW, events=[EVENT])
        assert await snapshots.latest("perlmutter", "queue") == again
        assert await elsewhere.latest("perlmutter", "queue", newer_than=NOW) == again
        assert len(await events.after(0)) == 1

    async def test_time_may_go_back(self, snapshots: SnapshotStore) -> None:
        await snapshots.publish(SECOND, replacing=None)
        assert await snapshots.publish(FIRST, replacing=LATER)
        assert await snapshots.latest("perlmutter", "queue") == FIRST
