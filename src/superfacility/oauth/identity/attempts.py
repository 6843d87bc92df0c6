"""How often somebody may try: each failure makes the next wait longer, for a while and never for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pace:
    """So many failures are `free`, then one waits `first` seconds, twice as long after each more, at most `longest`."""

    free: int
    first: float
    longest: float

    def pause(self, failures: int) -> timedelta:
        if failures < self.free:
            return timedelta()
        return timedelta(seconds=min(self.longest, self.first * 2.0 ** min(failures - self.free, 40)))


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted together: `key` names it without telling whom it is about."""

    key: str
    pace: Pace


@dataclass(frozen=True, slots=True)
class Failures:
    """What is known of one key."""

    count: int = 0
    last_at: datetime | None = None

    def wait(self, pace: Pace, now: datetime) -> timedelta:
        """How long until the next try."""
        if self.last_at is None or now - self.last_at >= FORGOTTEN_AFTER:
            return timedelta()
        return max(self.last_at + pace.pause(self.count) - now, timedelta())

    def one_more(self, now: datetime) -> "Failures":
        forgotten = self.last_at is None or now - self.last_at >= FORGOTTEN_AFTER
        return Failures(1 if forgotten else self.count + 1, now)


class AttemptLog(Protocol):
    """Counts tries before they are made, so that a hundred at once are a hundred."""

    async def attempt(self, counted: Sequence[Counted], now: datetime) -> timedelta:
        """Count one more failure of each, or, if one of them must wait, count nothing and say how long."""

    async def succeeded(self, *, cleared: Sequence[str], eased: Sequence[str] = ()) -> None:
        """The try was no failure: `cleared` begin from nothing, `eased` have one failure less."""

    async def forget(self, before: datetime) -> int:
        """Drop those whose last failure was before; returns how many."""
