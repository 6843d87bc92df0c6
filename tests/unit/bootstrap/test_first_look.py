"""What kind of schedulers there are is told as a process starts, and keeps nothing from starting or stopping."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from superfacility.bootstrap.first_look import probe_schedulers
from superfacility.bootstrap.runtime import open_services
from superfacility.bootstrap.stores import prepare
from superfacility.facility.scheduler import Capabilities
from superfacility.facility.systems import Facility, System, SystemName
from superfacility.settings import Settings
from superfacility.testing.schedulers import FakeScheduler
from superfacility.testing.transports import MemoryTransport

PATIENCE = 20.0
HANGS = 3600.0


def facility(**schedulers: FakeScheduler | None) -> Facility:
    systems = {
        name: System(SystemName(name), name, MemoryTransport(), (), scheduler) for name, scheduler in schedulers.items()
    }
    return Facility("Example", systems)


@contextmanager
def told(*names: str) -> Iterator[dict[str, Any]]:
    """The events about these systems, by system."""
    found: dict[str, Any] = {}
    with capture_logs() as logs:
        yield found
    found.update({each["system"]: each for each in logs if each.get("system") in names})


async def test_one_line_for_each_scheduler_says_what_was_found() -> None:
    with told("a", "b", "dtn") as lines:
        await probe_schedulers(facility(a=FakeScheduler(), b=FakeScheduler(), dtn=None), asyncio.Event())
    assert set(lines) == {"a", "b"}
    assert lines["a"] == {
        "event": "scheduler found",
        "log_level": "info",
        "system": "a",
        "scheduler": "fake 1, with accounting of jobs",
    }


async def test_a_scheduler_that_is_away_is_told_and_hides_no_other() -> None:
    away, broken = FakeScheduler(), FakeScheduler()
    away.faults.away = True
    broken.capabilities = None  # type: ignore[method-assign,assignment]
    with told("away", "broken", "there") as lines:
        await probe_schedulers(facility(away=away, broken=broken, there=FakeScheduler()), asyncio.Event())
    assert [lines[name]["log_level"] for name in ("away", "broken", "there")] == ["warning", "error", "info"]
    assert "does not answer" in lines["away"]["problem"]


async def test_who_stops_does_not_wait_for_a_scheduler_that_hangs() -> None:
    slow, stop = FakeScheduler(), asyncio.Event()
    slow.faults.slow = HANGS
    probing = asyncio.create_task(probe_schedulers(facility(slow=slow), stop))
    while not slow.calls["capabilities"]:  # noqa: ASYNC110 - nothing else tells
        await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(PATIENCE):
        await probing


async def test_a_process_works_while_it_looks(tmp_path: Path) -> None:
    settings = Settings(name="Test", public_url="https://api.example.org").within(tmp_path)
    prepare(settings)
    slow = FakeScheduler()
    slow.faults.slow = HANGS
    opened = open_services(settings)
    runtime, stop = replace(opened, facility=facility(slow=slow)), asyncio.Event()
    working = asyncio.create_task(runtime.work(stop))
    async with asyncio.timeout(PATIENCE):
        while not (slow.calls["capabilities"] and await opened.stores.locks.held("background")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        stop.set()
        await working
    await opened.aclose()


def test_what_was_found_is_said_in_one_way() -> None:
    assert str(Capabilities("slurm", "24.11.5", accounting=False)) == "slurm 24.11.5, without accounting of jobs"
    rest = Capabilities("slurm", "24.11.5", interface="slurmrestd v0.0.42")
    assert str(rest) == "slurm 24.11.5, with accounting of jobs, by slurmrestd v0.0.42"
