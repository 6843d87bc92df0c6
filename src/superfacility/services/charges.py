"""Charging: a line in the ledger for each job that has ended, read from the accounting of every system."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.charges import Charge, Ledger, Usage, node_hours
from superfacility.facility.errors import FacilityError
from superfacility.facility.jobs import Job, JobQuery
from superfacility.facility.people import People, ProjectName, UserName
from superfacility.facility.systems import Facility, System

_OVERLAP = timedelta(hours=1)
"""Accounting may learn of an end late; what is read twice is charged once."""

log = structlog.get_logger()


class ChargeService:
    """Charges what has ended every `period` seconds while `run` runs."""

    def __init__(
        self, ledger: Ledger, people: People, facility: Facility, clock: Clock, *, period: float = 5.0
    ) -> None:
        self._ledger = ledger
        self._people = people
        self._facility = facility
        self._clock = clock
        self._period = period

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. A system that does not answer is read the next time."""
        while not stop.is_set():
            for system in self._facility.systems.values():
                try:
                    await self.collect(system)
                except FacilityError as error:
                    log.warning("charges.not_read", system=system.name, error=str(error))
            try:
                async with asyncio.timeout(self._period):
                    await stop.wait()
            except TimeoutError:
                continue

    async def collect(self, system: System) -> int:
        """Charge the jobs of one system that have ended since the last reading; returns how many were new."""
        if system.scheduler is None:
            return 0
        last = await self._ledger.last_end(system.name)
        query = JobQuery(since=None if last is None else last - _OVERLAP)
        jobs = await system.scheduler.accounting(query)
        charges = [charge for job in jobs if (charge := await self._charge(system, job)) is not None]
        return await self._ledger.record(charges) if charges else 0

    async def usage_of(self, projects: Sequence[str]) -> Sequence[Usage]:
        return await self._ledger.usage(projects=projects) if projects else ()

    async def _charge(self, system: System, job: Job) -> Charge | None:
        if not job.state.terminal or job.ended_at is None or job.submitted_at is None:
            return None
        return Charge(
            system=system.name,
            job_id=job.id,
            submitted_at=job.submitted_at,
            project=await self._payer(job),
            user=job.user,
            node_hours=node_hours(job, system.rate),
            ended_at=job.ended_at,
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
