"""The suite of `Allowances`.

Fixtures to supply: `allowances`, two of one store, and `audit_log` of that store.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from superfacility.facility.allowances import Allowance, Allowances
from superfacility.facility.audit import AuditEntry, AuditLog

TODAY, TOMORROW = date(2030, 1, 1), date(2030, 1, 2)
MINE = Allowance("mails", "alice", 5)
ITS = Allowance("mails to", "a@example.org", 3)
ROW = AuditEntry(datetime(2030, 1, 1, tzinfo=UTC), "alice", "mails.send", "a@example.org")


class AllowancesContract:
    """Subclass it with the fixtures named above."""

    async def test_what_is_left_can_be_used_to_the_last(self, allowances: Sequence[Allowances]) -> None:
        first, second = allowances
        assert await first.take([MINE], 3, TODAY) is None
        assert await second.take([MINE], 3, TODAY) == MINE
        assert await second.take([MINE], 2, TODAY) is None
        assert await first.take([MINE], 1, TODAY) == MINE
        assert await first.used(MINE, TODAY) == 5

    async def test_each_day_and_everybody_begins_anew(self, allowances: Sequence[Allowances]) -> None:
        store = allowances[0]
        assert await store.take([MINE], 5, TODAY) is None
        assert await store.take([MINE], 5, TOMORROW) is None
        assert await store.take([Allowance("mails", "bob", 5)], 5, TODAY) is None
        assert await store.take([Allowance("bytes", "alice", 5)], 5, TODAY) is None

    async def test_all_or_none_is_used_and_told_in_the_audit_log(
        self, allowances: Sequence[Allowances], audit_log: AuditLog
    ) -> None:
        store = allowances[0]
        assert await store.take([MINE, ITS], 3, TODAY, ROW) is None
        assert await store.take([MINE, ITS], 1, TODAY, ROW) == ITS
        assert (await store.used(MINE, TODAY), await store.used(ITS, TODAY)) == (3, 3)
        assert await audit_log.entries() == [ROW]

    @pytest.mark.parametrize("amount", [6, 1000])
    async def test_more_than_there_is_at_all_uses_nothing(
        self, allowances: Sequence[Allowances], audit_log: AuditLog, amount: int
    ) -> None:
        assert await allowances[0].take([MINE], amount, TODAY, ROW) == MINE
        assert await allowances[0].used(MINE, TODAY) == 0
        assert await audit_log.entries() == []

    async def test_many_at_once_use_no_more_than_there_is(self, allowances: Sequence[Allowances]) -> None:
        takes = (allowances[n % 2].take([MINE, ITS][:: 1 if n % 3 else -1], 1, TODAY) for n in range(40))
        refused = [each for each in await asyncio.gather(*takes) if each is not None]
        assert len(refused) == 40 - ITS.most
        assert await allowances[0].used(MINE, TODAY) == await allowances[0].used(ITS, TODAY) == ITS.most

    async def test_what_was_used_is_corrected_whatever_is_left(
        self, allowances: Sequence[Allowances], audit_log: AuditLog
    ) -> None:
        store = allowances[0]
        await store.correct([MINE], 9, TODAY, ROW)
        assert await store.used(MINE, TODAY) == 9
        assert await store.take([MINE], 1, TODAY) == MINE
        await store.correct([MINE], -5, TODAY)
        assert await store.take([MINE], 1, TODAY) is None
        assert await audit_log.entries() == [ROW]

    async def test_old_days_are_forgotten(self, allowances: Sequence[Allowances]) -> None:
        store = allowances[0]
        await store.take([MINE], 5, TODAY)
        await store.take([MINE], 5, TOMORROW)
        assert await store.forget(TOMORROW) == 1
        assert (await store.used(MINE, TODAY), await store.used(MINE, TOMORROW)) == (0, 5)
