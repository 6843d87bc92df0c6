"""How the processes of an installation share one system's readings: who reads, and what the others get."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from superfacility.core.clock import Clock
from superfacility.facility.events import NewEvent
from superfacility.facility.locks import Locks
from superfacility.facility.snapshots import SnapshotStore, StoredSnapshot
from superfacility.services.compute.reading.codec import decode, encode
from superfacility.services.compute.reading.view import QueueContent, QueueView

QUEUE = "queue"
_SHORT, _LONG = 0.01, 0.1
_STEPPED_BACK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Sharing:
    """What processes share. `Sharing.alone()` is for one that has nobody to share with."""

    snapshots: SnapshotStore
    locks: Locks

    @classmethod
    def alone(cls) -> "Sharing":
        return cls(_NoStore(), _NoLocks())


class SharedReadings:
    """One system's readings as all processes see them."""

    def __init__(self, system: str, clock: Clock, sharing: Sharing) -> None:
        self._system = system
        self._clock = clock
        self._snapshots = sharing.snapshots
        self._locks = sharing.locks
        self._lock = f"collector/{system}"
        self._payload = b""
        self._content: QueueContent | None = None

    @asynccontextmanager
    async def turn(self, than: datetime) -> AsyncIterator[QueueView | None]:
        """Inside, nobody else reads this system. Yields a reading that began after `than` if another process has
        published one meanwhile."""
        pause = _SHORT
        while not await self._locks.try_acquire(self._lock):
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONG)
            if (found := await self.latest(than)) is not None:
                yield found
                return
        try:
            yield await self.latest(than)
        finally:
            await self._locks.release(self._lock)

    async def latest(self, than: datetime | None = None) -> QueueView | None:
        """The last published reading, if it began after `than`. One from the future is from before the clock was set
        back: when it began after is not known."""
        stored = await self._snapshots.latest(self._system, QUEUE, newer_than=than)
        if stored is None or (than is not None and stored.began_at > self._clock.now() + _STEPPED_BACK):
            return None
        if self._content is None or stored.payload != self._payload:
            content = await asyncio.to_thread(_content_of, stored.payload)
            self._content, self._payload = content, stored.payload
        return self._view(self._content, stored.began_at)

    async def publish(
        self, content: QueueContent, began_at: datetime, before: QueueView | None, events: Sequence[NewEvent]
    ) -> QueueView | None:
        """The reading as it is kept now; None if another one took its place meanwhile."""
        known = content is self._content
        payload = self._payload if known else await asyncio.to_thread(encode, content.jobs, content.trail)
        replacing = None if before is None else before.began_at
        snapshot = StoredSnapshot(self._system, QUEUE, began_at, payload)
        if not await self._snapshots.publish(snapshot, replacing=replacing, events=events):
            return None
        if self._content is None or payload != self._payload:
            self._content, self._payload = content, payload
        return self._view(self._content, began_at)

    def _view(self, content: QueueContent, began_at: datetime) -> QueueView:
        age = self._clock.now() - began_at
        seconds = age.total_seconds() if age > -_STEPPED_BACK else float("inf")
        return QueueView(content, began_at, self._clock.monotonic() - seconds)


def _content_of(payload: bytes) -> QueueContent:
    jobs, trail = decode(payload)
    return QueueContent(jobs, trail)


class _NoStore:
    """Keeps the last reading in this process; there is no log for events."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], StoredSnapshot] = {}

    async def publish(
        self, snapshot: StoredSnapshot, *, replacing: datetime | None, events: Sequence[NewEvent] = ()
    ) -> bool:
        self._kept[snapshot.system, snapshot.kind] = snapshot
        return True

    async def latest(self, system: str, kind: str, *, newer_than: datetime | None = None) -> StoredSnapshot | None:
        found = self._kept.get((system, kind))
        return found if found is not None and (newer_than is None or found.began_at > newer_than) else None


class _NoLocks:
    """Nobody else is there."""

    async def try_acquire(self, name: str) -> bool:
        return True

    async def held(self, name: str) -> bool:
        return True

    async def release(self, name: str) -> None: ...

    async def aclose(self) -> None: ...
