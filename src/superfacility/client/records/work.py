"""Tasks, commands, transfers, reservations and events."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from superfacility.client.records.reading import Row, moment, text, whole_number


@dataclass(frozen=True, slots=True)
class Task:
    """Work that the facility does for you. `state`: `new` (waits or runs), `completed`, `cancelled` or `failed`."""

    id: str
    state: str
    result: Mapping[str, Any] | None

    @classmethod
    def of(cls, row: Row) -> "Task":
        return cls(str(row["id"]), str(row["status"]), _result(row.get("result")))

    @property
    def has_ended(self) -> bool:
        return self.state != "new"

    @property
    def error(self) -> str:
        """Why it did not do what it should, in words; empty where it did."""
        words = str((self.result or {}).get("error") or "").rstrip()
        if self.state in {"failed", "cancelled"}:
            return words or f"Task {self.id} was {self.state}." if self.state == "cancelled" else words or "It failed."
        return words if (self.result or {}).get("status") == "error" else ""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command wrote and how it ended."""

    output: str
    error: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """A copy between endpoints. `state`: ACTIVE, SUCCEEDED, FAILED or CANCELED."""

    id: str
    state: str
    bytes_transferred: int
    bytes_per_second: int | None
    completed_at: datetime | None
    reason: str

    @classmethod
    def of(cls, row: Row, transfer_id: str) -> "Transfer":
        return cls(
            id=transfer_id,
            state=text(row, "globus_status"),
            bytes_transferred=whole_number(row, "bytes_transferred") or 0,
            bytes_per_second=whole_number(row, "effective_bytes_per_second"),
            completed_at=moment(row.get("completion_time")),
            reason=text(row, "reason"),
        )

    @property
    def has_ended(self) -> bool:
        return self.state in {"SUCCEEDED", "FAILED", "CANCELED"}


@dataclass(frozen=True, slots=True)
class Reservation:
    """Nodes or cores set aside between two times."""

    name: str
    start: datetime | None
    end: datetime | None
    nodes: int | None
    cores: int | None
    users: tuple[str, ...]
    projects: tuple[str, ...]
    state: str

    @classmethod
    def of(cls, row: Row) -> "Reservation":
        return cls(
            name=str(row["name"]),
            start=moment(row.get("start")),
            end=moment(row.get("end")),
            nodes=whole_number(row, "nodes"),
            cores=whole_number(row, "cores"),
            users=tuple(map(str, row.get("users") or ())),
            projects=tuple(map(str, row.get("projects") or ())),
            state=text(row, "state"),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """What changed. `kind`: `job`, `job.lost`, `resource`, `outage` or `reset`; `data` as the server words it."""

    id: str
    kind: str
    data: Mapping[str, Any]


def _result(value: Any) -> Mapping[str, Any] | None:
    """A JSON text; whatever else a server sends is its `output`."""
    if value is None:
        return None
    try:
        content = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        content = value
    return content if isinstance(content, Mapping) else {"output": content}
