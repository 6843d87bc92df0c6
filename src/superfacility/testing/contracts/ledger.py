"""The suite of `Ledger`. Fixture to supply: `ledger`."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from superfacility.facility.charges import Charge, Ledger, Usage

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CHARGE = Charge("perlmutter", "1", NOW, "m0001", "alice", 0.5, NOW + timedelta(hours=1))


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

    async def test_the_last_end_of_a_system(self, ledger: Ledger) -> None:
        assert await ledger.last_end("perlmutter") is None
        await ledger.record([CHARGE, replace(CHARGE, job_id="2", ended_at=NOW)])
        assert await ledger.last_end("perlmutter") == CHARGE.ended_at
        assert await ledger.last_end("dtns") is None
