"""Everybody in the directory, by turns: what would change, and changing it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import Conflict, Doubtful, FacilityError, Unavailable
from superfacility.facility.membership.directory import (
    DirectoryMirror,
    DirectoryReading,
    DirectoryUser,
    Mirrored,
    MirrorStep,
    PeopleDirectory,
)
from superfacility.facility.people import People, UserName
from superfacility.services.directory.contact import Contact
from superfacility.services.directory.verdicts import ACTOR, Groups, Refusal, Rules, Verdict, judge, loses

_AT_A_TIME = 200
"""Users in one transaction: nobody else's write waits for thousands."""
_MOST_TOLD = 20
_log = structlog.get_logger(__name__)


class TooManyLose(Conflict):
    """So many users would lose something that the directory is rather broken than right."""


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What following the directory would do now. `watched` are the users that are tied to it and in force."""

    steps: tuple[MirrorStep, ...]
    refusals: tuple[Refusal, ...]
    flaws: tuple[str, ...]
    missing: tuple[str, ...]
    people: int
    watched: int

    @property
    def losers(self) -> tuple[UserName, ...]:
        return tuple(step.user.name for step in self.steps if loses(step))


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What came of it: the steps that were taken, and what was not done."""

    done: tuple[MirrorStep, ...]
    refusals: tuple[Refusal, ...]


class DirectorySync:
    """Reads the whole directory each time: what is not there any more can be seen in no other way."""

    def __init__(
        self,
        directory: PeopleDirectory,
        mirror: DirectoryMirror,
        people: People,
        contact: Contact,
        clock: Clock,
        rules: Rules | None = None,
        *,
        period: float = 300.0,
    ) -> None:
        self._directory = directory
        self._mirror = mirror
        self._people = people
        self._contact = contact
        self._clock = clock
        self._rules = rules or Rules()
        self._period = period
        self._told: object = None

    async def plan(self) -> SyncPlan:
        """`Unavailable` unless the directory was read in full."""
        reading = await self._directory.read(self._rules.groups)
        now = self._clock.now()
        self._contact.remember(now)
        here = await self._mirror.everybody()
        projects = frozenset(project.name for project in await self._people.projects())
        groups = Groups(self._rules, reading.missing, projects)
        owners = Owners.of(here)
        verdicts = [
            owners.check(judge(name, found, here.get(name), now, groups), found)
            for name, found in _pairs(reading, here)
        ]
        return SyncPlan(
            steps=tuple(each.step for each in verdicts if each.step is not None),
            refusals=tuple(each.refusal for each in verdicts if each.refusal is not None),
            flaws=reading.flaws,
            missing=tuple(sorted(reading.missing)),
            people=len(reading.users),
            watched=watched(here),
        )

    async def apply(self, plan: SyncPlan, *, force: bool = False, actor: str = ACTOR) -> SyncReport:
        """`TooManyLose` if more lose something than may at a time, unless `force`: then nothing is done."""
        losers, most = plan.losers, self._rules.most(plan.watched)
        if len(losers) > most and not force:
            raise TooManyLose(
                f"{len(losers)} of {plan.watched} users would lose access, rights or memberships, and at most {most} "
                "may at a time (directory.most_lost_percent). Nothing was changed. Look whether the directory is "
                "whole: sfapi admin directory sync --dry-run; if it is right: sfapi admin directory sync --force"
            )
        done: list[MirrorStep] = []
        refusals = list(plan.refusals)
        steps = [replace(step, audit=replace(step.audit, actor=actor)) for step in plan.steps]
        for start in range(0, len(steps), _AT_A_TIME):
            taken, refused = await self._take(steps[start : start + _AT_A_TIME])
            done += taken
            refusals += refused
        return SyncReport(tuple(done), tuple(refusals))

    async def _take(self, steps: Sequence[MirrorStep]) -> tuple[Sequence[MirrorStep], list[Refusal]]:
        """All at once, or where one of them does not fit any more, one by one. A database that is lost says nothing of
        whether they fit: the next turn looks anew."""
        try:
            await self._mirror.apply(steps)
        except (Doubtful, Unavailable):
            raise
        except FacilityError as problem:
            if len(steps) == 1:
                return [], [Refusal(steps[0].user.name, str(problem))]
        else:
            return steps, []
        done: list[MirrorStep] = []
        refused: list[Refusal] = []
        for step in steps:
            taken, why = await self._take([step])
            done += taken
            refused += why
        return done, refused

    async def run(self, stop: asyncio.Event) -> None:
        """In the background: a directory that does not answer, or is not to be believed, changes nothing."""
        while not stop.is_set():
            await self._turn()
            try:
                await asyncio.wait_for(stop.wait(), self._period)
            except TimeoutError:
                continue

    async def _turn(self) -> None:
        try:
            plan = await self.plan()
            report = await self.apply(plan)
        except FacilityError as problem:
            why = str(problem)
            self._tell_once(why, lambda: _log.error("the directory was not followed", why=why))
            return
        if report.done:
            _log.info("the directory was followed", changed=len(report.done), lost=len(plan.losers))
        refused = [each.why for each in report.refusals][:_MOST_TOLD]
        state = (refused, plan.flaws[:_MOST_TOLD], plan.missing)
        self._tell_once(state, lambda: self._tell(plan, refused))

    def _tell(self, plan: SyncPlan, refused: list[str]) -> None:
        for why in refused:
            _log.warning("a user of the directory was not followed", why=why)
        for flaw in plan.flaws[:_MOST_TOLD]:
            _log.warning("an entry of the directory says nothing certain", entry=flaw)
        for group in plan.missing:
            _log.warning("a group of the configuration is not in the directory", group=group)

    def _tell_once(self, state: object, tell: Callable[[], None]) -> None:
        """Not again each period."""
        if state != self._told:
            self._told = state
            tell()


def watched(here: Mapping[UserName, Mirrored]) -> int:
    return sum(each.link is not None and each.user.active for each in here.values())


def _pairs(reading: DirectoryReading, here: Mapping[UserName, Mirrored]) -> list[tuple[UserName, DirectoryUser | None]]:
    """Everybody who is in one of both, but for those of whom nothing certain is known."""
    found = {user.name: user for user in reading.users}
    names = (set(found) | {name for name, each in here.items() if each.link is not None}) - reading.doubtful
    return [(name, found.get(name)) for name in sorted(names)]


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose the entries and the numbers are here."""

    entries: Mapping[str, UserName]
    numbers: Mapping[int, UserName]

    @classmethod
    def of(cls, here: Mapping[UserName, Mirrored]) -> "Owners":
        return cls(
            {each.link.id: name for name, each in here.items() if each.link is not None},
            {each.user.uid: name for name, each in here.items()},
        )

    def check(self, verdict: Verdict, found: DirectoryUser | None) -> Verdict:
        """The same, unless the entry or the number is another user's: who was renamed, or got a number again."""
        if found is None or verdict.step is None or not verdict.step.user.active:
            return verdict
        if (owner := self.entries.get(found.id, found.name)) != found.name:
            return Verdict(refusal=Refusal(found.name, _renamed(owner, found.name)))
        if (owner := self.numbers.get(found.uid, found.name)) != found.name:
            return Verdict(refusal=Refusal(found.name, _number_taken(owner, found)))
        return verdict


def _renamed(before: UserName, now: UserName) -> str:
    return (
        f"{before} is called {now} in the directory now. Names do not change here, since jobs, files and programs go "
        f"by them: give the entry its name back, or have {now} begin anew with an entry and a number of their own."
    )


def _number_taken(owner: UserName, found: DirectoryUser) -> str:
    return (
        f"{found.name} has the number {found.uid} in the directory, which is {owner}'s here, whose files and jobs "
        f"go by it: give {found.name} another number there."
    )
