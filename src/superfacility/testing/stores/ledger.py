"""The ledger in memory."""

from collections.abc import Sequence
from datetime import datetime

from superfacility.facility.charges import Charge, Usage
from superfacility.testing.stores.memory import Memory


class MemoryLedger:
    """`Ledger` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._charges = memory.charges

    async def record(self, charges: Sequence[Charge]) -> int:
        before = len(self._charges)
        for charge in charges:
            self._charges.setdefault((charge.system, charge.job_id, charge.submitted_at), charge)
        return len(self._charges) - before

    async def usage(self, *, projects: Sequence[str] | None = None) -> Sequence[Usage]:
        sums: dict[tuple[str, str], float] = {}
        for charge in self._charges.values():
            if projects is None or charge.project in projects:
                key = (charge.project, charge.user)
                sums[key] = sums.get(key, 0.0) + charge.node_hours
        return [Usage(project, user, hours) for (project, user), hours in sorted(sums.items())]

    async def last_end(self, system: str) -> datetime | None:
        return max((charge.ended_at for charge in self._charges.values() if charge.system == system), default=None)
