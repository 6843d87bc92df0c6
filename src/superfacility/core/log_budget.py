"""How many lines of the log a caller may cause: what is beyond is counted, and told once a minute in few lines.

A log that anybody can fill hides what matters, and fills disks.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Any

from superfacility.core.sources import source_of

MINUTE = 60.0
NOBODY_TIMES, ACCESS_TIMES = 10, 50
"""Lines that name no address, and lines of the access log, which operators ask for, may be so many times more."""
_ACCESS = "superfacility.access"
_SOURCES = 5_000
"""Sources that are told apart in a minute; the others share what one has."""
_TOLD = 20
_log = logging.getLogger(__name__)

Key = tuple[str, str]
"""A source and a kind of line."""


class LogBudget(logging.Filter):
    """Lets `lines` a minute of one kind from one source through (0: any number). `passed` and `left_out` count all."""

    def __init__(self, lines: int, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._lines = lines
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._counts: Counter[Key] = Counter()
        self._surplus: Counter[Key] = Counter()
        self._timer: threading.Timer | None = None
        self.passed = 0
        self.left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if not self._lines or record.name == __name__:
            self.passed += 1
            return True
        with self._lock:
            surplus = self._turn() if self._clock() - self._began >= MINUTE else Counter()
            passes = self._count(record)
        self._tell(surplus)
        return passes

    def _count(self, record: logging.LogRecord) -> bool:
        source, kind = _source_and_kind(record)
        if (source, kind) not in self._counts and len(self._counts) >= _SOURCES:
            source = "others"
        self._counts[source, kind] += 1
        passes = self._counts[source, kind] <= self._allowed(source, record.name)
        if passes:
            self.passed += 1
        else:
            self._leave_out((source, kind))
        return passes

    def _leave_out(self, key: Key) -> None:
        self.left_out += 1
        self._surplus[key] += 1
        if self._timer is None:  # it is told also if no line comes any more
            self._timer = threading.Timer(MINUTE, self.tell)
            self._timer.daemon = True
            self._timer.start()

    def _allowed(self, source: str, logger: str) -> int:
        times = ACCESS_TIMES if logger == _ACCESS else 1 if source else NOBODY_TIMES
        return self._lines * times

    def tell(self) -> None:
        """What was left out since the last time, and begin anew."""
        with self._lock:
            surplus = self._turn()
        self._tell(surplus)

    def _turn(self) -> Counter[Key]:
        if self._timer is not None:
            self._timer.cancel()
        if self._timer is not None:
            self._timer.cancel()
        surplus, self._surplus, self._counts = self._surplus, Counter(), Counter()
        self._began, self._timer = self._clock(), None
        return surplus

    def _tell(self, surplus: Counter[Key]) -> None:
        most = surplus.most_common()
        for (source, kind), lines in most[:_TOLD]:
            _log.warning("lines left out: %d more of %r from %s", lines, kind, source or "nobody in particular")
        if rest := most[_TOLD:]:
            _log.warning("lines left out: %d more from %d sources", sum(lines for _, lines in rest), len(rest))


def _source_and_kind(record: logging.LogRecord) -> Key:
    said: Any = record.msg  # structlog's are mappings until they are formatted
    if not isinstance(said, dict):
        return "", f"{record.name}: {str(said)[:80]}"
    address = said.get("address") or said.get("peer")
    return "" if address is None else source_of(str(address)), str(said.get("event"))[:80]
