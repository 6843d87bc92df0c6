"""Stops asking a system that does not answer: after some failures in a row everybody is told at once, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import NotPermitted, Unavailable

_log = structlog.get_logger(__name__)
_FAILURES = 3
_PAUSE = 5.0
_LONGEST_PAUSE = 60.0


class Unreachable(Unavailable):
    """The system did not answer, whoever asked."""


class Breaker:
    """Closed: attempts pass. Open: they fail at once. After the pause one attempt probes, the others go on failing.

    Only what says that the *system* is away counts (no connection, no handshake), never what concerns one user.
    """

    def __init__(self, system: str, clock: Clock) -> None:
        self._system = system
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0
        self._probing = False
        self._reason = ""

    @property
    def _open(self) -> bool:
        return self._failures >= _FAILURES

    def check(self) -> None:
        """`Unavailable`, at once, while nobody should try."""
        if self._open and (self._probing or self._clock.monotonic() < self._open_until):
            wait = max(1, round(self._open_until - self._clock.monotonic()))
            raise Unavailable(
                f"{self._system} does not answer ({self._reason}); it is asked again in {wait} s.", retry_after=wait
            )

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Around one attempt to connect."""
        self.check()
        probing = self._open
        self._probing = self._probing or probing
        try:
            yield
        except Unreachable as reason:
            self.failed(str(reason))
            raise
        except NotPermitted:
            self.answered()
            raise
        else:
            self.answered()
        finally:
            if probing:
                self._probing = False

    def failed(self, reason: str) -> None:
        self._failures += 1
        if self._failures == _FAILURES:
            _log.warning("system does not answer", system=self._system, reason=reason)
        self._reason = reason.rstrip(".")
        pause = min(_PAUSE * 2 ** max(self._failures - _FAILURES, 0), _LONGEST_PAUSE)
        self._open_until = self._clock.monotonic() + pause

    def answered(self) -> None:
        if self._open:
            _log.warning("system answers again", system=self._system)
        self._failures = 0
