"""How a scheduler in memory is made to fail: call by call, or by switches that stay until they are turned back."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from superfacility.facility.errors import Doubtful, FacilityError, Unavailable

_READING = frozenset({"find", "details", "inventory", "capabilities", "queue", "accounting", "reservations"})


@dataclass(slots=True)
class _Fault:
    error: FacilityError
    after: bool
    times: int


@dataclass
class Faults:
    """`calls` counts calls by method.

    `away`: nothing answers. `slow`: seconds before each answer. `garbled`: what is read makes no sense. `doubtful`:
    so many submissions are accepted, and then nobody hears of it. `accounting_lag`: jobs come to the accounting, and
    go from the queue unseen, only that much later.
    """

    away: bool = False
    slow: float = 0.0
    garbled: bool = False
    doubtful: int = 0
    accounting_lag: timedelta = timedelta()
    calls: Counter[str] = field(default_factory=Counter)
    _injected: dict[str, list[_Fault]] = field(default_factory=lambda: defaultdict(list))

    def inject(self, method: str, error: FacilityError, *, times: int = 1, after: bool = False) -> None:
        """The next `times` calls of `method` raise `error`: instead of acting, or (`after`) once they have acted."""
        self._injected[method].append(_Fault(error, after, times))

    def heal(self) -> None:
        """Forget every fault."""
        self._injected.clear()
        self.away, self.slow, self.garbled, self.doubtful, self.accounting_lag = False, 0.0, False, 0, timedelta()

    async def before(self, method: str) -> None:
        self.calls[method] += 1
        if self.slow:
            await asyncio.sleep(self.slow)
        if self.away:
            raise Unavailable("The scheduler does not answer (connection refused); it is tried again.")
        if self.garbled and method in _READING:
            raise Unavailable("The scheduler's answer makes no sense; staff should look at it.")
        self._raise(method, after=False)

    def after(self, method: str) -> None:
        self._raise(method, after=True)
        if method == "submit" and self.doubtful > 0:
            self.doubtful -= 1
            raise Doubtful("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation")

    def _raise(self, method: str, *, after: bool) -> None:
        waiting = self._injected[method]
        if not waiting or waiting[0].after is not after:
            return
        fault = waiting[0]
        fault.times -= 1
        if fault.times <= 0:
            waiting.pop(0)
        raise fault.error
