"""What the scheduler remembers of submissions, jobs and reservations, and how that is written as JSON.

Times are seconds since the epoch, so that records sort, travel and survive without conversion.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from superfacility.adapters.embedded.request.request import JobRequest

Record = TypeVar("Record")

PENDING, RUNNING = "PENDING", "RUNNING"
COMPLETED, FAILED, CANCELLED, TIMEOUT = "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"


@dataclass(frozen=True, slots=True)
class Submission:
    """One call of `sbatch`: what all elements of an array share. `id` is the job id, or the array's."""

    id: int
    user: str
    uid: int
    gid: int
    request: JobRequest
    work_dir: str
    command: str
    submitted: float
    intent: str = ""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job or array element. `id` is its own number (`jobidraw`), `submission` that of the whole.

    `ended` is set on positive evidence alone; `elapsed` is measured by the supervisor's monotonic clock. `qos` is set
    where it was changed after submission. `requeued` says that the job waits again once what runs of it has ended.
    """

    id: int
    submission: int
    state: str = PENDING
    task: int | None = None
    limit: int | None = None
    reason: str = "None"
    held: bool = False
    started: float | None = None
    ended: float | None = None
    elapsed: float = 0.0
    exit_code: int = 0
    signal: int = 0
    cancelled_by: int | None = None
    qos: str = ""
    requeued: bool = False
    restarts: int = 0
    cpu_seconds: float = 0.0
    system_seconds: float = 0.0
    max_rss: int = 0

    @property
    def active(self) -> bool:
        return self.state in (PENDING, RUNNING)

    @property
    def public_id(self) -> str:
        """`123`, or `123_7`."""
        return str(self.id) if self.task is None else f"{self.submission}_{self.task}"

    def qos_of(self, submission: Submission) -> str:
        return self.qos or submission.request.qos

    @property
    def succeeded(self) -> bool:
        return self.state == COMPLETED


@dataclass(frozen=True, slots=True)
class ReservationRecord:
    """`cores` of the machine, kept for its users and accounts from `start` to `end`. `owner` made it."""

    name: str
    start: float
    end: float
    cores: int
    nodes: int | None = None
    cores_asked: int | None = None
    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    owner: str = ""

    def admits(self, user: str, account: str) -> bool:
        return user in self.users or user == self.owner or (bool(account) and account in self.accounts)


def to_json(record: Any) -> dict[str, Any]:
    """Fields that differ from their defaults."""
    values = {}
    for each in fields(record):
        value = getattr(record, each.name)
        if each.default is MISSING or value != each.default:
            values[each.name] = to_json(value) if isinstance(value, JobRequest) else value
    return values


def submission_from(values: Mapping[str, Any]) -> Submission:
    return Submission(**{**values, "request": JobRequest(**values["request"])})


def reservation_from(values: Mapping[str, Any]) -> ReservationRecord:
    lists = {name: tuple(values.get(name, ())) for name in ("users", "accounts")}
    return ReservationRecord(**{**values, **lists})
