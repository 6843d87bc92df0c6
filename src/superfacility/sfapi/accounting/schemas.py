"""Bodies of allocations, shares and usage, and how they are made from the domain."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from superfacility.facility.accounting.allocations import HoursAllocation, Share, Standing, WhenExhausted
from superfacility.facility.accounting.charges import HoursKind, UsageQuery, UsageStep
from superfacility.facility.people import ProjectName, UserName

Kind = Literal["cpu", "gpu"]
RuleName = Literal["block", "warn", "ignore", "facility"]
Hours = Annotated[float | None, Field(ge=0, le=1e12, description="Node hours.")]
Begins = Annotated[date | None, Field(description="The first day, in UTC; left out: without beginning.")]
Ends = Annotated[date | None, Field(description="The last day; left out: without end.")]


class AllocationForm(BaseModel):
    """Hours that a project is given for a time."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "cpu", "hours": 5000, "begins": "2027-01-01", "ends": "2027-12-31"}]}
    )

    kind: Kind = "cpu"
    hours: Hours = None
    unlimited: bool = Field(False, description="In place of `hours`: without limit.")
    begins: Begins = None
    ends: Ends = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.hours is None) != self.unlimited:
            raise ValueError("Give hours, or say that they are unlimited.")
        return self

    def allocation(self, project: str) -> HoursAllocation:
        return HoursAllocation(0, ProjectName(project), HoursKind(self.kind), self.hours, self.begins, self.ends)


class AllocationChange(BaseModel):
    """What is left out stays."""

    hours: Hours = None
    begins: Annotated[date | None, Field(description="The first day, in UTC.")] = None
    ends: Annotated[date | None, Field(description="The last day.")] = None
    without: list[Literal["hours", "begins", "ends"]] = Field(
        [], description="What is to have no bound any more: no limit, no beginning, no end."
    )

    def changes(self) -> dict[str, Any]:
        given = {"hours": self.hours, "begins": self.begins, "ends": self.ends}
        set_anew = {name: value for name, value in given.items() if value is not None}
        return dict.fromkeys(self.without) | set_anew


class AllocationRecord(BaseModel):
    """Hours that a project was given for a time."""

    id: int
    project: str
    kind: Kind
    hours: float | None = Field(description="Node hours; null: without limit.")
    begins: date | None
    ends: date | None = Field(description="The last day that belongs to it, in UTC.")

    @classmethod
    def of(cls, allocation: HoursAllocation) -> "AllocationRecord":
        return cls(**_fields(allocation))


class StandingRecord(AllocationRecord):
    """An allocation with what was used of it, by all and by you."""

    current: bool = Field(description="Whether today belongs to it.")
    used: float
    left: float | None = Field(description="Below zero where jobs ran on; null: without limit.")
    own_hours: float | None = Field(description="The most that you may use of it.")
    own_used: float

    @classmethod
    def standing(cls, standing: Standing, today: date) -> "StandingRecord":
        return cls(
            **_fields(standing.allocation),
            current=standing.allocation.covers(today),
            used=standing.used,
            left=standing.left,
            own_hours=standing.own_given,
            own_used=standing.own_used,
        )


def _fields(allocation: HoursAllocation) -> dict[str, Any]:
    return {
        "id": allocation.id,
        "project": allocation.project,
        "kind": allocation.kind.value,
        "hours": allocation.hours,
        "begins": allocation.begins,
        "ends": allocation.ends,
    }


class ShareForm(BaseModel):
    """So many hours of each period, or so many percent of what the project has; without both there is no bound."""

    kind: Kind = "cpu"
    hours: Annotated[float | None, Field(ge=0, le=1e12)] = None
    percent: Annotated[float | None, Field(ge=0, le=100)] = None

    def share(self, project: str, user: str) -> Share:
        return Share(ProjectName(project), HoursKind(self.kind), UserName(user), self.hours, self.percent)


class ShareRecord(BaseModel):
    """The most that a member may use."""

    project: str
    user: str
    kind: Kind
    hours: float | None
    percent: float | None

    @classmethod
    def of(cls, share: Share) -> "ShareRecord":
        return cls(
            project=share.project, user=share.user, kind=share.kind.value, hours=share.hours, percent=share.percent
        )


class RuleForm(BaseModel):
    """What becomes of submissions that nobody has hours for; `facility`: as the facility has it."""

    when_exhausted: RuleName

    def rule(self) -> WhenExhausted | None:
        return None if self.when_exhausted == "facility" else WhenExhausted(self.when_exhausted)


class RuleRecord(BaseModel):
    """The project's own rule, or `facility`."""

    project: str
    when_exhausted: RuleName


class UsageStepRecord(BaseModel):
    """What was used in the time that begins on a day."""

    begins: date
    kind: Kind
    of: str = Field(description="Whose or what; empty where all is told together.")
    node_hours: float
    jobs: int


class UsageRecord(BaseModel):
    """Node hours over time; a job counts on the day it ended. Steps without any are left out."""

    project: str | None
    user: str | None
    start: date
    end: date
    step: Literal["day", "week", "month"]
    by: Literal["user", "system", "qos", "project"] | None
    cpu_hours: float
    gpu_hours: float
    steps: list[UsageStepRecord]

    @classmethod
    def of(cls, query: UsageQuery, steps: Sequence[UsageStep]) -> "UsageRecord":
        return cls(
            project=query.project,
            user=query.user,
            start=query.first,
            end=query.last,
            step=query.step.value,
            by=None if query.by is None else query.by.value,
            cpu_hours=sum(each.node_hours for each in steps if each.kind is HoursKind.CPU),
            gpu_hours=sum(each.node_hours for each in steps if each.kind is HoursKind.GPU),
            steps=[
                UsageStepRecord(
                    begins=each.begins, kind=each.kind.value, of=each.of, node_hours=each.node_hours, jobs=each.jobs
                )
                for each in steps
            ],
        )
