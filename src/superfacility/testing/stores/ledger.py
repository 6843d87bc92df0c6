"""The ledger in memory."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from superfacility.facility.accounting.charges import Charge, HoursKind, Step, Usage, UsageBy, UsageQuery, UsageStep
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
        sums: dict[tuple[str, str, HoursKind], float] = {}
        for charge in self._charges.values():
            if projects is None or charge.project in projects:
                key = (charge.project, charge.user, charge.kind)
                sums[key] = sums.get(key, 0.0) + charge.node_hours
        return [Usage(project, user, hours, kind) for (project, user, kind), hours in sorted(sums.items())]

    async def over_time(self, query: UsageQuery) -> Sequence[UsageStep]:
        sums: dict[tuple[date, HoursKind, str], tuple[float, int]] = {}
        for charge in self._charges.values():
            if _asked(query, charge):
                key = (_begins(query, charge.ended_at.date()), charge.kind, _of(query, charge))
                hours, jobs = sums.get(key, (0.0, 0))
                sums[key] = (hours + charge.node_hours, jobs + 1)
        return [UsageStep(*key, *sums[key]) for key in sorted(sums)]

    async def last_end(self, system: str) -> datetime | None:
        return max((charge.ended_at for charge in self._charges.values() if charge.system == system), default=None)


def _asked(query: UsageQuery, charge: Charge) -> bool:
    return (
        query.first <= charge.ended_at.date() <= query.last
        and query.project in (None, charge.project)
        and query.user in (None, charge.user)
    )


def _begins(query: UsageQuery, day: date) -> date:
    if query.step is Step.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if query.step is Step.MONTH else day


def _of(query: UsageQuery, charge: Charge) -> str:
    names = {
        UsageBy.USER: charge.user,
        UsageBy.SYSTEM: charge.system,
        UsageBy.QOS: charge.qos,
        UsageBy.PROJECT: charge.project,
    }
    return "" if query.by is None else names[query.by]
