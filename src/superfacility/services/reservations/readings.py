"""One reading of a system's reservations for all who ask at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from superfacility.core.clock import Clock
from superfacility.facility.errors import Unavailable
from superfacility.facility.reservations import Reservation
from superfacility.facility.scheduler import Scheduler
from superfacility.services.compute.flights import SingleFlight

_PATIENCE = 5.0
"""Seconds that a caller waits for the scheduler: a program takes an answer that took ten for lost, and asks again."""
_REST = 4
"""Times as long as a reading took, the scheduler rests before the next."""


@dataclass(frozen=True, slots=True)
class Reservations:
    """All of a system that have not ended, as they were `as_of` (UTC)."""

    known: Sequence[Reservation]
    as_of: datetime


class SharedReading:
    """Whoever asks gets a reading that began afterwards, and so finds what they have just made. One is on its way at a
    time, and the scheduler rests in between. While it is away, everybody gets the last one."""

    def __init__(self, scheduler: Scheduler, clock: Clock) -> None:
        self._scheduler = scheduler
        self._clock = clock
        self._flight = SingleFlight(self._read, self._rest)
        self._rest_until = float("-inf")
        self._last: Reservations | None = None

    async def reservations(self) -> Reservations:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._flight.fresh()
        except (TimeoutError, Unavailable) as problem:
            if self._last is not None:
                return self._last
            if isinstance(problem, Unavailable):
                raise
            raise Unavailable(
                f"The scheduler has not told its reservations within {_PATIENCE:g} s: try again later."
            ) from None

    async def _read(self) -> Reservations:
        as_of, began = self._clock.now(), self._clock.monotonic()
        try:
            self._last = Reservations(await self._scheduler.reservations(), as_of)
        finally:
            now = self._clock.monotonic()
            self._rest_until = now + _REST * (now - began)
        return self._last

    async def _rest(self) -> None:
        if (left := self._rest_until - self._clock.monotonic()) > 0:
            await asyncio.sleep(left)
