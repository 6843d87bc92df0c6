"""Reservations are made, changed and kept."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from superfacility.core.clock import SystemClock
from superfacility.facility.errors import Conflict, NotFound, Refused
from superfacility.facility.jobs import JobScript, JobState
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation
from superfacility.facility.scheduler import Scheduler
from superfacility.testing.contracts.scheduler.fixtures import SchedulerFixtures
from superfacility.testing.contracts.scheduler.material import QUICK, Reach, Submit, new_intent, reservation
from superfacility.testing.contracts.scheduler.waiting import queued_job


def _named(reservations: Sequence[Reservation], name: str) -> list[Reservation]:
    return [each for each in reservations if each.name == name]


class ReservationContract(SchedulerFixtures):
    """What is reserved, and for whom."""

    async def test_a_reservation_is_made_once_and_deleted_once(
        self, scheduler: Scheduler, staff: User, first_user: User
    ) -> None:
        asked = reservation(first_user)
        made = await scheduler.reserve(staff, asked)
        assert (made.name, made.start, made.end, made.users) == (asked.name, asked.start, asked.end, asked.users)
        assert (await scheduler.reserve(staff, asked)).name == made.name
        assert len(_named(await scheduler.reservations(), made.name)) == 1
        await scheduler.cancel_reservation(staff, made.name)
        assert _named(await scheduler.reservations(), made.name) == []
        with pytest.raises(NotFound):
            await scheduler.cancel_reservation(staff, made.name)

    async def test_a_reservation_is_changed(
        self, scheduler: Scheduler, staff: User, first_user: User, second_user: User
    ) -> None:
        asked = reservation(first_user)
        await scheduler.reserve(staff, asked)
        wanted = reservation(
            first_user,
            name=asked.name,
            start=asked.start,
            end=asked.end + timedelta(hours=1),
            users=(str(first_user.name), str(second_user.name)),
        )
        await scheduler.change_reservation(staff, wanted)
        (found,) = _named(await scheduler.reservations(), asked.name)
        await scheduler.cancel_reservation(staff, asked.name)
        assert (found.end, set(found.users)) == (wanted.end, {first_user.name, second_user.name})
        with pytest.raises(NotFound):
            await scheduler.change_reservation(staff, wanted)

    async def test_a_reservation_name_is_taken_once(
        self, scheduler: Scheduler, staff: User, first_user: User, second_user: User
    ) -> None:
        asked = reservation(first_user)
        await scheduler.reserve(staff, asked)
        with pytest.raises(Conflict):
            await scheduler.reserve(staff, reservation(second_user, name=asked.name))
        await scheduler.cancel_reservation(staff, asked.name)

    async def test_a_reservation_that_ends_before_it_begins_is_refused(
        self, scheduler: Scheduler, staff: User, first_user: User
    ) -> None:
        with pytest.raises(Refused):
            await scheduler.reserve(staff, reservation(first_user, end=SystemClock().now() - timedelta(hours=1)))

    async def test_reserved_cores_are_for_those_it_names(
        self,
        scheduler: Scheduler,
        submit: Submit,
        reach: Reach,
        first_user: User,
        second_user: User,
        staff: User,
        single_node: bool,
    ) -> None:
        booked = reservation(first_user)
        await scheduler.reserve(staff, booked)
        inside = JobScript(text=f"#!/bin/sh\n#SBATCH --reservation={booked.name}\n#SBATCH --time=5\nexit 0\n")
        outsider = await submit(second_user, QUICK)
        with pytest.raises(Refused) as refusal:
            await scheduler.submit(second_user, inside, new_intent())
        assert "Access denied to requested reservation" in refusal.value.words
        insider = await submit(first_user, inside)
        await reach(insider, JobState.COMPLETED)
        if single_node:
            assert (await queued_job(scheduler, outsider)).state is JobState.PENDING
        await scheduler.cancel_reservation(staff, booked.name)
        await reach(outsider, JobState.COMPLETED)

    async def test_an_unknown_reservation_is_refused(self, scheduler: Scheduler, first_user: User) -> None:
        script = JobScript(text="#!/bin/sh\n#SBATCH --reservation=nothing\nexit 0\n")
        with pytest.raises(Refused):
            await scheduler.submit(first_user, script, new_intent())
