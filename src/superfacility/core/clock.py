"""The one place that reads the wall clock, so that tests can set the time."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Wall times are aware and in UTC."""

    def now(self) -> datetime:
        """The wall clock: aware, UTC, microseconds."""

    def monotonic(self) -> float:
        """Seconds that never go back, for durations and deadlines."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
