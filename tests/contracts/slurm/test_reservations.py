"""Reservations that a real Slurm refuses or cannot change: its own words mislead, so ours say what to do."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.core.clock import SystemClock
from superfacility.facility.errors import InvalidInput, NotFound, NotPermitted, Unsupported
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.testing.contracts.scheduler.material import reservation


@pytest.fixture
def scheduler(open_slurm: Callable[..., SlurmScheduler]) -> SlurmScheduler:
    return open_slurm()


@pytest.fixture
def alice(person: Callable[[str], User]) -> User:
    return person("alice")


@pytest.fixture
def operator(person: Callable[[str], User]) -> User:
    return person("sfgate")


def of(user: User, **changes: object) -> Reservation:
    """Some time tomorrow."""
    start = datetime.fromtimestamp(int(SystemClock().now().timestamp()), UTC) + timedelta(days=1)
    return reservation(user, **{"start": start, "end": start + timedelta(hours=1), **changes})


@pytest.fixture
async def cores(scheduler: SlurmScheduler, operator: User, alice: User) -> AsyncIterator[Reservation]:
    """Two cores of alice's."""
    made = await scheduler.reserve(operator, of(alice, nodes=None, cores=2))
    yield made
    await scheduler.cancel_reservation(operator, made.name)


async def found(scheduler: SlurmScheduler, name: str) -> list[Reservation]:
    return [each for each in await scheduler.reservations() if each.name == name]


async def test_times_and_users_of_reserved_cores_are_changed(
    scheduler: SlurmScheduler, operator: User, alice: User, person: Callable[[str], User], cores: Reservation
) -> None:
    both = (str(alice.name), str(person("bob").name))
    start, end = cores.start + timedelta(minutes=5), cores.end + timedelta(hours=1)
    change = ReservationChange(start=start, end=end, cores=2, users=both)
    made = await scheduler.change_reservation(operator, cores.name, change)
    assert (made.start, made.end, made.cores, set(made.users)) == (start, end, 2, set(both))


@pytest.mark.parametrize("other", [ReservationChange(cores=4), ReservationChange(nodes=1)], ids=["cores", "nodes"])
async def test_the_number_of_reserved_cores_stays(
    scheduler: SlurmScheduler, operator: User, cores: Reservation, other: ReservationChange
) -> None:
    with pytest.raises(Unsupported, match=r"delete .* and create it anew"):
        await scheduler.change_reservation(operator, cores.name, other)
    assert await found(scheduler, cores.name) == [cores]


async def test_who_is_no_operator_is_told_so(scheduler: SlurmScheduler, alice: User, cores: Reservation) -> None:
    for attempt in (
        scheduler.reserve(alice, of(alice)),
        scheduler.change_reservation(alice, cores.name, ReservationChange(end=cores.end + timedelta(hours=1))),
        scheduler.change_reservation(alice, cores.name, ReservationChange(users=(str(alice.name),))),
        scheduler.cancel_reservation(alice, cores.name),
    ):
        with pytest.raises(NotPermitted, match=f"only its operators .* {alice.name} is none. Ask the facility's staff"):
            await attempt
    assert await found(scheduler, cores.name) == [cores]


async def test_unknown_users_and_projects_are_named(
    scheduler: SlurmScheduler, operator: User, alice: User, cores: Reservation
) -> None:
    wrong = (str(alice.name), "nobody-here")
    for attempt in (
        lambda: scheduler.reserve(operator, of(alice, users=wrong)),
        lambda: scheduler.change_reservation(operator, cores.name, ReservationChange(users=wrong)),
    ):
        with pytest.raises(InvalidInput, match="knows no user 'nobody-here'"):
            await attempt()
    for attempt in (
        scheduler.reserve(operator, of(alice, projects=("m9999",))),
        scheduler.change_reservation(operator, cores.name, ReservationChange(projects=("m9999",))),
    ):
        with pytest.raises(InvalidInput, match="as accounts: m9999"):
            await attempt
    assert await found(scheduler, cores.name) == [cores]


async def test_one_that_is_gone_cannot_be_changed_or_deleted(scheduler: SlurmScheduler, operator: User) -> None:
    name = ReservationName("nothing")
    with pytest.raises(NotFound):
        await scheduler.cancel_reservation(operator, name)
    with pytest.raises(NotFound):
        await scheduler.change_reservation(operator, name, ReservationChange(nodes=1))
