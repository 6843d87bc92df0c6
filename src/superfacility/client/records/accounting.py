"""Hours that projects were given, and what was used over time. Days are ISO dates in UTC."""

from dataclasses import dataclass

from superfacility.client.records.reading import Row, number, rows, text


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
        return cls(
            id=int(row["id"]),
            project=str(row["project"]),
            kind=str(row["kind"]),
            hours=number(row, "hours"),
            begins=text(row, "begins") or None,
            ends=text(row, "ends") or None,
            current=bool(row.get("current")),
            used=number(row, "used") or 0.0,
            left=number(row, "left"),
            own_hours=number(row, "own_hours"),
            own_used=number(row, "own_used") or 0.0,
        )


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
        bounds = number(row, "hours"), number(row, "percent")
        return cls(str(row["project"]), str(row["user"]), str(row["kind"]), *bounds)


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
        hours = number(row, "node_hours") or 0.0
        return cls(str(row["begins"]), str(row["kind"]), text(row, "of"), hours, int(row.get("jobs") or 0))


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
        return cls(
            project=text(row, "project") or None,
            start=str(row["start"]),
            end=str(row["end"]),
            step=str(row["step"]),
            cpu_hours=number(row, "cpu_hours") or 0.0,
            gpu_hours=number(row, "gpu_hours") or 0.0,
            steps=tuple(map(UsageStep.of_row, rows(row.get("steps")))),
        )
