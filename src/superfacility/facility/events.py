"""What happened, in the order in which it became known: rows that are only ever appended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from superfacility.facility.jobs import submission_id
from superfacility.facility.people import ProjectName, UserName


class EventKind(StrEnum):
    """As on the wire."""

    JOB = "job"
    """A job appeared, or changed its state; `data` has `jobid`, `state`, `previous` and, at the end, `exit_code`."""
    JOB_LOST = "job.lost"
    """A job left the queue and no accounting knows how it ended: `ended_unknown`."""
    RESOURCE = "resource"
    """A resource changed its state; `data` has `name`, `state`, `previous`, `description`. Public."""
    OUTAGE = "outage"
    """An outage was announced, changed, began or ended. Public."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """`subject` is the job's id or the resource's name; `user` is None for what is public. `at` is aware."""

    kind: EventKind
    at: datetime
    subject: str
    system: str = ""
    user: UserName | None = None
    project: ProjectName | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """`id` grows with every event; whoever has read up to an id has missed nothing before it."""

    id: int
    what: NewEvent


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Empty fields do not filter; the others are combined by AND. `subject` also matches elements of that
    array, and parts of that heterogeneous job."""

    kinds: frozenset[EventKind] = frozenset()
    system: str | None = None
    subject: str | None = None
    user: UserName | None = None

    def matches(self, event: NewEvent) -> bool:
        return (
            (not self.kinds or event.kind in self.kinds)
            and (self.system is None or event.system == self.system)
            and (self.subject is None or self.subject in {event.subject, submission_id(event.subject)})
            and (self.user is None or event.user == self.user)
        )


class EventLog(Protocol):
    """Appends and reads. An event is visible to every process once `append` has returned."""

    async def append(self, events: Sequence[NewEvent]) -> None:
        """All or none, in this order."""

    async def after(self, event_id: int, *, limit: int = 1000) -> Sequence[Event]:
        """The next ones after that id, oldest first, unfiltered."""

    async def last_id(self) -> int:
        """0 while there are none."""

    async def first_id(self) -> int:
        """The oldest that is kept; 0 while there are none."""

    async def wait(self, timeout: float) -> None:
        """Until there may be new ones, also of another process, at most `timeout` seconds."""

    async def purge(self, before: datetime) -> int:
        """Delete what is older; returns how many."""
