"""How often a scheduler may be asked: once a period, and a little more often for callers who want it fresh."""

from collections.abc import Iterator
from contextlib import contextmanager

from superfacility.core.clock import Clock

_SHARE = 10
"""A reading takes at most one in so many seconds of the scheduler's time."""
_OWN_SHARE = 4
"""What we do with a reading takes at most one in so many seconds of ours: callers want to be answered meanwhile."""
_OWN_LONGEST = 30.0
"""Seconds beyond which that is no reason to wait: a database that was slow for a while belongs to what we do."""
_REST = 2
"""A reading that somebody wants fresh begins after so many times the last one's duration."""


class Pace:
    """Times are those of the monotonic clock. Readings begin at least `apart` seconds apart, whoever wants them."""

    def __init__(self, clock: Clock, period: float, apart: float) -> None:
        self._clock = clock
        self._least_period = period
        self._apart = apart
        self._began = float("-inf")
        self._took = self._took_before = 0.0
        self._working = self._worked = self._worked_before = 0.0

    @property
    def period(self) -> float:
        """Seconds between two readings; a slow scheduler, and a queue that is long to go through, are read less often.
        0: nothing that is known will do.

        One slow reading is no slow scheduler: it may have waited for a network that was silent for a minute.
        """
        if not self._least_period:
            return 0.0
        took, worked = min(self._took, self._took_before), min(self._worked, self._worked_before)
        return max(self._least_period, _SHARE * took, min(_OWN_SHARE * worked, _OWN_LONGEST))

    def pause(self, last: float = float("-inf")) -> float:
        """Seconds until the next reading may begin, if the last one of another process began at `last`."""
        gap = min(self.period, max(self._apart, _REST * self._took))
        return max(self._began, last) + gap - self._clock.monotonic()

    def begin(self) -> float:
        """A reading begins; the moment."""
        self._worked_before, self._worked, self._working = self._worked, self._working, 0.0
        self._began = self._clock.monotonic()
        return self._began

    def end(self) -> None:
        """The reading that began last was answered."""
        self._took_before, self._took = self._took, self._clock.monotonic() - self._began

    @contextmanager
    def own_work(self) -> Iterator[None]:
        """Around what we do ourselves with the reading that began last."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            self._working += self._clock.monotonic() - began
