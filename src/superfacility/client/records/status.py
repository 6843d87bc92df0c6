"""Resources, outages and notes."""

from dataclasses import dataclass
from datetime import datetime

from superfacility.client.records.reading import Row, moment, text


@dataclass(frozen=True, slots=True)
class Resource:
    """A system, a filesystem or a service, and how it is now."""

    name: str
    full_name: str
    state: str
    """`active`, `degraded`, `unavailable` or `other`."""
    description: str
    kind: str
    notes: tuple[str, ...]
    updated_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> "Resource":
        return cls(
            name=str(row["name"]),
            full_name=text(row, "full_name"),
            state=text(row, "status"),
            description=text(row, "description"),
            kind=text(row, "system_type"),
            notes=tuple(map(str, row.get("notes") or ())),
            updated_at=moment(row.get("updated_at")),
        )


@dataclass(frozen=True, slots=True)
class Outage:
    """A downtime: planned, in effect or past. `state` as `Active`, `Planned`, `Completed`, `Cancelled`, `Extended`."""

    resource: str
    state: str
    start_at: datetime | None
    end_at: datetime | None
    description: str
    notes: str

    @classmethod
    def of(cls, row: Row) -> "Outage":
        return cls(
            resource=str(row["name"]),
            state=text(row, "status"),
            start_at=moment(row.get("start_at")),
            end_at=moment(row.get("end_at")),
            description=text(row, "description"),
            notes=text(row, "notes"),
        )


@dataclass(frozen=True, slots=True)
class Note:
    """An announcement about a resource."""

    resource: str
    text: str
    active: bool
    posted_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> "Note":
        return cls(str(row["name"]), text(row, "notes"), bool(row.get("active")), moment(row.get("timestamp")))
