"""Nodes and partitions, read once for all processes, less often than the queue."""

import asyncio
import zlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError, Unavailable
from superfacility.facility.inventory import Inventory, Node, Partition
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.snapshots import StoredSnapshot
from superfacility.services.compute.flights import SingleFlight
from superfacility.services.compute.reading.sharing import Sharing

_KIND = "inventory"
_PATIENCE = 5.0
_LIMIT = 30.0
_POLL = 0.05


class InventoryReader:
    """When the scheduler does not answer, the last inventory stays, with the moment that it was taken."""

    def __init__(self, name: str, scheduler: Scheduler, clock: Clock, sharing: Sharing, period: float) -> None:
        self._name = name
        self._scheduler = scheduler
        self._clock = clock
        self._sharing = sharing
        self._period = period
        self._lock = f"inventory/{name}"
        self._flight = SingleFlight(self._reading)
        self._last: Inventory | None = None
        self._read_at = float("-inf")
        self._failed_at = float("-inf")

    async def current(self) -> Inventory:
        """Young if the scheduler answers; `Unavailable` where there never was one."""
        now = self._clock.monotonic()
        if self._last is not None and now - max(self._read_at, self._failed_at) < self._period:
            return self._last
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._flight.join()
        except (FacilityError, TimeoutError) as problem:
            self._failed_at = self._clock.monotonic()
            last = self._last or await self._stored(None)
            if last is None:
                raise Unavailable(f"{self._name} has not told of its nodes yet: try again in a moment.") from problem
            self._last = last
            return last

    async def _reading(self) -> Inventory:
        began_at = self._clock.now()
        than = began_at - timedelta(seconds=self._period)
        locks = self._sharing.locks
        while (found := await self._stored(than)) is None:
            if await locks.try_acquire(self._lock):
                break
            await asyncio.sleep(_POLL)
        if found is None:
            try:
                found = await self._stored(than) or await self._read()
            finally:
                await self._sharing.locks.release(self._lock)
        self._last, self._read_at = found, self._clock.monotonic()
        return found

    async def _read(self) -> Inventory:
        snapshots = self._sharing.snapshots
        before = await snapshots.latest(self._name, _KIND)
        began_at = self._clock.now()
        async with asyncio.timeout(_LIMIT):
            found = await self._scheduler.inventory()
        snapshot = StoredSnapshot(self._name, _KIND, began_at, _encode(found))
        await snapshots.publish(snapshot, replacing=None if before is None else before.began_at)
        return found

    async def _stored(self, than: datetime | None) -> Inventory | None:
        stored = await self._sharing.snapshots.latest(self._name, _KIND, newer_than=than)
        return None if stored is None else _decode(stored.payload, stored.began_at)


def _encode(inventory: Inventory) -> bytes:
    """Without its time, so that one that did not change looks the same."""
    content = {"nodes": inventory.nodes, "partitions": [_partition(each) for each in inventory.partitions]}
    return zlib.compress(orjson.dumps(content), 1)


def _partition(partition: Partition) -> dict[str, Any]:
    limit = partition.time_limit
    return {
        "name": partition.name,
        "state": partition.state,
        "default": partition.default,
        "time_limit": None if limit is None else limit.total_seconds(),
        "nodes": partition.nodes,
    }


def _decode(payload: bytes, taken_at: datetime) -> Inventory:
    content = orjson.loads(zlib.decompress(payload))
    nodes = tuple(
        replace(Node(**each), partitions=tuple(each["partitions"]), features=tuple(each["features"]))
        for each in content["nodes"]
    )
    return Inventory(nodes, tuple(_read_partition(each) for each in content["partitions"]), taken_at)


def _read_partition(values: dict[str, Any]) -> Partition:
    limit = values["time_limit"]
    return Partition(**values | {"time_limit": None if limit is None else timedelta(seconds=limit)})
