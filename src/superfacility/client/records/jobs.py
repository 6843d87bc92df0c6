"""Jobs of the scheduler, and what they print."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from superfacility.client.records.reading import Row, moment, slurm_text, text, whole_number

ENDED = frozenset(
    {
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED",
        "REVOKED", "TIMEOUT",
    }
)  # fmt: skip
WAITING = frozenset(
    {"CONFIGURING", "PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
)


@dataclass(frozen=True, slots=True)
class Job:
    """One job, or one element of an array. Times are the facility's local times, as Slurm writes them."""

    id: str
    system: str
    name: str
    user: str
    project: str
    state: str
    reason: str
    """Why it waits, or why it ended so, in Slurm's word."""
    partition: str
    qos: str
    nodes: int | None
    cpus: int | None
    node_list: str
    time_limit: str
    elapsed: str
    submitted_at: datetime | None
    started_at: datetime | None
    """Of a waiting job: when it is expected to start."""
    ended_at: datetime | None
    """Of a running job: when its time limit ends it."""
    exit_code: int | None
    signal: int | None
    directory: str

    @classmethod
    def of(cls, row: Row, system: str) -> "Job":
        """From a row of squeue or of sacct."""
        state = text(row, "state").split()[0] if text(row, "state") else ""
        code, signal = _ended_with(row, state)
        return cls(
            id=text(row, "jobid"),
            system=system,
            name=slurm_text(row, "jobname", "name"),
            user=text(row, "user"),
            project=slurm_text(row, "account"),
            state=state,
            reason=slurm_text(row, "reason"),
            partition=slurm_text(row, "partition"),
            qos=slurm_text(row, "qos"),
            nodes=whole_number(row, "nnodes", "nodes"),
            cpus=whole_number(row, "ncpus", "cpus"),
            node_list=slurm_text(row, "nodelist"),
            time_limit=slurm_text(row, "timelimit", "time_limit"),
            elapsed=slurm_text(row, "elapsed", "time"),
            submitted_at=moment(row.get("submit") or row.get("submit_time")),
            started_at=moment(row.get("start") or row.get("start_time")),
            ended_at=moment(row.get("end") or row.get("end_time")),
            exit_code=code,
            signal=signal,
            directory=slurm_text(row, "workdir", "work_dir"),
        )

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def is_waiting(self) -> bool:
        return self.state in WAITING

    @property
    def succeeded(self) -> bool:
        return self.state == "COMPLETED"


class Jobs(tuple[Job, ...]):
    """Jobs of one listing, and how old it is."""

    as_of: datetime | None = None
    """When the scheduler was read; None where the facility does not say."""
    stale: bool = False
    """The scheduler has not answered since: this is how it was then."""
    age: float | None = None
    """Seconds since it was read, by the facility's clock."""

    @classmethod
    def dated(cls, jobs: Iterable[Job], row: Row, now: datetime) -> "Jobs":
        """`row` is the body of the listing; `now` is the facility's time."""
        found = cls(jobs)
        found.as_of, found.stale = moment(row.get("data_as_of")), bool(row.get("stale"))
        if found.as_of is not None and found.as_of.tzinfo is not None:
            found.age = max(0.0, (now - found.as_of).total_seconds())
        return found

    def with_rows(self, jobs: Iterable[Job]) -> "Jobs":
        """Other rows of the same age."""
        found = Jobs(jobs)
        found.as_of, found.stale, found.age = self.as_of, self.stale, self.age
        return found


@dataclass(frozen=True, slots=True)
class JobFiles:
    """Where the files of a job are; None where nobody knows."""

    id: str
    directory: str | None
    stdout: str | None
    stderr: str | None
    command: str | None
    script: str | None

    @classmethod
    def of(cls, row: Row) -> "JobFiles":
        def found(name: str) -> str | None:
            return None if row.get(name) is None else str(row[name])

        names = ("directory", "stdout", "stderr", "command", "script")
        return cls(str(row["jobid"]), *map(found, names))


@dataclass(frozen=True, slots=True)
class Printed:
    """A piece of what a job prints; the next one begins at `next_offset`. `ended`: there will be no more."""

    data: bytes
    offset: int
    next_offset: int
    ended: bool = False


def _ended_with(row: Row, state: str) -> tuple[int | None, int | None]:
    """Slurm writes `code:signal`; squeue has none."""
    code, _, signal = text(row, "exitcode").partition(":")
    if state not in ENDED or not code.isdecimal():
        return None, None
    return int(code), int(signal) if signal.isdecimal() else 0
