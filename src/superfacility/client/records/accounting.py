"""Hours that projects were given, and what was used over time. Days are ISO dates in UTC."""

from dataclasses import dataclass

from superfacility.client.records.reading import Row, record, rows


@dataclass(frozen=True, slots=True)
class Allocation:
    """Hours of one kind for a time. None: without limit, beginning or end; `own_hours` is the most that you may use."""

    id: int
    project: str
    kind: str
    hours: float | None
    begins: str | None
    ends: str | None
    current: bool
    used: float
    left: float | None
    own_hours: float | None
    own_used: float

    @classmethod
    def of(cls, row: Row) -> "Allocation":
        return record(cls, row)


@dataclass(frozen=True, slots=True)
class GivenHours:
    """The same as staff have just given, changed or taken away, without what was used of it."""

    id: int
    project: str
    kind: str
    hours: float | None
    begins: str | None
    ends: str | None

    @classmethod
    def of(cls, row: Row) -> "GivenHours":
        return record(cls, row)


@dataclass(frozen=True, slots=True)
class Share:
    """The most that a member may use of a project's hours in each of its periods: hours, or percent."""

    project: str
    user: str
    kind: str
    hours: float | None
    percent: float | None

    @classmethod
    def of(cls, row: Row) -> "Share":
        return record(cls, row)


@dataclass(frozen=True, slots=True)
class UsageStep:
    """What was used in the time that begins on that day; `of` is empty where all is told together."""

    begins: str
    kind: str
    of: str
    node_hours: float
    jobs: int

    @classmethod
    def of_row(cls, row: Row) -> "UsageStep":
        return record(cls, row)


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a project, or your own in all of them; steps without any are left out."""

    project: str | None
    start: str
    end: str
    step: str
    cpu_hours: float
    gpu_hours: float
    steps: tuple[UsageStep, ...]

    @classmethod
    def of(cls, row: Row) -> "Usage":
        return record(cls, row, steps=tuple(map(UsageStep.of_row, rows(row.get("steps")))))
