"""Hours that projects were given for a time, how members share them, and what happens when they are used up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from superfacility.facility.accounting.charges import HoursKind
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict
from superfacility.facility.people import ProjectName, UserName


class WhenExhausted(StrEnum):
    """What becomes of a submission that nobody has hours for."""

    BLOCK = "block"
    WARN = "warn"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class HoursAllocation:
    """Node hours of one kind (None: without limit) from the day `begins` to the day `ends`, both included, in UTC; None
    is without beginning or end. Those of one project and kind never overlap.

    A project that was never given hours of a kind has them without limit. A job counts on the day it ended.
    """

    id: int
    project: ProjectName
    kind: HoursKind
    hours: float | None
    begins: date | None = None
    ends: date | None = None

    @property
    def period(self) -> str:
        """In words that stand behind those that say what was given."""
        if self.begins is None:
            return "without end" if self.ends is None else f"until {self.ends}"
        return f"from {self.begins} on" if self.ends is None else f"from {self.begins} to {self.ends}"

    def covers(self, day: date) -> bool:
        return (self.begins is None or self.begins <= day) and (self.ends is None or day <= self.ends)

    def overlaps(self, other: "HoursAllocation") -> bool:
        return (self.begins is None or other.ends is None or self.begins <= other.ends) and (
            other.begins is None or self.ends is None or other.begins <= self.ends
        )


@dataclass(frozen=True, slots=True)
class Share:
    """The most that a member may use of a project's hours of one kind in each of its periods: so many hours, or so
    many percent of what the project has. Shares are bounds, not reservations: together they may be more than 100."""

    project: ProjectName
    kind: HoursKind
    user: UserName
    hours: float | None = None
    percent: float | None = None

    def of(self, given: float | None) -> float | None:
        """In hours; None: without limit."""
        if self.hours is not None:
            return self.hours if given is None else min(self.hours, given)
        return None if given is None or self.percent is None else given * self.percent / 100


@dataclass(frozen=True, slots=True)
class Standing:
    """An allocation with what all members and one of them have used of it."""

    allocation: HoursAllocation
    used: float = 0.0
    own_used: float = 0.0
    share: Share | None = None

    @property
    def left(self) -> float | None:
        """Below zero where jobs ran on; None: without limit."""
        given = self.allocation.hours
        return None if given is None else given - self.used

    @property
    def own_given(self) -> float | None:
        given = self.allocation.hours
        return given if self.share is None else self.share.of(given)


def current(standings: Sequence[Standing], day: date) -> Standing | None:
    """Of those of one project and kind, in order: the one that covers the day, or else the last before it, or else the
    first after it."""
    covering = [each for each in standings if each.allocation.covers(day)]
    begun = [each for each in standings if each.allocation.begins is None or each.allocation.begins <= day]
    return next(iter([*covering, *reversed(begun), *standings]), None)


def check_others(allocation: HoursAllocation, others: int, *, unlimited: bool) -> None:
    """`Conflict` if a project that has so many others of the kind lost the last bound by that."""
    if not others and not unlimited:
        raise Conflict(
            f"Without its last allocation {allocation.project} has {allocation.kind.value} hours without limit: "
            "change the allocation to 0 hours, or say that it is to be unlimited."
        )


@dataclass(frozen=True, slots=True)
class Payer:
    """The project that a submission would be charged to, and how it stands on that day.

    `standing` is None where no allocation covers the day: `limited` tells whether the project has others, before or
    after it. `rule` is the project's own.
    """

    project: ProjectName
    active: bool
    limited: bool = False
    standing: Standing | None = None
    rule: WhenExhausted | None = None


def overlap(found: HoursAllocation) -> Conflict:
    """Why an allocation cannot be where `found` is."""
    return Conflict(
        f"{found.project} has {found.kind.value.upper()} hours {found.period} already, allocation {found.id}: change "
        "or remove that one first, or choose days that it does not cover."
    )


class Allocations(Protocol):
    """Every change is committed together with its audit row.

    Changes raise `NotFound` for a project, allocation or member that is not there, `Conflict` for an allocation that
    would overlap another.
    """

    async def standings(self, projects: Sequence[ProjectName], *, user: UserName | None = None) -> Sequence[Standing]:
        """All allocations of these projects, by project, kind and beginning; `own_used` and `share` are of `user`."""

    async def payer(self, user: UserName, named: str, kind: HoursKind, day: date) -> Payer | None:
        """The project of that name if the user is a member, or else the first active one, as jobs are charged; None
        for somebody without any. One read: it is made with every submission."""

    async def add(self, allocation: HoursAllocation, audit: AuditEntry) -> HoursAllocation:
        """With a new id."""

    async def change(self, allocation: HoursAllocation, audit: AuditEntry) -> None:
        """Hours and days, by id; project and kind stay."""

    async def remove(self, allocation_id: int, audit: AuditEntry, *, unlimited: bool = False) -> None:
        """`Conflict` for the last one of its project and kind, unless the project is to have hours without limit."""

    async def shares(self, project: ProjectName) -> Sequence[Share]:
        """By kind and user. Who leaves the project loses their share."""

    async def set_share(self, share: Share, audit: AuditEntry) -> None:
        """One without hours and percent removes it."""

    async def rule(self, project: ProjectName) -> WhenExhausted | None:
        """The project's own; None: it follows the facility's."""

    async def set_rule(self, project: ProjectName, rule: WhenExhausted | None, audit: AuditEntry) -> None: ...

    async def claim_notice(self, allocation_id: int, percent: int) -> bool:
        """Whether the caller is the first to say that so much is used. A change of the allocation forgets it."""
