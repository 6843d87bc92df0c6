"""Keeping a scheduler's accounts in step."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from superfacility.facility.accounting.associations import AssociationStep, Book, BookedAccount, StepKind
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import InvalidInput, Unavailable
from superfacility.facility.people import Project, ProjectName, Role, User, UserName
from superfacility.services.accounting.associations import AssociationKeeper, check_digest, make_plan
from superfacility.testing.clocks import FakeClock
from superfacility.testing.schedulers.associations import MemoryAssociations
from superfacility.testing.stores import Memory, MemoryAuditLog, MemoryPeople

NOBODY: frozenset[str] = frozenset()


def booked(name: str, *users: str, ours: bool = False) -> BookedAccount:
    return BookedAccount(name, ours, frozenset(users))


def book(*accounts: BookedAccount, **defaults: str) -> Book:
    return Book({each.name: each for each in accounts}, defaults)


def steps(wanted: dict[str, frozenset[str]], there: Book, **more: object) -> list[str]:
    closed = frozenset(more.pop("closed", ()))  # type: ignore[call-overload]
    return [str(step) for step in make_plan("perlmutter", wanted, closed, there, **more).steps]  # type: ignore[arg-type]


def test_accounts_come_before_their_users() -> None:
    assert steps({"m2": frozenset({"bob", "alice"}), "m1": NOBODY}, book()) == [
        "add account m1",
        "add account m2",
        "add users m2: alice bob",
    ]


def test_what_is_in_step_stays() -> None:
    assert steps({"m1": frozenset({"alice"})}, book(booked("m1", "alice"), booked("other", "carol"))) == []


def test_people_are_taken_out_of_accounts_of_our_own_only() -> None:
    there = book(booked("m1", "alice", "bob", ours=True), booked("m2", "alice", "bob"), booked("other", "bob"))
    wanted = {"m1": frozenset({"alice"}), "m2": frozenset({"alice"})}
    assert steps(wanted, there) == ["remove users m1: bob"]
    plan = make_plan("perlmutter", wanted, NOBODY, there)
    assert "bob may charge jobs to it" in plan.notes[0]
    assert steps(wanted, there, prune=True) == ["remove users m1: bob", "remove users m2: bob"]


def test_closed_projects_keep_their_account_and_lose_its_users() -> None:
    there = book(booked("m1", "alice", ours=True), booked("m2", "alice"))
    assert steps({}, there, closed=("m1", "m2", "m3")) == ["remove users m1: alice"]


def test_nobody_loses_the_account_that_their_jobs_are_charged_to_without_another() -> None:
    there = book(booked("m1", "alice", "bob", ours=True), booked("m2", "alice"), alice="m1", bob="m1")
    assert steps({"m1": NOBODY, "m2": frozenset({"alice"}), "m3": frozenset({"bob"})}, there) == [
        "add account m3",
        "add users m3: bob",
        "set default m2: alice",
        "set default m3: bob",
        "remove users m1: alice bob",
    ]
    assert steps({"m1": NOBODY}, book(booked("m1", "alice", ours=True), alice="m1")) == ["remove users m1: alice"]


def test_many_users_are_added_in_parts() -> None:
    plan = make_plan("perlmutter", {"m1": frozenset(f"user{n:03}" for n in range(250))}, NOBODY, book(booked("m1")))
    assert [len(step.users) for step in plan.steps] == [100, 100, 50]


def test_a_plan_is_known_by_what_it_does() -> None:
    first, again = (make_plan("perlmutter", {"m1": frozenset({"alice"})}, NOBODY, book()) for _ in range(2))
    other = make_plan("perlmutter", {"m1": frozenset({"bob"})}, NOBODY, book())
    elsewhere = make_plan("muller", {"m1": frozenset({"alice"})}, NOBODY, book())
    assert first.digest == again.digest
    assert len({first.digest, other.digest, elsewhere.digest}) == 3
    check_digest(again, first.digest)
    with pytest.raises(InvalidInput, match="plan --system perlmutter"):
        check_digest(other, first.digest)


@dataclass
class Keeping:
    """People of ours and a scheduler's book."""

    memory: Memory = field(default_factory=Memory)
    book: MemoryAssociations = field(default_factory=MemoryAssociations)
    clock: FakeClock = field(default_factory=FakeClock)

    @property
    def keeper(self) -> AssociationKeeper:
        people, audit = MemoryPeople(self.memory), MemoryAuditLog(self.memory)
        return AssociationKeeper("perlmutter", self.book, people, audit, self.clock)

    async def member(self, name: str, project: str, *, active: bool = True) -> None:
        people, audit = MemoryPeople(self.memory), AuditEntry(self.clock.now(), "test", "test", "test")
        if UserName(name) not in self.memory.users:
            await people.save_user(User(0, UserName(name), active=active), audit, new=True)
        if ProjectName(project) not in self.memory.projects:
            await people.save_project(Project(0, ProjectName(project)), audit, new=True)
        await people.set_membership(ProjectName(project), UserName(name), Role.USER, audit)

    def close(self, project: str) -> None:
        name = ProjectName(project)
        self.memory.projects[name] = replace(self.memory.projects[name], active=False)

    async def apply(self) -> list[tuple[str, str | None]]:
        keeper = self.keeper
        results = await keeper.apply(await keeper.plan(), "operator:test")
        return [(str(each.step), each.problem) for each in results]

    def rows(self) -> list[tuple[str, str, str]]:
        return [(each.action, each.target, each.detail) for each in self.memory.audit if each.actor != "test"]


@pytest.fixture
def keeping() -> Keeping:
    return Keeping()


async def test_the_book_follows_and_then_nothing_is_to_be_done(keeping: Keeping) -> None:
    await keeping.member("alice", "m1")
    await keeping.member("bob", "m1")
    await keeping.member("left", "m1", active=False)
    assert await keeping.apply() == [("add account m1", None), ("add users m1: alice bob", None)]
    assert keeping.rows() == [
        ("associations.add_account", "perlmutter/m1", "done"),
        ("associations.add_users", "perlmutter/m1", "alice bob done"),
    ]
    assert await keeping.apply() == []
    keeping.close("m1")
    assert await keeping.apply() == [("remove users m1: alice bob", None)]
    assert set(keeping.book.accounts) == {"m1"}


async def test_one_who_is_refused_stops_nobody_else(keeping: Keeping) -> None:
    for name in ("alice", "bob", "carol"):
        await keeping.member(name, "m1")
    keeping.book.refused = {"bob"}
    assert await keeping.apply() == [
        ("add account m1", None),
        ("add users m1: alice", None),
        ("add users m1: bob", "There is no user bob."),
        ("add users m1: carol", None),
    ]
    assert ("associations.add_users", "perlmutter/m1", "bob refused: There is no user bob.") in keeping.rows()
    assert await keeping.apply() == [("add users m1: bob", "There is no user bob.")]


async def test_names_that_the_book_cannot_have_are_told(keeping: Keeping) -> None:
    await keeping.member("Alice", "m1")
    await keeping.member("bob", "M2")
    await keeping.member("bob", "root")
    plan = await keeping.keeper.plan()
    assert [str(step) for step in plan.steps] == ["add account m1"]
    assert len(plan.notes) == 3


async def test_a_book_that_does_not_answer_stops_everything(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    await keeping.member("alice", "m1")

    async def silent(step: AssociationStep) -> None:
        raise Unavailable("slurmdbd is away")

    monkeypatch.setattr(keeping.book, "apply", silent)
    with pytest.raises(Unavailable):
        await keeping.apply()
    assert keeping.rows() == []


def test_a_step_reads_as_a_sentence() -> None:
    step = AssociationStep(StepKind.REMOVE_USERS, "m1", ("alice", "bob"))
    assert str(step) == "remove users m1: alice bob"
    assert [str(each) for each in step.each()] == ["remove users m1: alice", "remove users m1: bob"]


async def turn(keeping: Keeping) -> None:
    """One turn of the background."""
    stop = asyncio.Event()
    running = asyncio.create_task(keeping.keeper.run(stop))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(running, 30)


async def test_in_the_background_few_are_taken_out_and_many_are_not(keeping: Keeping) -> None:
    for number in range(6):
        await keeping.member(f"user{number}", "m1")
    await turn(keeping)
    assert len(keeping.book.accounts["m1"].users) == 6
    for number in range(4):
        del keeping.memory.memberships[ProjectName("m1"), UserName(f"user{number}")]
    await turn(keeping)
    assert len(keeping.book.accounts["m1"].users) == 6
    await keeping.member("user0", "m1")
    await turn(keeping)
    assert len(keeping.book.accounts["m1"].users) == 3
    assert {each.actor for each in keeping.memory.audit} == {"test", "associations"}
