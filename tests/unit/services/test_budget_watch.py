"""Heads of a project are told once when most and when all of its hours are used."""

from datetime import timedelta

from superfacility.facility.accounting.allocations import HoursAllocation
from superfacility.facility.accounting.charges import Charge, HoursKind
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import Project, ProjectName, Role, User, UserName
from superfacility.services.accounting.watch import BudgetWatch
from superfacility.services.notices import Notices
from superfacility.testing.clocks import START, FakeClock
from superfacility.testing.stores import Memory, MemoryAllocations, MemoryLedger, MemoryPeople

M0001 = ProjectName("m0001")
AUDIT = AuditEntry(START, "operator:test", "test.fill", "everything")
ROLES = {"head": Role.PI, "proxy": Role.PI_PROXY, "clerk": Role.RESOURCE_MANAGER, "member": Role.USER}


class Letters:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    async def send(self, address: str, subject: str, text: str) -> None:
        self.sent.append((address, subject))


class Office:
    def __init__(self) -> None:
        memory = Memory()
        self.people, self.hours, self.ledger = MemoryPeople(memory), MemoryAllocations(memory), MemoryLedger(memory)
        self.letters = Letters()
        self.notices = Notices(self.letters, self.people, "Example")
        self.watch = BudgetWatch(self.hours, self.people, self.notices, FakeClock())
        self.jobs = 0

    async def fill(self) -> None:
        await self.people.save_project(Project(0, M0001), AUDIT, new=True)
        for name, role in ROLES.items():
            await self.people.save_user(User(0, UserName(name), email=f"{name}@example.org"), AUDIT, new=True)
            await self.people.set_membership(M0001, UserName(name), role, AUDIT)

    async def spend(self, hours: float) -> list[tuple[str, str]]:
        """What is mailed when somebody has used so much more."""
        self.jobs += 1
        self.letters.sent.clear()
        await self.ledger.record([Charge("pm", str(self.jobs), START, M0001, "member", hours, START)])
        await self.watch.look({M0001, ""})
        await self.notices.settle()
        return sorted(self.letters.sent)


def to_heads(percent: int) -> list[tuple[str, str]]:
    subject = f"Example: m0001 has used {percent} % of its CPU hours"
    return [("head@example.org", subject), ("proxy@example.org", subject)]


async def test_each_mark_is_told_once() -> None:
    office = Office()
    await office.fill()
    added = await office.hours.add(HoursAllocation(0, M0001, HoursKind.CPU, 100.0), AUDIT)
    assert await office.spend(79.9) == []
    assert await office.spend(0.1) == to_heads(80)
    assert await office.spend(10) == []
    assert await office.spend(10) == to_heads(100)
    assert await office.spend(100) == []
    await office.hours.change(HoursAllocation(added.id, M0001, HoursKind.CPU, 250.0), AUDIT)
    assert await office.spend(1) == to_heads(80)


async def test_what_is_passed_at_once_is_told_at_once() -> None:
    office = Office()
    await office.fill()
    yesterday = START.date() - timedelta(days=1)
    await office.hours.add(HoursAllocation(0, M0001, HoursKind.CPU, 1.0, ends=yesterday), AUDIT)
    assert await office.spend(5) == []
    await office.hours.add(HoursAllocation(0, M0001, HoursKind.CPU, 10.0, begins=START.date()), AUDIT)
    assert await office.spend(5) == to_heads(100)
    assert await office.spend(1) == []
