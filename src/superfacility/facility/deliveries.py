"""Callbacks that are owed: whose job is watched, what must be sent, and what became of it.

A watch is made before the job exists and ends with it. Everything that one step of following the events changes (the
place reached in the log, what is known of jobs, deliveries) is one transaction, so that a kill between two steps
neither loses nor doubles anything.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.jobs import JobId, JobState
from superfacility.facility.people import UserName


class Channel(StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"


class DeliveryState(StrEnum):
    """pending -> delivered | dead; a redelivery makes either pending again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up; kept, and redeliverable."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody wants to hear of the end of a job. `job_id` is None until the submission has made one.

    `since` is the last event of the log before the submission: the job's own come later. At `deadline` the caller wants
    to hear although the job has not ended. `settling` is an array whose known elements have all ended.
    """

    task_id: str
    owner: UserName
    system: str
    created_at: datetime
    since: int
    url: str | None = None
    email: str | None = None
    deadline: datetime | None = None
    job_id: JobId | None = None
    settling: bool = False


@dataclass(frozen=True, slots=True)
class Element:
    """A watched job, or one element of a watched array, as last heard. A state of None: it ended, nobody knows how."""

    task_id: str
    job_id: str
    state: JobState | None
    exit_code: int | None = None

    @property
    def over(self) -> bool:
        return self.state is None or self.state.terminal


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What must be sent: `body` to `target`. `place` is the host that it goes to, `message_id` stays the same in every
    attempt. `dead_because` says why it is not even tried. One submission has one delivery of a kind and channel."""

    task_id: str
    owner: UserName
    system: str
    job_id: JobId | None
    channel: Channel
    target: str
    place: str
    kind: str
    body: str
    message_id: str
    created_at: datetime
    give_up_at: datetime
    dead_because: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an attempt ended. `due_at` counts for a pending one; `status` is the HTTP status, if there was an answer."""

    state: DeliveryState
    at: datetime
    due_at: datetime | None = None
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """`attempts` counts since it was made or made pending again; `updated_at` is when it last changed."""

    id: int
    what: NewDelivery
    state: DeliveryState
    attempts: int
    due_at: datetime
    give_up_at: datetime
    updated_at: datetime
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step along the log: events up to `cursor` are dealt with. All lists of watches are task ids."""

    cursor: int
    bound: Mapping[str, JobId] = field(default_factory=dict)
    elements: Sequence[Element] = ()
    settling: Collection[str] = ()
    timed_out: Collection[str] = ()
    ended: Collection[str] = ()
    deliveries: Sequence[NewDelivery] = ()


@dataclass(frozen=True, slots=True)
class SigningSalt:
    """What a person's signing secret is derived from, of no use without the key that is not in the database."""

    current: str
    previous: str | None = None
    rotated_at: datetime | None = None


class CallbackStore(Protocol):
    """Times are aware. Only open watches are ever returned."""

    async def watch(self, watch: Watch) -> None:
        """Nothing if that task has one already, open or ended."""

    async def cursor(self) -> int:
        """The last event that was dealt with; 0 at first."""

    async def unbound(self) -> Sequence[Watch]:
        """Those without a job yet, oldest first."""

    async def overdue(self, now: datetime) -> Sequence[Watch]: ...

    async def settling(self) -> Sequence[Watch]: ...

    async def watching(self, jobs: Collection[tuple[str, str]]) -> Sequence[Watch]:
        """Those of these jobs, each given as system and job id (of an array: the parent's)."""

    async def elements(self, task_ids: Collection[str]) -> Sequence[Element]: ...

    async def commit(self, step: Step) -> None:
        """All or nothing. A delivery that is there already is left as it is."""

    async def pending(self, owner: UserName) -> int:
        """How many deliveries of theirs wait."""

    async def due(self, now: datetime, limit: int, *, per_place: int, per_owner: int) -> Sequence[Delivery]:
        """Pending ones whose time has come, longest due first, at most so many to one place and of one owner. None
        whose predecessor (an earlier one of the same submission and channel) is pending itself."""

    async def settle(self, delivery_id: int, settlement: Settlement) -> None:
        """Counts the attempt."""

    async def delivery(self, delivery_id: int) -> Delivery | None: ...

    async def deliveries(
        self, owner: UserName, *, state: DeliveryState | None = None, limit: int = 100
    ) -> Sequence[Delivery]:
        """Newest first."""

    async def redeliver(self, delivery_id: int, now: datetime, give_up_at: datetime, audit: AuditEntry) -> Delivery:
        """Make it due now, with a new count of attempts, whatever its state. `NotFound` if there is none."""

    async def salt(self, owner: UserName) -> SigningSalt | None: ...

    async def save_salt(self, owner: UserName, salt: SigningSalt, audit: AuditEntry | None = None) -> SigningSalt:
        """Replace it, if there is an `audit` row; otherwise keep what is there. Returns what then is there."""

    async def purge(self, before: datetime) -> int:
        """Delete deliveries that are not pending and watches that have ended, both unchanged since; returns how many
        deliveries."""
