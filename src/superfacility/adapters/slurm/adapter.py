"""The port `Scheduler` over Slurm's programs."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from superfacility.adapters.slurm.acting.associations import SlurmAssociations
from superfacility.adapters.slurm.acting.control import Control
from superfacility.adapters.slurm.acting.reservations import Reservations
from superfacility.adapters.slurm.acting.submitting import Submitting
from superfacility.adapters.slurm.capabilities import Found, probe
from superfacility.adapters.slurm.detailing import Detailing
from superfacility.adapters.slurm.looking import Looking
from superfacility.adapters.slurm.options import read_options
from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.reading.inventory import parse_nodes, parse_partitions
from superfacility.adapters.slurm.reading.tables import GarbledError, Marks
from superfacility.core.clock import Clock, SystemClock
from superfacility.facility.errors import Unavailable
from superfacility.facility.inventory import Inventory
from superfacility.facility.jobs import (
    Intent,
    Job,
    JobChange,
    JobDetails,
    JobId,
    JobQuery,
    JobScript,
    QueueSnapshot,
    id_order,
)
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.facility.scheduler import Capabilities
from superfacility.facility.site import Site
from superfacility.facility.transport import Transport

_UP = " is UP"
_FOR_EVER = 100 * 365 * 86400.0


class SlurmScheduler:
    """One system's Slurm by its command line. The transport stays its owner's: closing this closes nothing."""

    def __init__(self, programs: Programs, clock: Clock) -> None:
        self._programs = programs
        self._clock = clock
        self._looking = Looking(programs, clock)
        self._detailing = Detailing(programs, self._found, self._looking.sacct_knows)
        self._submitting = Submitting(programs, self._found, clock)
        self._control = Control(programs)
        self._reservations = Reservations(programs)
        self._associations = SlurmAssociations(programs)
        self._known: Found | None = None
        self._probing: asyncio.Task[Found] | None = None

    @classmethod
    def open(cls, site: Site, options: Mapping[str, Any], transport: Transport) -> "SlurmScheduler":
        return cls(Programs(site.system, transport, read_options(site.system, options)), SystemClock())

    async def _found(self) -> Found:
        """Whoever comes while Slurm is being probed shares the outcome; after a failure the next one probes again."""
        if self._known is None:
            if self._probing is None or self._probing.done():
                self._probing = asyncio.create_task(probe(self._programs))
                self._probing.add_done_callback(_seen)
            self._known = await asyncio.shield(self._probing)
        return self._known

    async def capabilities(self) -> Capabilities:
        found = await self._found()
        remembers = timedelta(seconds=min(found.minimum_job_age, _FOR_EVER))
        return Capabilities("slurm", found.version, found.accounting, remembers=remembers)

    async def submit(self, user: User, script: JobScript, intent: Intent) -> JobId:
        return await self._submitting.submit(user, script, intent)

    async def find(self, user: User, intent: Intent, since: datetime) -> JobId | None:
        return await self._submitting.find(user, intent, since)

    async def cancel(self, user: User, job_id: JobId) -> None:
        await self._control.cancel(user, job_id, accounting=(await self._found()).accounting)

    async def hold(self, user: User, job_id: JobId) -> None:
        await self._control.hold(user, job_id)

    async def release(self, user: User, job_id: JobId) -> None:
        await self._control.release(user, job_id)

    async def requeue(self, user: User, job_id: JobId) -> None:
        await self._control.requeue(user, job_id)

    async def change(self, user: User, job_id: JobId, change: JobChange) -> None:
        await self._control.change(user, job_id, change)

    async def details(self, user: User, job_id: JobId, *, listed: Job | None = None, script: bool = True) -> JobDetails:
        return await self._detailing.details(user, job_id, listed, script=script)

    async def queue(self) -> QueueSnapshot:
        taken_at = self._clock.now()
        queue = await self._looking.queue()
        return QueueSnapshot(await asyncio.to_thread(_in_order, queue.jobs), taken_at, queue.version)

    async def accounting(self, query: JobQuery) -> Sequence[Job]:
        found = await self._found()
        if found.accounting:
            return await self._looking.accounted(query, found)
        return await self._looking.remembered(query, found)

    async def inventory(self) -> Inventory:
        taken_at = self._clock.now()
        nodes, partitions = await asyncio.gather(self._show("node"), self._show("partition"))
        try:
            return Inventory(parse_nodes(nodes), parse_partitions(partitions), taken_at)
        except GarbledError as error:
            raise self._programs.garbled("scontrol", error) from None

    async def _show(self, what: str) -> str:
        arguments = ("scontrol", "--all", "--oneliner", "show", what)
        return await self._programs.read(self._programs.reader, arguments, Marks())

    async def reservations(self) -> Sequence[Reservation]:
        now = self._clock.now()
        return [each for each in await self._reservations.all() if each.end > now]

    async def reserve(self, user: User, reservation: Reservation) -> Reservation:
        return await self._reservations.create(user, reservation)

    async def change_reservation(self, user: User, name: ReservationName, change: ReservationChange) -> Reservation:
        return await self._reservations.change(user, name, change)

    async def cancel_reservation(self, user: User, name: ReservationName) -> None:
        await self._reservations.delete(user, name)

    def associations(self) -> SlurmAssociations:
        return self._associations

    async def ping(self) -> None:
        text = await self._programs.read(self._programs.reader, ("scontrol", "ping"), Marks())
        if _UP not in text:
            raise Unavailable(f"{self._programs.system}: no controller of Slurm is up ({text.strip()}).")

    async def aclose(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait({self._probing})
        await self._submitting.aclose()


def _seen(task: "asyncio.Task[Found]") -> None:
    """A failure that nobody waited for any more is not worth a warning of the event loop."""
    if not task.cancelled():
        task.exception()


def _in_order(jobs: Sequence[Job]) -> tuple[Job, ...]:
    return tuple(sorted(jobs, key=lambda job: id_order(job.id)))
