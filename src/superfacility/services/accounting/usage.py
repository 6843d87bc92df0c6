"""How much data lies in a folder: measured in the background, kept, and never waited for long."""

import asyncio
from dataclasses import dataclass

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.commands import Command
from superfacility.facility.errors import FacilityError
from superfacility.facility.people import User
from superfacility.facility.transport import Transport

_KEPT = 60.0
_FIRST_WAIT = 0.5
_TIME_LIMIT = 120.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FolderUsage:
    bytes_used: float = 0.0
    files_used: float = 0.0


class FolderMeter:
    """Measures a folder with `du`, as the user who asks, at most once a minute; answers with the latest measure.

    The very first question about a folder waits half a second, so that small folders are right at once.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._measured: dict[tuple[int, str], tuple[float, FolderUsage]] = {}
        self._running: dict[tuple[int, str], asyncio.Task[None]] = {}

    async def usage(self, transport: Transport, user: User, path: str) -> FolderUsage:
        key = (id(transport), path)
        known = self._measured.get(key)
        if known is None or self._clock.monotonic() - known[0] > _KEPT:
            task = self._running.get(key)
            if task is None:
                task = asyncio.create_task(self._measure(key, transport, user, path))
                self._running[key] = task
            if known is None:
                await asyncio.wait({task}, timeout=_FIRST_WAIT)
        return self._measured.get(key, (0.0, FolderUsage()))[1]

    async def _measure(self, key: tuple[int, str], transport: Transport, user: User, path: str) -> None:
        try:
            sizes = await transport.run(user, _du("--block-size=1", path))
            counts = await transport.run(user, _du("--inodes", path))
            found = FolderUsage(_first_number(sizes.stdout), _first_number(counts.stdout))
            self._measured[key] = (self._clock.monotonic(), found)
        except FacilityError as error:
            log.warning("usage.not_measured", path=path, error=str(error))
        finally:
            del self._running[key]


def _du(option: str, path: str) -> Command:
    return Command(("du", "--summarize", option, "--", path), time_limit=_TIME_LIMIT)


def _first_number(output: bytes) -> float:
    first = output.split(b"\t", 1)[0].strip()
    return float(first) if first.isdigit() else 0.0
