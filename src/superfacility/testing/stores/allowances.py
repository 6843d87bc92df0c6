"""Daily allowances in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from superfacility.facility.allowances import Allowance
from superfacility.facility.audit import AuditEntry
from superfacility.testing.stores.memory import Memory


class MemoryAllowances:
    """`Allowances` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._used: Counter[tuple[date, str, str]] = Counter()

    async def take(
        self, allowances: Sequence[Allowance], amount: int, day: date, audit: AuditEntry | None = None
    ) -> Allowance | None:
        for each in allowances:
            if self._used[_key(each, day)] + amount > each.most:
                return each
        await self.correct(allowances, amount, day, audit)
        return None

    async def correct(
        self, allowances: Sequence[Allowance], amount: int, day: date, audit: AuditEntry | None = None
    ) -> None:
        for each in allowances:
            self._used[_key(each, day)] += amount
        if audit is not None:
            self._memory.audit.append(audit)

    async def used(self, allowance: Allowance, day: date) -> int:
        return self._used[_key(allowance, day)]

    async def forget(self, before: date) -> int:
        old = [key for key in self._used if key[0] < before]
        for key in old:
            del self._used[key]
        return len(old)


def _key(allowance: Allowance, day: date) -> tuple[date, str, str]:
    return day, allowance.what, allowance.who
