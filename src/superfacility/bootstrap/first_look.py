"""What kind of schedulers there are, looked at by each process as it starts: an operator reads it in the log, and the
first caller need not wait for it."""

import asyncio

import structlog

from superfacility.facility.errors import FacilityError
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.systems import Facility

_log = structlog.get_logger(__name__)


async def probe_schedulers(facility: Facility, stop: asyncio.Event) -> None:
    """Each one once, until `stop`. Nothing waits for it, and a scheduler that does not answer is probed at its first
    use."""
    looking, stopped = asyncio.create_task(_probe_all(facility)), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({looking, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        looking.cancel()
        stopped.cancel()
        await asyncio.gather(looking, stopped, return_exceptions=True)


async def _probe_all(facility: Facility) -> None:
    async with asyncio.TaskGroup() as group:
        for name, system in facility.systems.items():
            if system.scheduler is not None:
                group.create_task(_probe(name, system.scheduler))


async def _probe(name: str, scheduler: Scheduler) -> None:
    try:
        found = await scheduler.capabilities()
    except (FacilityError, OSError) as problem:
        _log.warning("scheduler not probed, will be at its first use", system=name, problem=str(problem))
    except Exception:  # whatever an adapter meets here, the server goes on
        _log.exception("scheduler cannot be probed", system=name)
    else:
        _log.info("scheduler found", system=name, scheduler=str(found))
