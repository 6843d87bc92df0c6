"""Snapshots in memory."""

from collections.abc import Sequence
from datetime import datetime

from superfacility.facility.events import NewEvent
from superfacility.facility.snapshots import StoredSnapshot
from superfacility.testing.stores.events import append_events
from superfacility.testing.stores.memory import Memory


class MemorySnapshotStore:
    """`SnapshotStore` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def publish(
        self, snapshot: StoredSnapshot, *, replacing: datetime | None, events: Sequence[NewEvent] = ()
    ) -> bool:
        kept = self._memory.snapshots.get((snapshot.system, snapshot.kind))
        if (None if kept is None else kept.began_at) != replacing:
            return False
        self._memory.snapshots[snapshot.system, snapshot.kind] = snapshot
        append_events(self._memory, events)
        return True

    async def latest(self, system: str, kind: str, *, newer_than: datetime | None = None) -> StoredSnapshot | None:
        found = self._memory.snapshots.get((system, kind))
        return found if found is not None and (newer_than is None or found.began_at > newer_than) else None
