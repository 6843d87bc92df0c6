"""The suite of `Allocations`. Fixtures to supply, of one store: `allocations`, `ledger`, `people`, `audit_log`."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from superfacility.facility.accounting.allocations import (
    Allocations,
    HoursAllocation,
    Payer,
    Share,
    Standing,
    WhenExhausted,
)
from superfacility.facility.accounting.charges import Charge, HoursKind, Ledger
from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import People, Project, ProjectName, Role, User, UserName

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE, BOB, NOBODY = UserName("alice"), UserName("bob"), UserName("nobody")
FIRST, SECOND, NONE = ProjectName("m0001"), ProjectName("m0002"), ProjectName("m9999")
CPU, GPU = HoursKind.CPU, HoursKind.GPU
LAST_YEAR = HoursAllocation(0, FIRST, CPU, 10.0, date(2025, 1, 1), date(2025, 12, 31))
THIS_YEAR = HoursAllocation(0, FIRST, CPU, 20.0, date(2026, 1, 1), date(2026, 12, 31))
TODAY = NOW.date()


def entry(action: str = "allocations.change") -> AuditEntry:
    return AuditEntry(NOW, "operator:root", action, "target")


def charge(number: int, user: UserName, hours: float, day: date, **more: object) -> Charge:
    ended = datetime(day.year, day.month, day.day, 23, 59, 59, 999_999, tzinfo=UTC)
    made = Charge("perlmutter", str(number), NOW, FIRST, user, hours, ended)
    return replace(made, **more)  # type: ignore[arg-type]


class AllocationsContract:
    """Subclass it with the fixtures named above. Fill it with `populated`: alice and bob in m0001, bob in m0002."""

    @pytest.fixture
    async def populated(self, allocations: Allocations, people: People) -> Allocations:
        for user in (ALICE, BOB):
            await people.save_user(User(0, user), entry("setup"), new=True)
        for project in (FIRST, SECOND):
            await people.save_project(Project(0, project), entry("setup"), new=True)
        for project, user in ((FIRST, ALICE), (FIRST, BOB), (SECOND, BOB)):
            await people.set_membership(project, user, Role.USER, entry("setup"))
        return allocations

    async def test_what_was_given_is_found_in_order(self, populated: Allocations, audit_log: AuditLog) -> None:
        gpu = await populated.add(HoursAllocation(0, FIRST, GPU, None), entry())
        second = await populated.add(THIS_YEAR, entry())
        first = await populated.add(LAST_YEAR, entry())
        assert len({gpu.id, first.id, second.id}) == 3
        assert await populated.standings([FIRST, SECOND, NONE]) == [Standing(first), Standing(second), Standing(gpu)]
        assert await populated.standings([SECOND]) == []
        assert await populated.standings([]) == []
        assert len(await audit_log.entries(action="allocations.change")) == 3

    @pytest.mark.parametrize(
        ("begins", "ends"),
        [
            (None, None),
            (None, date(2026, 1, 1)),
            (date(2026, 12, 31), None),
            (date(2026, 5, 1), date(2026, 5, 1)),
            (date(2025, 1, 1), date(2027, 1, 1)),
        ],
    )
    async def test_times_of_one_kind_never_overlap(
        self, populated: Allocations, audit_log: AuditLog, begins: date | None, ends: date | None
    ) -> None:
        await populated.add(THIS_YEAR, entry())
        with pytest.raises(Conflict, match="2026-01-01 to 2026-12-31"):
            await populated.add(replace(THIS_YEAR, begins=begins, ends=ends), entry("failed"))
        await populated.add(HoursAllocation(0, FIRST, GPU, 1.0, begins, ends), entry())
        await populated.add(HoursAllocation(0, SECOND, CPU, 1.0, begins, ends), entry())
        assert await audit_log.entries(action="failed") == []

    async def test_a_neighbour_day_is_no_overlap(self, populated: Allocations) -> None:
        added = await populated.add(THIS_YEAR, entry())
        await populated.add(replace(THIS_YEAR, begins=None, ends=date(2025, 12, 31)), entry())
        after = await populated.add(replace(THIS_YEAR, begins=date(2027, 1, 1), ends=None), entry())
        with pytest.raises(Conflict):
            await populated.change(replace(after, begins=date(2026, 12, 31)), entry())
        await populated.change(replace(added, hours=None, ends=date(2026, 11, 30)), entry())
        await populated.change(replace(after, begins=date(2026, 12, 1)), entry())
        found = [each.allocation for each in await populated.standings([FIRST])]
        assert [(each.hours, each.begins) for each in found] == [
            (20.0, None),
            (None, date(2026, 1, 1)),
            (20.0, date(2026, 12, 1)),
        ]

    async def test_of_many_that_overlap_one_is_kept(self, populated: Allocations) -> None:
        tries = (populated.add(THIS_YEAR, entry()) for _ in range(10))
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(each, Conflict) for each in answers) == 9
        assert len(await populated.standings([FIRST])) == 1

    async def test_what_is_not_there_cannot_be_changed(self, populated: Allocations, audit_log: AuditLog) -> None:
        for act in (
            populated.add(replace(THIS_YEAR, project=NONE), entry("failed")),
            populated.change(replace(THIS_YEAR, id=7), entry("failed")),
            populated.remove(7, entry("failed")),
            populated.set_share(Share(FIRST, CPU, NOBODY, 1.0), entry("failed")),
            populated.set_share(Share(SECOND, CPU, ALICE, 1.0), entry("failed")),
            populated.set_rule(NONE, WhenExhausted.BLOCK, entry("failed")),
        ):
            with pytest.raises(NotFound):
                await act
        assert await audit_log.entries(action="failed") == []

    async def test_use_counts_in_the_time_in_which_a_job_ended(self, populated: Allocations, ledger: Ledger) -> None:
        old, new = await populated.add(LAST_YEAR, entry()), await populated.add(THIS_YEAR, entry())
        await ledger.record(
            [
                charge(1, ALICE, 1.0, date(2024, 12, 31)),
                charge(2, ALICE, 2.0, date(2025, 1, 1)),
                charge(3, BOB, 4.0, date(2025, 12, 31)),
                charge(4, BOB, 8.0, date(2026, 1, 1)),
                charge(5, BOB, 16.0, date(2026, 2, 1), kind=GPU),
                charge(6, BOB, 32.0, date(2026, 2, 1), project=SECOND),
                charge(7, ALICE, 64.0, date(2026, 12, 31)),
            ]
        )
        of_alice = [Standing(old, 6.0, 2.0), Standing(new, 72.0, 64.0)]
        assert await populated.standings([FIRST], user=ALICE) == of_alice
        await populated.change(replace(old, ends=date(2025, 6, 30)), entry())
        assert [each.used for each in await populated.standings([FIRST])] == [2.0, 72.0]
        await populated.remove(old.id, entry())
        assert [each.allocation for each in await populated.standings([FIRST])] == [new]

    async def test_the_last_of_a_kind_goes_only_in_so_many_words(
        self, populated: Allocations, audit_log: AuditLog
    ) -> None:
        """Without any the project has hours without limit, which nobody meant by taking some away."""
        first, second = [await populated.add(replace(THIS_YEAR, kind=kind), entry()) for kind in (CPU, GPU)]
        for each in (first, second):
            with pytest.raises(Conflict):
                await populated.remove(each.id, entry("failed"))
        await populated.remove(first.id, entry(), unlimited=True)
        assert [each.allocation for each in await populated.standings([FIRST])] == [second]
        assert await audit_log.entries(action="failed") == []

    async def test_shares(self, populated: Allocations, people: People) -> None:
        added = await populated.add(THIS_YEAR, entry())
        hours, percent = Share(FIRST, CPU, ALICE, 5.0), Share(FIRST, CPU, BOB, percent=25.0)
        for share in (percent, hours, Share(FIRST, GPU, BOB, 1.0), replace(hours, hours=6.0)):
            await populated.set_share(share, entry())
        expected = [replace(hours, hours=6.0), percent, Share(FIRST, GPU, BOB, 1.0)]
        assert await populated.shares(FIRST) == expected
        assert await populated.shares(SECOND) == []
        (standing,) = await populated.standings([FIRST], user=BOB)
        assert (standing, standing.own_given) == (Standing(added, share=percent), 5.0)
        await populated.set_share(Share(FIRST, CPU, ALICE), entry())
        await people.set_membership(FIRST, BOB, None, entry("setup"))
        assert await populated.shares(FIRST) == []

    async def test_who_pays(self, populated: Allocations, ledger: Ledger, people: People) -> None:
        added = await populated.add(THIS_YEAR, entry())
        await ledger.record([charge(1, ALICE, 3.0, TODAY), charge(2, BOB, 4.0, TODAY)])
        share = Share(FIRST, CPU, BOB, 5.0)
        await populated.set_share(share, entry())
        standing = Standing(added, 7.0, 4.0, share)
        for named in ("", FIRST, NONE, "\udcff\0"):
            assert await populated.payer(BOB, named, CPU, TODAY) == Payer(FIRST, True, True, standing), named
        assert await populated.payer(BOB, SECOND, CPU, TODAY) == Payer(SECOND, True)
        assert await populated.payer(BOB, FIRST, GPU, TODAY) == Payer(FIRST, True)
        assert await populated.payer(BOB, FIRST, CPU, date(2027, 1, 1)) == Payer(FIRST, True, True)
        assert await populated.payer(NOBODY, FIRST, CPU, TODAY) is None
        assert await populated.payer(ALICE, SECOND, CPU, TODAY) == Payer(FIRST, True, True, Standing(added, 7.0, 3.0))
        closed = await people.project(FIRST)
        assert closed is not None
        await people.save_project(replace(closed, active=False), entry("setup"))
        assert await populated.payer(BOB, "", CPU, TODAY) == Payer(SECOND, True)
        assert await populated.payer(BOB, FIRST, CPU, TODAY) == Payer(FIRST, False, True, standing)
        assert await populated.payer(ALICE, "", CPU, TODAY) is None

    async def test_a_projects_own_rule(self, populated: Allocations) -> None:
        assert await populated.rule(FIRST) is None
        for rule in (WhenExhausted.BLOCK, WhenExhausted.WARN):
            await populated.set_rule(FIRST, rule, entry())
            assert await populated.rule(FIRST) is rule
        assert await populated.payer(ALICE, "", CPU, TODAY) == Payer(FIRST, True, rule=WhenExhausted.WARN)
        await populated.set_rule(FIRST, None, entry())
        assert await populated.rule(FIRST) is None

    async def test_each_notice_is_given_once(self, populated: Allocations) -> None:
        added = await populated.add(THIS_YEAR, entry())
        claims = await asyncio.gather(*(populated.claim_notice(added.id, 80) for _ in range(5)))
        assert sum(claims) == 1
        assert await populated.claim_notice(added.id, 100)
        await populated.change(replace(added, hours=40.0), entry())
        assert await populated.claim_notice(added.id, 80)

    async def test_a_year_is_summed_up_to_its_last_day(self, populated: Allocations, ledger: Ledger) -> None:
        await populated.add(THIS_YEAR, entry())
        days = [date(2025, 12, 31) + timedelta(days=number) for number in range(367)]
        await ledger.record([charge(number, ALICE, 1.0, day) for number, day in enumerate(days)])
        assert [each.used for each in await populated.standings([FIRST])] == [365.0]
