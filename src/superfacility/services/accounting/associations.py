"""A scheduler's accounts kept in step with projects and members: what would change, then changing it.

Members are added wherever a project has an account. Somebody is removed only from accounts that we have made ourselves,
unless the operator says `prune`; accounts that belong to no project of ours are not looked at.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.accounting.associations import AssociationBook, AssociationStep, Book, StepKind
from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Doubtful, FacilityError, InvalidInput, Unavailable
from superfacility.facility.people import People

_AT_A_TIME = 100
"""Users in one command."""
_PERIOD = 600.0
_MOST_REMOVED = 10
"""Percent of the users in accounts that may be taken out by themselves at a time, or three of them."""
ACTOR = "associations"
_log = structlog.get_logger(__name__)
_RESERVED = frozenset({"root"})


@dataclass(frozen=True, slots=True)
class AssociationPlan:
    """What would be done on a system, in this order; `notes` say what is left to people, and why. `booked`
    is how many users there are now in the accounts of our projects."""

    system: str
    steps: tuple[AssociationStep, ...]
    notes: tuple[str, ...] = ()
    booked: int = 0

    @property
    def digest(self) -> str:
        """By which the operator says which plan was looked at."""
        said = "\n".join((self.system, *map(str, self.steps)))
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    @property
    def removed(self) -> int:
        return sum(len(step.users) for step in self.steps if step.kind is StepKind.REMOVE_USERS)


@dataclass(frozen=True, slots=True)
class StepResult:
    """`problem` is None for what was done."""

    step: AssociationStep
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class AssociationKeeper:
    """One system's book."""

    system: str
    book: AssociationBook
    people: People
    audit: AuditLog
    clock: Clock
    _told: set[tuple[str, str]] = field(default_factory=set)

    async def plan(self, *, prune: bool = False) -> AssociationPlan:
        wanted, closed, notes = await self._wanted()
        return make_plan(self.system, wanted, closed, await self.book.read(), notes, prune=prune)

    async def apply(self, plan: AssociationPlan, actor: str) -> list[StepResult]:
        """Step by step; one that fails stops no other, but where the scheduler does not answer any more all stop."""
        results: list[StepResult] = []
        for step in plan.steps:
            results += await self._take(step, actor)
        return results

    async def run(self, stop: asyncio.Event) -> None:
        """In the background, where the operator wants it; never with `prune`."""
        while not stop.is_set():
            try:
                await self._turn()
            except FacilityError as problem:
                _log.warning("the accounts were not kept in step", system=self.system, why=str(problem))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PERIOD)

    async def _turn(self) -> None:
        plan = await self.plan()
        most = max(3, plan.booked * _MOST_REMOVED // 100)
        if plan.removed > most:
            _log.error(
                "too many would be taken out of accounts at a time: look at it, and do it by hand if it is right",
                system=self.system,
                removed=plan.removed,
                most=most,
                command=f"sfapi admin associations plan --system {self.system}",
            )
            return
        results = await self.apply(plan, ACTOR)
        for each in results:
            if each.problem is not None and (str(each.step), each.problem) not in self._told:
                self._told.add((str(each.step), each.problem))
                _log.warning("an account was not kept in step", step=str(each.step), why=each.problem)

    async def _take(self, step: AssociationStep, actor: str) -> list[StepResult]:
        """All its users at once; where that is refused, one by one."""
        try:
            await self.book.apply(step)
        except (Unavailable, Doubtful):
            raise
        except FacilityError as problem:
            if len(step.users) > 1:
                return [result for each in step.each() for result in await self._take(each, actor)]
            words = " ".join(str(problem).split())
            await self._write_down(step, actor, f"refused: {words}")
            return [StepResult(step, words)]
        await self._write_down(step, actor, "done")
        return [StepResult(step)]

    async def _write_down(self, step: AssociationStep, actor: str, outcome: str) -> None:
        action = f"associations.{step.kind.value.replace(' ', '_')}"
        target = f"{self.system}/{step.account}"
        detail = f"{' '.join(step.users)} {outcome}".strip()
        await self.audit.append(AuditEntry(self.clock.now(), actor, action, target, detail=detail))

    async def _wanted(self) -> tuple[dict[str, frozenset[str]], frozenset[str], list[str]]:
        """Active members by account, accounts of closed projects, and what cannot be an account or a user there."""
        active = {user.name for user in await self.people.users() if user.active}
        members: dict[str, set[str]] = {}
        for each in await self.people.memberships():
            if each.user in active:
                members.setdefault(each.project.name, set()).add(each.user)
        wanted: dict[str, frozenset[str]] = {}
        closed, notes = set(), []
        for project in await self.people.projects():
            if project.name != project.name.lower() or project.name in _RESERVED:
                notes.append(f"The project {project.name} cannot have an account: names there have small letters.")
            elif project.active:
                wanted[project.name] = frozenset(members.get(project.name, ()))
            else:
                closed.add(str(project.name))
        large = sorted({name for names in wanted.values() for name in names if name != name.lower()})
        notes += [f"The user {name} cannot be in an account: names there have small letters." for name in large]
        small = {project: frozenset(names - set(large)) for project, names in wanted.items()}
        return small, frozenset(closed), notes


def make_plan(
    system: str,
    wanted: Mapping[str, frozenset[str]],
    closed: frozenset[str],
    book: Book,
    notes: Sequence[str] = (),
    *,
    prune: bool = False,
) -> AssociationPlan:
    """Accounts first, then users; whoever loses the account that their jobs are charged to by default gets another one
    before. Accounts themselves are never removed: what was charged to them hangs on them."""
    told = list(notes)
    adding: list[AssociationStep] = []
    leaving: dict[str, frozenset[str]] = {}
    for account in sorted({*wanted, *closed & set(book.accounts)}):
        there = book.accounts.get(account)
        members, booked = wanted.get(account, frozenset()), frozenset() if there is None else there.users
        if there is None and account in wanted:
            adding.append(AssociationStep(StepKind.ADD_ACCOUNT, account))
        adding += _in_parts(StepKind.ADD_USERS, account, members - booked)
        if strangers := booked - members:
            if prune or (there is not None and there.ours):
                leaving[account] = strangers
            else:
                told.append(
                    f"{account}: {', '.join(sorted(strangers))} may charge jobs to it and is no member here. The "
                    "account was not made by us: --prune takes them out."
                )
    after = _after(wanted, leaving, book)
    booked_now = sum(len(account.users) for name, account in book.accounts.items() if name in wanted or name in closed)
    defaults = _defaults(leaving, after, book)
    removing = [
        step for account in sorted(leaving) for step in _in_parts(StepKind.REMOVE_USERS, account, leaving[account])
    ]
    return AssociationPlan(system, (*adding, *defaults, *removing), tuple(told), booked_now)


def _after(
    wanted: Mapping[str, frozenset[str]], leaving: Mapping[str, frozenset[str]], book: Book
) -> dict[str, frozenset[str]]:
    """Who is in which account when all is done."""
    nobody: frozenset[str] = frozenset()
    booked = {name: account.users for name, account in book.accounts.items()}
    return {
        account: (booked.get(account, nobody) | wanted.get(account, nobody)) - leaving.get(account, nobody)
        for account in {*wanted, *booked}
    }


def _defaults(
    leaving: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]], book: Book
) -> list[AssociationStep]:
    moved: dict[str, set[str]] = {}
    for account, users in leaving.items():
        for user in users:
            others = sorted(name for name, members in after.items() if user in members)
            if book.defaults.get(user) == account and others:
                moved.setdefault(others[0], set()).add(user)
    return [step for to in sorted(moved) for step in _in_parts(StepKind.SET_DEFAULT, to, frozenset(moved[to]))]


def _in_parts(kind: StepKind, account: str, users: frozenset[str]) -> list[AssociationStep]:
    names = sorted(users)
    return [
        AssociationStep(kind, account, tuple(names[start : start + _AT_A_TIME]))
        for start in range(0, len(names), _AT_A_TIME)
    ]


def check_digest(plan: AssociationPlan, digest: str) -> None:
    """`InvalidInput` unless that is the plan which was looked at."""
    if plan.digest != digest:
        raise InvalidInput(
            f"The plan is {plan.digest} now, not {digest}: something has changed since. Look at it again: "
            f"sfapi admin associations plan --system {plan.system}"
        )
