"""Jobs: what is submitted, and what the scheduler says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from superfacility.facility.people import ProjectName, UserName

JobId = NewType("JobId", str)
"""As the scheduler writes it: `123`, `123_7` for an element of an array, `123+1` for a part of a heterogeneous job."""
Intent = NewType("Intent", UUID)
"""Our own key of one submission; the scheduler can find the job by it."""


class JobState(StrEnum):
    """The 24 states of the contract, Slurm's long names."""

    BOOT_FAIL = "BOOT_FAIL"
    CANCELLED = "CANCELLED"
    COMPLETED = "COMPLETED"
    CONFIGURING = "CONFIGURING"
    COMPLETING = "COMPLETING"
    DEADLINE = "DEADLINE"
    FAILED = "FAILED"
    NODE_FAIL = "NODE_FAIL"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    PENDING = "PENDING"
    PREEMPTED = "PREEMPTED"
    RUNNING = "RUNNING"
    RESV_DEL_HOLD = "RESV_DEL_HOLD"
    REQUEUE_FED = "REQUEUE_FED"
    REQUEUE_HOLD = "REQUEUE_HOLD"
    REQUEUED = "REQUEUED"
    RESIZING = "RESIZING"
    REVOKED = "REVOKED"
    SIGNALING = "SIGNALING"
    SPECIAL_EXIT = "SPECIAL_EXIT"
    STAGE_OUT = "STAGE_OUT"
    STOPPED = "STOPPED"
    SUSPENDED = "SUSPENDED"
    TIMEOUT = "TIMEOUT"

    @property
    def terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset(
    {
        JobState.BOOT_FAIL,
        JobState.CANCELLED,
        JobState.COMPLETED,
        JobState.DEADLINE,
        JobState.FAILED,
        JobState.NODE_FAIL,
        JobState.OUT_OF_MEMORY,
        JobState.PREEMPTED,
        JobState.REVOKED,
        JobState.TIMEOUT,
    }
)


def submission_id(job_id: str) -> str:
    """What the scheduler answered to the submission that this job is part of."""
    return job_id.partition("_")[0].partition("+")[0]


def id_order(job_id: str) -> tuple[int, int, str]:
    """A key to sort ids by: as numbers, elements and parts behind their parent."""
    parent = submission_id(job_id)
    part = job_id[len(parent) + 1 :]
    return (int(parent) if parent.isdecimal() else 0, int(part) if part.isdecimal() else -1, job_id)


@dataclass(frozen=True, slots=True)
class JobScript:
    """What is submitted: the text of a script, or the path of one on the system, with its arguments. With both, the
    text is submitted, under the name of the absolute path that it was read from. A `project` is charged whatever the
    script says."""

    text: str | None = None
    path: str | None = None
    arguments: tuple[str, ...] = ()
    project: ProjectName | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job (or one element of an array) as the scheduler last told it.

    `columns` are the row of the squeue or sacct view, under exactly the contract's keys (section 5.5), all strings.
    The other fields are what we decide by. Times are aware; `elapsed` counts running time; `cpus` are those allocated,
    or asked for while pending. `features` is the constraint as it was written, `gpus` those held; None where
    that is not told.
    """

    id: JobId
    user: UserName
    state: JobState
    columns: Mapping[str, str]
    name: str = ""
    project: ProjectName | None = None
    partition: str = ""
    qos: str = ""
    reservation: str = ""
    cpus: int = 1
    nodes: int = 1
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    elapsed: timedelta = timedelta()
    exit_code: int | None = None
    features: str = ""
    gpus: int | None = None

    @property
    def parent_id(self) -> str:
        """What the submission answered: `123` of `123_7` and of `123+1`."""
        return submission_id(self.id)


@dataclass(frozen=True, slots=True)
class JobQuery:
    """A filter: the given fields are combined by AND, the values in one field by OR; an empty field does not filter.

    `ids` match a whole id, or the parent id of array elements and of parts of heterogeneous jobs. `since` and `until`
    bound by the time a job was in the accounting (it ended after `since`, and began or was submitted before `until`).
    `up_to_date` asks the scheduler itself for what accounting may not have learned yet of the jobs that `ids` name:
    their ends, and elements of arrays. It must answer, and knows them for as long as `Capabilities.remembers`.
    """

    ids: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()
    partitions: frozenset[str] = frozenset()
    qos: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    up_to_date: bool = False

    def matches(self, job: Job) -> bool:
        return (
            (not self.ids or job.id in self.ids or job.parent_id in self.ids)
            and (not self.users or job.user in self.users)
            and (not self.projects or job.project in self.projects)
            and (not self.partitions or job.partition in self.partitions)
            and (not self.qos or job.qos in self.qos)
            and (not self.states or job.state in self.states)
            and (not self.names or job.name in self.names)
            and (self.since is None or job.ended_at is None or job.ended_at >= self.since)
            and (self.until is None or job.submitted_at is None or job.submitted_at <= self.until)
        )


@dataclass(frozen=True, slots=True)
class JobChange:
    """What may be changed of a job that has not ended; None leaves it as it is."""

    time_limit: timedelta | None = None
    qos: str | None = None


@dataclass(frozen=True, slots=True)
class JobDetails:
    """Where a job's files are, on the system, as absolute paths; None where the scheduler does not know.

    `script` is the text of the batch script, if the scheduler kept it and the caller may see it.
    """

    id: JobId
    user: UserName
    directory: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    command: str | None = None
    script: str | None = None


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """The queue at one moment. Equal `version`s of one scheduler mean equal content but for running times."""

    jobs: tuple[Job, ...]
    taken_at: datetime
    version: int = 0
