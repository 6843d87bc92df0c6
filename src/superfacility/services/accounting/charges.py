"""Charging: a line in the ledger for each job that has ended, from the events that tell of it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.accounting.charges import Charge, Ledger, price
from superfacility.facility.errors import FacilityError, Unsupported
from superfacility.facility.events import EventKind, EventLog, NewEvent
from superfacility.facility.jobs import Job, JobId, JobQuery, JobState
from superfacility.facility.people import People, ProjectName, UserName
from superfacility.facility.systems import Facility, System
from superfacility.services.accounting.lookups import Lookups
from superfacility.services.accounting.watch import BudgetWatch

_OVERLAP = timedelta(hours=1)
"""Accounting may learn of an end late; what is read twice is charged once."""
_FARTHEST = timedelta(days=30)
"""How far back the first reading of a system's accounting goes."""
_SECONDS_BETWEEN_COLLECTIONS = 3600.0
_WAIT = 1.0
_TERMINAL = frozenset(state.value for state in JobState if state.terminal)

log = structlog.get_logger()


class ChargeService:
    """Charges what the collectors tell of, and once in a while what accounting says they have missed.

    `period` is how soon a system that did not answer is asked again.
    """

    def __init__(
        self,
        ledger: Ledger,
        people: People,
        facility: Facility,
        clock: Clock,
        *,
        events: EventLog,
        period: float = 5.0,
        watch: BudgetWatch | None = None,
    ) -> None:
        self._ledger = ledger
        self._people = people
        self._facility = facility
        self._clock = clock
        self._events = events
        self._period = period
        self._watch = watch
        self._lookups = Lookups(clock)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. What ended while nobody was here is read from accounting, the rest comes as events."""
        position = await self._events.last_id()
        due = dict.fromkeys(self._facility.systems, self._clock.monotonic())
        while not stop.is_set():
            await self._collect_due(due)
            position = await self._follow(position)

    async def _collect_due(self, due: dict[str, float]) -> None:
        now = self._clock.monotonic()
        for name in [name for name, at in due.items() if at <= now]:
            try:
                await self.collect(self._facility.systems[name])
                due[name] = now + _SECONDS_BETWEEN_COLLECTIONS
            except FacilityError as error:
                log.warning("charges.not_read", system=name, error=str(error))
                due[name] = now + self._period

    async def _follow(self, position: int) -> int:
        """Charge what the next events tell of; waits a moment for them."""
        page = await self._events.after(position)
        if not page:
            await self._events.wait(_WAIT)
            await self._look_up()
            return position
        charges = [charge for each in page if (charge := await self._charge_of(each.what)) is not None]
        await self._record(charges)
        await self._look_up()
        return page[-1].id

    async def collect(self, system: System) -> int:
        """Charge the jobs of one system that have ended since the last reading; returns how many were new."""
        if system.scheduler is None:
            return 0
        last = await self._ledger.last_end(system.name)
        query = JobQuery(since=self._clock.now() - _FARTHEST if last is None else last - _OVERLAP, states=_TERMINAL)
        try:
            jobs = await system.scheduler.accounting(query)
        except Unsupported:
            return 0
        charges = [charge for job in jobs if (charge := await self._charge(system, job)) is not None]
        return await self._record(charges)

    async def _look_up(self) -> None:
        for system in self._facility.systems.values():
            jobs = await self._lookups.ended(system)
            await self._record([charge for job in jobs if (charge := await self._charge(system, job)) is not None])

    async def _record(self, charges: Sequence[Charge]) -> int:
        new = await self._ledger.record(charges) if charges else 0
        if new and self._watch is not None:
            await self._watch.look({each.project for each in charges})
        return new

    async def _charge_of(self, event: NewEvent) -> Charge | None:
        system = self._facility.systems.get(event.system)
        data = event.data
        if system is None or event.kind is not EventKind.JOB or not data.get("ended_at"):
            return None
        job = Job(
            id=JobId(event.subject),
            user=event.user or UserName(""),
            state=JobState(data["state"]),
            columns={},
            project=event.project,
            qos=data["qos"],
            cpus=data["cpus"],
            nodes=data["nodes"],
            partition=data.get("partition", ""),
            features=data.get("features", ""),
            gpus=data.get("gpus"),
            submitted_at=_time(data["submitted_at"]),
            ended_at=_time(data["ended_at"]),
            elapsed=timedelta(seconds=data["elapsed"]),
        )
        if job.gpus is None and system.rate.counts_gpus:
            self._lookups.add(system, job.id)
            return None
        return await self._charge(system, job)

    async def _charge(self, system: System, job: Job) -> Charge | None:
        if not job.state.terminal or job.ended_at is None or job.submitted_at is None:
            return None
        kind, hours = price(job, system.rate)
        return Charge(
            system=system.name,
            job_id=job.id,
            submitted_at=job.submitted_at,
            project=await self._payer(job),
            user=job.user,
            node_hours=hours,
            ended_at=job.ended_at,
            kind=kind,
            qos=job.qos,
            partition=job.partition,
        )

    async def _payer(self, job: Job) -> ProjectName:
        """The project that a job names, if its user is a member: nobody spends another project's hours."""
        memberships = await self._people.memberships(user=job.user)
        if any(each.project.name == job.project for each in memberships):
            assert job.project is not None
            return job.project
        return await self.default_project(job.user)

    async def default_project(self, user: UserName) -> ProjectName:
        """Where a job that names none of its user's projects is charged: the first active one, or nowhere ("")."""
        memberships = await self._people.memberships(user=user)
        return next((each.project.name for each in memberships if each.project.active), ProjectName(""))


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
