"""When a job that was not found is known not to exist.

sbatch can be gone while its request still waits in the controller's socket: a paused controller takes it when it wakes
up, after it has answered other questions perhaps. So one empty answer proves nothing. It takes two, with the lag
between them, none of them failed, and no attempt since the first.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from superfacility.core.clock import Clock
from superfacility.facility.jobs import Intent, JobId

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _FirstLook:
    monotonic: float
    moment: datetime


class Evidence:
    """What this process has seen of each submission."""

    def __init__(self, lag: float, clock: Clock) -> None:
        self._lag = lag
        self._clock = clock
        self._first: OrderedDict[Intent, _FirstLook] = OrderedDict()
        self._jobs: OrderedDict[Intent, JobId] = OrderedDict()

    def job(self, intent: Intent) -> JobId | None:
        return self._jobs.get(intent)

    def accepted(self, intent: Intent, job_id: JobId) -> None:
        self._jobs[intent] = job_id
        self._first.pop(intent, None)
        _bound(self._jobs)

    def begin_again(self, intent: Intent) -> None:
        """Something may be under way since now: earlier looks prove nothing."""
        self._first.pop(intent, None)

    def absent(self, intent: Intent, since: datetime, remembered: float | None) -> bool:
        """It was looked for, and not found. True if that proves that there is none.

        `remembered` is for how many seconds the scheduler knows jobs that have ended; None: for ever.
        """
        now = self._clock.monotonic()
        first = self._first.setdefault(intent, _FirstLook(now, self._clock.now()))
        _bound(self._first)
        if now - first.monotonic < self._lag:
            return False
        if remembered is None:
            return True
        return (first.moment - since).total_seconds() < remembered and now - first.monotonic < remembered


def _bound(entries: "OrderedDict[Intent, JobId] | OrderedDict[Intent, _FirstLook]") -> None:
    while len(entries) > _REMEMBERED:
        entries.popitem(last=False)
