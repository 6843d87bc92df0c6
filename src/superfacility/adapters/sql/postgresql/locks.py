"""Leases and locks over all hosts: advisory locks of each process's session."""

import asyncio
import time

from superfacility.adapters.sql.postgresql.connections import lock_number
from superfacility.adapters.sql.postgresql.session import Session
from superfacility.tasks.task import WorkerId

ABSENCE = 3.0
"""Seconds that a lease must be seen missing before its worker counts as dead. A server that restarts drops the leases
of the living too, and they need a moment to take them again."""


class AdvisoryLease:
    """`Lease` over all hosts. Nobody is dead by a clock on the wall, and nobody because the database cannot be asked:
    the server itself must have ended the session that held the lease, and then nobody else have taken it."""

    def __init__(self, session: Session, absence: float = ABSENCE) -> None:
        self._session = session
        self._absence = absence
        self._missing_since: dict[WorkerId, tuple[int, float]] = {}
        self._mine: set[WorkerId] = set()

    def hold(self, worker: WorkerId) -> None:
        self._session.keep(lock_number("worker", worker))

    def release(self, worker: WorkerId) -> None:
        self._session.unlock(lock_number("worker", worker))

    def alive(self, worker: WorkerId) -> bool:
        number = lock_number("worker", worker)
        if self._session.holds(number) or self._session.is_held(number):
            self._missing_since.pop(worker, None)
            return True
        losses, now = self._session.losses, time.monotonic()
        known_losses, since = self._missing_since.get(worker, (losses, now))
        if known_losses != losses:  # we have been away ourselves: so may they
            since = now
        self._missing_since[worker] = losses, since
        return now - since < self._absence


class AdvisoryLocks:
    """`Locks` over all hosts."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names: set[str] = set()

    async def try_acquire(self, name: str) -> bool:
        acquired = await asyncio.to_thread(self._session.try_lock, lock_number("lock", name))
        if acquired:
            self._names.add(name)
        return acquired

    async def held(self, name: str) -> bool:
        return await asyncio.to_thread(self._session.still_holds, lock_number("lock", name))

    async def release(self, name: str) -> None:
        self._names.discard(name)
        await asyncio.to_thread(self._session.unlock, lock_number("lock", name))

    async def aclose(self) -> None:
        for name in tuple(self._names):
            await self.release(name)
