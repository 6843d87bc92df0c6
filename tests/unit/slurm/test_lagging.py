"""Accounting that is behind: what it has is completed by what the controller remembers, if that is asked for."""

from collections.abc import Mapping

import pytest
from tests.unit.slurm.recorded_slurm import Cluster, Recorded

from superfacility.adapters.slurm.reading.arrays import stands_for_nothing_but
from superfacility.facility.errors import Unavailable
from superfacility.facility.jobs import Job, JobQuery, JobState

MARK = "\x1frecorded"
ARRAY = "7"
"""Both its elements have failed with 3."""
BOTH = [(f"{ARRAY}_{number}", JobState.FAILED, 3) for number in range(2)]
NOT_CLOSED = {"End": "Unknown", "ExitCode": "0:0"}
"""As slurmdbd has what it learned of first after it had ended."""
EARLIER = {"Submit": "200101000000+0000", "End": "200101000001+0000", "State": "NODE_FAIL", "ExitCode": "0:1"}
"""An earlier run, or another job that had the same id years ago."""
WAITING = {"JobID": f"{ARRAY}_[0-1%1]", "State": "PENDING", "Start": "Unknown", **NOT_CLOSED}


def query(*, up_to_date: bool = True) -> JobQuery:
    return JobQuery(ids=frozenset({ARRAY}), up_to_date=up_to_date)


def told(jobs: object) -> list[tuple[str, JobState, int | None]]:
    return [(job.id, job.state, job.exit_code) for job in jobs if isinstance(job, Job)]  # type: ignore[attr-defined]


class Behind(Cluster):
    """`rows` has what accounting says otherwise of some jobs, by their ids; None: it does not know of them."""

    def __init__(self, recorded: Recorded, rows: Mapping[str, Mapping[str, str] | None]) -> None:
        super().__init__(recorded)
        self.rows = rows

    def answer(self, arguments: tuple[str, ...]) -> str:
        text = super().answer(arguments)
        if arguments[0] != "sacct" or "--helpformat" in arguments:
            return text
        cells = text.split(MARK)
        width = next(at for at, cell in enumerate(cells) if cell.startswith("\n"))
        columns = cells[:width]
        kept = list(columns)
        for start in range(width, len(cells) - 1, width):
            row = cells[start : start + width]
            changes = self.rows.get(row[columns.index("JobID")], {})
            if changes is not None:
                kept += [changes.get(column, value) for column, value in zip(columns, row, strict=True)]
        return MARK.join([*kept, cells[-1]])


@pytest.mark.parametrize(
    ("rows", "behind"),
    [
        ({"7_1": None}, BOTH[:1]),
        ({"7_0": None, "7_1": None}, BOTH),
        ({"7_1": NOT_CLOSED}, [BOTH[0], ("7_1", JobState.FAILED, None)]),
        ({"7_1": {"State": "RUNNING", **NOT_CLOSED}}, [BOTH[0], ("7_1", JobState.RUNNING, None)]),
        ({"7_1": WAITING}, [BOTH[0], ("7_1", JobState.PENDING, None)]),
        ({"7_0": EARLIER}, [("7_0", JobState.NODE_FAIL, 129), BOTH[1]]),
        ({}, BOTH),
    ],
)
async def test_the_latest_is_what_the_controller_remembers(
    recorded: Recorded, rows: Mapping[str, Mapping[str, str] | None], behind: list[tuple[str, JobState, int | None]]
) -> None:
    scheduler = Behind(recorded, rows).open()
    assert told(await scheduler.accounting(query(up_to_date=False))) == behind
    assert told(await scheduler.accounting(query())) == BOTH


async def test_what_a_row_stands_for_is_told_until_all_of_it_is_known(recorded: Recorded) -> None:
    """Of arrays too large to list their waiting elements."""
    scheduler = Behind(recorded, {"7_1": WAITING}).open(array_limit=1)
    assert told(await scheduler.accounting(query())) == BOTH
    more = {"7_1": {**WAITING, "JobID": "7_[0-99999%1]"}}
    scheduler = Behind(recorded, more).open(array_limit=1)
    assert told(await scheduler.accounting(query())) == [("7_[0-99999%1]", JobState.PENDING, None), *BOTH]


async def test_the_latest_is_not_told_without_the_controller(recorded: Recorded) -> None:
    cluster = Behind(recorded, {"7_1": None})
    scheduler = cluster.open()
    cluster.broken = {"squeue"}
    assert told(await scheduler.accounting(query(up_to_date=False))) == BOTH[:1]
    with pytest.raises(Unavailable):
        await scheduler.accounting(query())


@pytest.mark.parametrize("certain", [False, True])
async def test_without_accounting_all_of_an_array_is_known_as_long_as_the_controller_forgets_nothing(
    recorded: Recorded, certain: bool
) -> None:
    cluster = Cluster(recorded)
    scheduler = cluster.open(minimum_job_age=1e9 if certain else 60)
    cluster.broken = {"sacct"}
    assert told(await scheduler.accounting(query(up_to_date=False))) == BOTH
    if certain:
        assert told(await scheduler.accounting(query())) == BOTH
    else:
        with pytest.raises(Unavailable):
            await scheduler.accounting(query())


@pytest.mark.parametrize(
    ("known", "covered"),
    [
        ((), False),
        (("7_0", "7_1"), False),
        (("7_0", "7_1", "7_2", "7_6"), True),
        (("7_[0-2]", "7_6"), True),
        (("8_[0-2]", "7_6"), False),
        (("7_[0-6:2%4]", "7_1"), True),
    ],
)
def test_rows_that_stand_for_elements(known: tuple[str, ...], covered: bool) -> None:
    assert stands_for_nothing_but("7_[0-2,6%2]", known) is covered
    assert not stands_for_nothing_but("7", known)
