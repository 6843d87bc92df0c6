"""The facts that a test module overrides where its system has others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from superfacility.facility.errors import FacilityError, NotFound
from superfacility.facility.jobs import Intent, Job, JobId, JobQuery, JobScript, JobState
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.facility.scheduler import Scheduler
from superfacility.testing.contracts.scheduler.material import (
    DEMO1,
    DEMO2,
    STAFF,
    Reach,
    Reserve,
    Size,
    Submit,
    new_intent,
)
from superfacility.testing.contracts.scheduler.waiting import (
    PATIENCE,
    PAUSE,
)


class SchedulerFixtures:
    """A scheduler, people, and ways to submit and to wait."""

    @pytest.fixture
    def scheduler(self) -> Scheduler:
        raise NotImplementedError

    @pytest.fixture
    def first_user(self) -> User:
        return DEMO1

    @pytest.fixture
    def second_user(self) -> User:
        return DEMO2

    @pytest.fixture
    def staff(self) -> User:
        """May cancel everybody's jobs and make reservations."""
        return STAFF

    @pytest.fixture
    def second_qos(self) -> str:
        """One that both users may use and that is not their default."""
        return "debug"

    @pytest.fixture
    def single_node(self) -> bool:
        """Whether a reservation of one node leaves no room beside it."""
        return True

    @pytest.fixture
    def sizes(self) -> tuple[Size, ReservationChange]:
        """Of a reservation, and what it can be changed to."""
        return {"nodes": None, "cores": 1}, ReservationChange(cores=2)

    @pytest.fixture
    def reach(self, scheduler: Scheduler) -> Reach:
        """By waiting; a scheduler in memory is pushed instead."""

        async def reach(job_id: JobId, state: JobState) -> Job:
            query = JobQuery(ids=frozenset({job_id}))
            async with asyncio.timeout(PATIENCE):
                while True:
                    for job in await scheduler.accounting(query):
                        if job.state is state:
                            return job
                        assert not job.state.terminal, f"{job_id} ended as {job.columns}"
                    await asyncio.sleep(PAUSE)

        return reach

    @pytest.fixture
    async def submit(self, scheduler: Scheduler) -> AsyncIterator[Submit]:
        made: list[tuple[User, JobId]] = []

        async def submit(user: User, script: JobScript, intent: Intent | None = None) -> JobId:
            job_id = await scheduler.submit(user, script, intent or new_intent())
            made.append((user, job_id))
            return job_id

        yield submit
        for user, job_id in made:
            try:
                await scheduler.cancel(user, job_id)
            except FacilityError:
                continue  # it has ended and is forgotten

    @pytest.fixture
    async def reserve(self, scheduler: Scheduler, staff: User) -> AsyncIterator[Reserve]:
        made: list[ReservationName] = []

        async def reserve(reservation: Reservation) -> Reservation:
            made.append(reservation.name)
            return await scheduler.reserve(staff, reservation)

        yield reserve
        for name in made:
            with suppress(NotFound):
                await scheduler.cancel_reservation(staff, name)
