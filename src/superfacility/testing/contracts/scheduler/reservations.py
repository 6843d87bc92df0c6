"""Reservations are made, changed and kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.core.clock import SystemClock
from superfacility.facility.errors import Conflict, InvalidInput, NotFound, Refused
from superfacility.facility.jobs import JobScript, JobState
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.facility.scheduler import Scheduler
from superfacility.testing.contracts.scheduler.fixtures import SchedulerFixtures
from superfacility.testing.contracts.scheduler.material import (
    QUICK,
    Reach,
    Reserve,
    Size,
    Submit,
    new_intent,
    reservation,
)
from superfacility.testing.contracts.scheduler.waiting import PATIENCE, PAUSE, queued_job


def _named(reservations: Sequence[Reservation], name: str) -> list[Reservation]:
    return [each for each in reservations if each.name == name]


def _soon(**later: int) -> datetime:
    """In whole seconds, as Slurm keeps them."""
    return datetime.fromtimestamp(int(SystemClock().now().timestamp()), UTC) + timedelta(**later)


def _sorted(found: Reservation) -> Reservation:
    return replace(found, users=tuple(sorted(found.users)))


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

    async def test_only_what_is_named_of_a_reservation_is_changed(
        self,
        scheduler: Scheduler,
        reserve: Reserve,
        staff: User,
        first_user: User,
        second_user: User,
        sizes: tuple[Size, ReservationChange],
    ) -> None:
        start = _soon(hours=1)
        made = await reserve(reservation(first_user, start=start, end=start + timedelta(hours=1), **sizes[0]))
        both = (str(first_user.name), str(second_user.name))
        later = ReservationChange(start=start + timedelta(minutes=10))
        for change, changed in (
            (ReservationChange(end=start + timedelta(hours=2)), {"end": start + timedelta(hours=2)}),
            (ReservationChange(users=both), {"users": both}),
            (later, {"start": later.start}),
            (ReservationChange(users=(), projects=("m0001",)), {"users": (), "projects": ("m0001",)}),
        ):
            wanted = replace(made, **changed)
            assert _sorted(await scheduler.change_reservation(staff, made.name, change)) == _sorted(wanted)
            (made,) = _named(await scheduler.reservations(), made.name)
            assert _sorted(made) == _sorted(wanted)

    async def test_the_size_of_a_reservation_is_changed(
        self,
        scheduler: Scheduler,
        reserve: Reserve,
        staff: User,
        first_user: User,
        sizes: tuple[Size, ReservationChange],
    ) -> None:
        start = _soon(hours=1)
        made = await reserve(reservation(first_user, start=start, end=start + timedelta(hours=1), **sizes[0]))
        await scheduler.change_reservation(staff, made.name, sizes[1])
        (found,) = _named(await scheduler.reservations(), made.name)
        assert (sizes[1].nodes, sizes[1].cores) in {(found.nodes, None), (None, found.cores)}
        assert replace(found, nodes=made.nodes, cores=made.cores) == made

    async def test_a_reservation_that_has_begun_keeps_its_start_and_all_else_can_be_changed(
        self, scheduler: Scheduler, reserve: Reserve, staff: User, first_user: User, second_user: User
    ) -> None:
        made = await self._begun(scheduler, await reserve(reservation(first_user, start=_soon(seconds=1))))
        later = made.end + timedelta(hours=1)
        longer = ReservationChange(start=made.start, end=later)
        assert await scheduler.change_reservation(staff, made.name, longer) == replace(made, end=later)
        other = ReservationChange(users=(str(second_user.name),))
        assert (await scheduler.change_reservation(staff, made.name, other)).users == other.users
        with pytest.raises(Conflict, match="has begun"):
            await scheduler.change_reservation(staff, made.name, ReservationChange(start=_soon(hours=1)))
        (found,) = _named(await scheduler.reservations(), made.name)
        assert found == replace(made, end=later, users=(str(second_user.name),))

    async def _begun(self, scheduler: Scheduler, made: Reservation) -> Reservation:
        async with asyncio.timeout(PATIENCE):
            while True:
                (found,) = _named(await scheduler.reservations(), made.name)
                if found.state == "ACTIVE":
                    return found
                await asyncio.sleep(PAUSE)

    async def test_a_reservation_is_never_for_nobody(
        self, scheduler: Scheduler, reserve: Reserve, staff: User, first_user: User
    ) -> None:
        made = await reserve(reservation(first_user))
        with pytest.raises(InvalidInput, match="users or projects"):
            await scheduler.change_reservation(staff, made.name, ReservationChange(users=()))
        (found,) = _named(await scheduler.reservations(), made.name)
        assert found.users == made.users

    async def test_an_unknown_reservation_cannot_be_changed(self, scheduler: Scheduler, staff: User) -> None:
        with pytest.raises(NotFound):
            await scheduler.change_reservation(staff, ReservationName("nothing"), ReservationChange(end=_soon(hours=1)))

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
