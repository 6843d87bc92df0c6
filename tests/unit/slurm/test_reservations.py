"""What scontrol is told of a change of a reservation, and what becomes of its words."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.slurm.recorded_slurm import Cluster, Recorded

from superfacility.adapters.slurm.acting.reservations import changed_settings
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import (
    Conflict,
    FacilityError,
    InvalidInput,
    NotFound,
    NotPermitted,
    Refused,
    Unavailable,
)
from superfacility.facility.jobs import JobChange, JobId
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.testing.schedulers import named

ALICE = named("alice", 1001)
START = datetime(2026, 6, 1, 8, tzinfo=UTC)
NAME = ReservationName("beam")
BEGUN = Reservation(NAME, START, START + timedelta(hours=1), 1, 64, ("alice",), (), "ACTIVE")
COMING = Reservation(NAME, START, START + timedelta(hours=1), 1, 64, ("alice",), ("m0001",))
LATER = START + timedelta(hours=3)


@pytest.mark.parametrize(
    ("current", "change", "told"),
    [
        (BEGUN, ReservationChange(end=LATER), ("EndTime=2026-06-01T11:00:00",)),
        (
            BEGUN,
            ReservationChange(start=START + timedelta(milliseconds=9), end=LATER),
            ("EndTime=2026-06-01T11:00:00",),
        ),
        (BEGUN, ReservationChange(start=START), ()),
        (BEGUN, ReservationChange(users=("bob", "alice")), ("Users=bob,alice",)),
        (BEGUN, ReservationChange(nodes=1), ("NodeCnt=1",)),
        (BEGUN, ReservationChange(cores=64), ()),
        (BEGUN, ReservationChange(cores=2), ("CoreCnt=2",)),
        (COMING, ReservationChange(users=()), ("Users=",)),
        (COMING, ReservationChange(users=("bob",), projects=()), ("Users=bob", "Accounts=")),
        (
            COMING,
            ReservationChange(start=START + timedelta(minutes=1)),
            ("StartTime=2026-06-01T08:01:00", "EndTime=2026-06-01T09:00:00"),
        ),
    ],
)
def test_scontrol_is_told_what_is_named(current: Reservation, change: ReservationChange, told: tuple[str, ...]) -> None:
    assert changed_settings(current, change, change.of(current)) == told


def test_names_are_no_settings() -> None:
    change = ReservationChange(users=("bob Flags=MAINT",))
    with pytest.raises(InvalidInput):
        changed_settings(BEGUN, change, change.of(BEGUN))


def test_what_has_begun_keeps_its_start_and_is_for_somebody() -> None:
    with pytest.raises(Conflict):
        ReservationChange(start=LATER).of(BEGUN)
    with pytest.raises(InvalidInput):
        ReservationChange(users=()).of(BEGUN)
    nobodys = Reservation(NAME, START, LATER)  # for a group, say
    assert ReservationChange(end=LATER).of(nobodys) == nobodys


class Refusing(Cluster):
    """Shows the recorded reservation, and refuses to change anything, in these words; has these `known` people."""

    def __init__(self, recorded: Recorded, words: str, *, code: int = 1, known: str = "") -> None:
        super().__init__(recorded)
        self.refusal = CommandResult(code, b"", words.encode())
        self.known = known

    async def run(self, user: User, command: Command, on_output: object = None) -> CommandResult:
        if command.arguments[0] == "getent":
            return CommandResult(2, self.known.encode(), b"")
        if command.arguments[0] == "scontrol":
            return self.refusal
        return await super().run(user, command, on_output)

    def answer(self, arguments: tuple[str, ...]) -> str:
        if arguments[0] == "scontrol":
            return self.recorded("reservations")
        if arguments[0] == "squeue":
            return "USER|STATE|\nalice|RUNNING|\n".replace("|", "\x1frecorded")
        return super().answer(arguments)


OPERATORS = "Error updating the reservation: Invalid user id\nslurm_update error: Invalid user id\n"
RECORDED = ReservationName("recorded")


@pytest.mark.parametrize(
    ("words", "code", "error", "ours"),
    [
        (OPERATORS, 1, NotPermitted, "only its operators"),
        ("Error updating the reservation: Access/permission denied\n", 1, NotPermitted, "only its operators"),
        ("slurm_update error: Requested reservation is invalid\n", 1, NotFound, "no reservation 'recorded'"),
        ("Error updating the reservation: Requested nodes are busy\n", 1, Refused, "nodes are busy"),
        ("slurm_update error: Unable to contact slurm controller (connect failure)\n", 1, Unavailable, "asked again"),
        ("sh: scontrol: not found\n", 127, Unavailable, "set `bin`"),
    ],
)
async def test_what_slurm_says_of_a_change(
    recorded: Recorded, words: str, code: int, error: type[FacilityError], ours: str
) -> None:
    scheduler = Refusing(recorded, words, code=code).open()
    with pytest.raises(error, match=ours):
        await scheduler.change_reservation(ALICE, RECORDED, ReservationChange(nodes=1))


@pytest.mark.parametrize(
    ("known", "error", "ours"),
    [
        ("alice:x:1001:100::/home/alice:/bin/sh\n", InvalidInput, "knows no user 'bbo', '1002';"),
        ("alice:x:1001:100:::\nbbo:x:1002:100:::\n", NotPermitted, "alice is none"),
    ],
)
async def test_an_invalid_user_is_unknown_or_no_operator(
    recorded: Recorded, known: str, error: type[FacilityError], ours: str
) -> None:
    scheduler = Refusing(recorded, OPERATORS, known=known).open()
    with pytest.raises(error, match=ours):
        await scheduler.change_reservation(ALICE, RECORDED, ReservationChange(users=("alice", "bbo", "1002")))


async def test_a_longer_time_limit_that_is_denied_is_told_in_words(recorded: Recorded) -> None:
    scheduler = Refusing(recorded, "slurm_update error: Access/permission denied\n").open()
    with pytest.raises(NotPermitted, match="only its operators give a job a longer time limit"):
        await scheduler.change(ALICE, JobId("7"), JobChange(timedelta(hours=1)))
    with pytest.raises(Refused, match="Access/permission denied"):
        await scheduler.change(ALICE, JobId("7"), JobChange(qos="debug"))
