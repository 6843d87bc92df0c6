"""The suite of `Ledger`. Fixture to supply: `ledger`."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from superfacility.facility.accounting.charges import (
    Charge,
    HoursKind,
    Ledger,
    Step,
    Usage,
    UsageBy,
    UsageQuery,
    UsageStep,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CHARGE = Charge("perlmutter", "1", NOW, "m0001", "alice", 0.5, NOW + timedelta(hours=1))


def _ended(number: int, day: date, hours: float, **more: str) -> Charge:
    ended = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return replace(CHARGE, job_id=f"many{number}", ended_at=ended, node_hours=hours, **more)  # type: ignore[arg-type]


MANY = [
    _ended(0, date(2026, 1, 30), 0.5),
    _ended(1, date(2026, 1, 31), 1.0),
    _ended(2, date(2026, 2, 1), 2.0),
    _ended(3, date(2026, 2, 2), 4.0),
    _ended(4, date(2026, 2, 2), 8.0, user="bob", system="dtns", qos="debug"),
    _ended(5, date(2026, 3, 2), 16.0, project="m0002"),
    _ended(6, date(2026, 3, 3), 32.0),
]
"""Two days of two weeks and two months each, and what lies beside them."""


class LedgerContract:
    """Subclass it with the fixture named above."""

    async def test_a_job_is_charged_once(self, ledger: Ledger) -> None:
        other = replace(CHARGE, job_id="2")
        assert await ledger.record([CHARGE]) == 1
        assert await ledger.record([CHARGE, other, other]) == 1
        assert await ledger.record([]) == 0
        assert await ledger.usage() == [Usage("m0001", "alice", 1.0)]

    async def test_the_first_reading_counts(self, ledger: Ledger) -> None:
        await ledger.record([CHARGE])
        assert await ledger.record([replace(CHARGE, node_hours=99.0)]) == 0
        assert await ledger.usage() == [Usage("m0001", "alice", 0.5)]

    async def test_a_reused_job_id_is_another_job(self, ledger: Ledger) -> None:
        again = replace(CHARGE, submitted_at=NOW + timedelta(days=300))
        elsewhere = replace(CHARGE, system="dtns")
        assert await ledger.record([CHARGE, again, elsewhere]) == 3

    async def test_concurrent_readings_charge_once(self, ledger: Ledger) -> None:
        counts = await asyncio.gather(*(ledger.record([CHARGE]) for _ in range(20)))
        assert sum(counts) == 1

    async def test_sums_are_by_project_and_user(self, ledger: Ledger) -> None:
        people = [("m2", "bob"), ("m1", "bob"), ("m1", "alice"), ("m1", "bob")]
        await ledger.record(
            [replace(CHARGE, job_id=str(n), project=project, user=user) for n, (project, user) in enumerate(people)]
        )
        of_m1 = [Usage("m1", "alice", 0.5), Usage("m1", "bob", 1.0)]
        assert await ledger.usage() == [*of_m1, Usage("m2", "bob", 0.5)]
        assert await ledger.usage(projects=["m1", "m9"]) == of_m1
        assert await ledger.usage(projects=[]) == []

    async def test_kinds_are_summed_apart(self, ledger: Ledger) -> None:
        await ledger.record([CHARGE, replace(CHARGE, job_id="2", kind=HoursKind.GPU, qos="debug", partition="gpu")])
        assert await ledger.usage() == [
            Usage("m0001", "alice", 0.5),
            Usage("m0001", "alice", 0.5, HoursKind.GPU),
        ]

    async def test_usage_over_time(self, ledger: Ledger) -> None:
        await ledger.record(MANY)
        assert await ledger.record(MANY) == 0
        whole = UsageQuery(date(2026, 1, 31), date(2026, 3, 2))
        days = await ledger.over_time(whole)
        assert [(each.begins, each.node_hours, each.jobs) for each in days] == [
            (date(2026, 1, 31), 1.0, 1),
            (date(2026, 2, 1), 2.0, 1),
            (date(2026, 2, 2), 12.0, 2),
            (date(2026, 3, 2), 16.0, 1),
        ]
        weeks = await ledger.over_time(replace(whole, step=Step.WEEK))
        assert [(each.begins, each.node_hours) for each in weeks] == [
            (date(2026, 1, 26), 3.0),
            (date(2026, 2, 2), 12.0),
            (date(2026, 3, 2), 16.0),
        ]
        months = await ledger.over_time(replace(whole, step=Step.MONTH))
        assert [(each.begins, each.node_hours) for each in months] == [
            (date(2026, 1, 1), 1.0),
            (date(2026, 2, 1), 14.0),
            (date(2026, 3, 1), 16.0),
        ]
        one = UsageQuery(date(2026, 2, 2), date(2026, 2, 2), Step.MONTH)
        assert await ledger.over_time(one) == [UsageStep(date(2026, 2, 1), HoursKind.CPU, "", 12.0, 2)]

    async def test_usage_told_apart(self, ledger: Ledger) -> None:
        await ledger.record(MANY)
        february = UsageQuery(date(2026, 2, 1), date(2026, 2, 28), Step.MONTH, UsageBy.USER, project="m0001")
        (alice, bob) = await ledger.over_time(february)
        assert (alice.of, alice.node_hours, bob.of, bob.node_hours) == ("alice", 6.0, "bob", 8.0)
        found = {}
        for by in (None, UsageBy.SYSTEM, UsageBy.QOS, UsageBy.PROJECT):
            steps = await ledger.over_time(replace(february, by=by, project=None, user="bob"))
            found[by] = [(each.of, each.node_hours) for each in steps]
        assert found == {
            None: [("", 8.0)],
            UsageBy.SYSTEM: [("dtns", 8.0)],
            UsageBy.QOS: [("debug", 8.0)],
            UsageBy.PROJECT: [("m0001", 8.0)],
        }
        assert await ledger.over_time(replace(february, user="carol")) == []

    async def test_the_last_end_of_a_system(self, ledger: Ledger) -> None:
        assert await ledger.last_end("perlmutter") is None
        await ledger.record([CHARGE, replace(CHARGE, job_id="2", ended_at=NOW)])
        assert await ledger.last_end("perlmutter") == CHARGE.ended_at
        assert await ledger.last_end("dtns") is None
