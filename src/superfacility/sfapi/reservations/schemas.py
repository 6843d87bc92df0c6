"""Bodies of `/reservations`, and how they are made from reservations."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from superfacility.facility.errors import InvalidInput
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.http.times import Timestamp
from superfacility.tasks.task import Task


class ReservationRecord(BaseModel):
    """Cores or nodes set aside between two times."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "beamtime",
                    "start": "2026-06-01T08:00:00+00:00",
                    "end": "2026-06-01T20:00:00+00:00",
                    "nodes": None,
                    "cores": 2,
                    "users": ["demo1"],
                    "projects": ["m0001"],
                    "state": "INACTIVE",
                }
            ]
        }
    )

    name: str
    start: Timestamp
    end: Timestamp
    nodes: int | None = Field(description="Slurm tells nodes and cores, whichever was asked for.")
    cores: int | None
    users: list[str]
    projects: list[str]
    state: str = Field(description="`ACTIVE` between start and end, else `INACTIVE`.")

    @classmethod
    def of(cls, reservation: Reservation) -> "ReservationRecord":
        return cls(
            name=reservation.name,
            start=reservation.start,
            end=reservation.end,
            nodes=reservation.nodes,
            cores=reservation.cores,
            users=list(reservation.users),
            projects=list(reservation.projects),
            state=reservation.state,
        )


class ReservationForm(BaseModel):
    """A reservation to create. Times without an offset are in the facility's local time."""

    name: str = Field(examples=["beamtime"])
    start: datetime = Field(examples=["2026-06-01T08:00:00+00:00"])
    end: datetime = Field(examples=["2026-06-01T20:00:00+00:00"])
    nodes: int | None = Field(default=None, description="Either nodes or cores.")
    cores: int | None = Field(default=None, description="Either nodes or cores.", examples=[2])
    users: list[str] = Field(default=[], description="Who may use it; you, if neither users nor projects are given.")
    projects: list[str] = Field(default=[], description="Projects whose members may use it.")

    def reservation(self) -> Reservation:
        return Reservation(
            name=ReservationName(self.name),
            start=_aware(self.start),
            end=_aware(self.end),
            nodes=self.nodes,
            cores=self.cores,
            users=_names(self.users),
            projects=_names(self.projects),
        )


class ReservationChangeForm(BaseModel):
    """What to change of a reservation. Times without an offset are in the facility's local time."""

    start: datetime | None = Field(default=None, examples=["2026-06-01T08:00:00+00:00"])
    end: datetime | None = Field(default=None, examples=["2026-06-01T20:00:00+00:00"])
    nodes: int | None = Field(default=None, description="Either nodes or cores.")
    cores: int | None = Field(default=None, description="Either nodes or cores; Slurm takes nodes alone.")
    users: list[str] | None = Field(
        default=None, description="All who may use it, in place of those who may now; an empty list for none."
    )
    projects: list[str] | None = Field(
        default=None, description="All projects whose members may use it; an empty list for none."
    )

    def change(self) -> ReservationChange:
        return ReservationChange(
            start=None if self.start is None else _aware(self.start),
            end=None if self.end is None else _aware(self.end),
            nodes=self.nodes,
            cores=self.cores,
            users=None if self.users is None else _names(self.users),
            projects=None if self.projects is None else _names(self.projects),
        )


class ReservationTask(BaseModel):
    """The task that does what was asked for; follow it with `GET /tasks/{id}`."""

    task_id: str = Field(description="Empty on an error.")
    status: Literal["OK", "ERROR"]
    error: str | None

    @classmethod
    def accepted(cls, task: Task) -> "ReservationTask":
        return cls(task_id=task.id, status="OK", error=None)

    @classmethod
    def refused(cls, error: Exception) -> "ReservationTask":
        return cls(task_id="", status="ERROR", error=str(error))


def _aware(time: datetime) -> datetime:
    try:
        time = time if time.tzinfo else time.astimezone()
        time.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidInput(f"{time} lies beyond the calendar; choose a time nearer to now.") from None
    return time


def _names(values: list[str]) -> tuple[str, ...]:
    """Repeated keys and commas both separate."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())
