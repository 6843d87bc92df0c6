"""How often a scheduler may be asked: once a period, and a little more often for callers who want it fresh."""

from superfacility.core.clock import Clock

_SHARE = 10
"""A reading takes at most one in so many seconds of the scheduler's time."""
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

    @property
    def period(self) -> float:
        """Seconds between two readings; a slow scheduler is asked less often. 0: nothing that is known will do.

        One slow reading is no slow scheduler: it may have waited for a network that was silent for a minute.
        """
        took = min(self._took, self._took_before)
        return max(self._least_period, _SHARE * took) if self._least_period else 0.0

    def pause(self, last: float = float("-inf")) -> float:
        """Seconds until the next reading may begin, if the last one of another process began at `last`."""
        gap = min(self.period, max(self._apart, _REST * self._took))
        return max(self._began, last) + gap - self._clock.monotonic()

    def begin(self) -> float:
        """A reading begins; the moment."""
        self._began = self._clock.monotonic()
        return self._began

    def end(self) -> None:
        """The reading that began last was answered."""
        self._took_before, self._took = self._took, self._clock.monotonic() - self._began
