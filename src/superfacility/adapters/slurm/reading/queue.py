"""squeue: what is asked, and the jobs in its answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from operator import itemgetter

from superfacility.adapters.slurm.carrier import shown_command
from superfacility.adapters.slurm.reading.arrays import waiting_elements
from superfacility.adapters.slurm.reading.columns import SQUEUE_FREE, SQUEUE_LETTERS, SQUEUE_RUNNING
from superfacility.adapters.slurm.reading.states import job_state, state_text
from superfacility.adapters.slurm.reading.tables import SEPARATOR, GarbledError, Marks, rows
from superfacility.adapters.slurm.reading.times import duration, moment
from superfacility.adapters.slurm.reading.tres import asked_gpus
from superfacility.facility.jobs import Job, JobId, JobState
from superfacility.facility.people import ProjectName, UserName

_PLAIN = tuple(key for key in SQUEUE_LETTERS if key and key not in SQUEUE_FREE and key not in SQUEUE_RUNNING)
_KEYS = tuple(SQUEUE_LETTERS)
_HAD = (*_PLAIN, "id", *SQUEUE_FREE, *SQUEUE_RUNNING, "")
"""The order of a row as it is read; the empty column is appended by us."""
_IN_ORDER = itemgetter(*(_HAD.index(key) for key in _KEYS))
_WIDTH = 1 + len(SQUEUE_FREE) + 1
_WAITS = frozenset(
    {
        JobState.PENDING,
        JobState.CONFIGURING,
        JobState.REQUEUED,
        JobState.REQUEUE_HOLD,
        JobState.REQUEUE_FED,
        JobState.SPECIAL_EXIT,
        JobState.RESV_DEL_HOLD,
    }
)
_NUMBER = re.compile(r"[0-9]{1,9}")
_HEADER_PARTS = ("JOBID", "USER", "STATE", "SUBMIT_TIME")


def squeue_format(marks: Marks) -> str:
    """Columns that hold only Slurm's own words in one group, the others and the running times each in their own."""
    plain = SEPARATOR.join(f"%{SQUEUE_LETTERS[key]}" for key in _PLAIN) + SEPARATOR + "%i"
    free = (f"%{SQUEUE_LETTERS[key]}" for key in SQUEUE_FREE)
    running = SEPARATOR.join(f"%{SQUEUE_LETTERS[key]}" for key in SQUEUE_RUNNING)
    return "".join(group + marks.column for group in (plain, *free, running))


def squeue_arguments(marks: Marks, *filters: str) -> tuple[str, ...]:
    return ("squeue", "--all", *filters, f"--format={squeue_format(marks)}")


@dataclass(frozen=True, slots=True)
class Queue:
    """What one answer held. Equal `version`s are equal answers but for the running times. `rows` are for the next
    reading: most jobs wait, and a row that has not changed is not parsed again."""

    jobs: Sequence[Job]
    version: int
    rows: Mapping[str, Sequence[Job]] = field(default_factory=dict)


def parse_squeue(text: str, marks: Marks, *, array_limit: int, before: Queue | None = None) -> Queue:
    """Raises `GarbledError`. `text` begins with the header."""
    found = rows(text, marks, _WIDTH)
    if not found or any(part not in found[0][0] for part in _HEADER_PARTS):
        raise GarbledError("the header of squeue is not the expected one")
    digest = blake2b(digest_size=7)
    known = {} if before is None else before.rows
    kept: dict[str, Sequence[Job]] = {}
    jobs: list[Job] = []
    shared: dict[str, str] = {}
    for row in found[1:]:
        settled = SEPARATOR.join(row[:-1])
        digest.update(settled.encode())
        key = settled + row[-1]
        these = known.get(key) or _jobs(row, array_limit, shared)
        kept[key] = these
        jobs.extend(these)
    return Queue(jobs, int.from_bytes(digest.digest(), "big"), kept)


def _jobs(row: list[str], array_limit: int, shared: dict[str, str]) -> Sequence[Job]:
    job = _job(row, shared)
    numbers = waiting_elements(job.id, array_limit)
    return (job,) if numbers is None else tuple(_element(job, number) for number in numbers)


def _job(row: list[str], shared: dict[str, str]) -> Job:
    """`shared` has the texts of the rows before: most columns say the same in nearly all, and one text is enough."""
    values = row[0].split(SEPARATOR)
    values += row[1:-1]
    values += row[-1].split(SEPARATOR)
    values.append("")
    if len(values) != len(_HAD):
        raise GarbledError("a row of squeue has another number of columns than its header")
    texts = _IN_ORDER(values)
    columns = dict(zip(_KEYS, map(shared.setdefault, texts, texts), strict=True))
    state = job_state(columns["state"])
    columns["state"] = state_text(columns["state"], state)
    columns["command"] = shown_command(columns["command"])
    columns["submit_time"], submitted = moment(columns["submit_time"])
    columns["start_time"], started = moment(columns["start_time"])
    columns["end_time"], ended = moment(columns["end_time"])
    return Job(
        id=JobId(values[len(_PLAIN)]),
        user=UserName(columns["user"]),
        state=state,
        columns=columns,
        name=columns["name"],
        project=_project(columns["account"]),
        partition=columns["partition"],
        qos=_given(columns["qos"]),
        reservation=_given(columns["reservation"]),
        cpus=_count(columns["cpus"]),
        nodes=_count(columns["nodes"]),
        submitted_at=submitted,
        started_at=None if state in _WAITS else started,
        ended_at=_ended(state, ended),
        elapsed=duration(columns["time"]) or timedelta(),
        features=_given(columns["features"]),
        gpus=_gpus(columns),
    )


def _element(job: Job, number: str) -> Job:
    """One waiting element of an array, as `squeue -r` shows it."""
    columns = {**job.columns, "array_task_id": number}
    return replace(job, id=JobId(f"{columns['array_job_id']}_{number}"), columns=columns)


def _gpus(columns: Mapping[str, str]) -> int | None:
    on_each = asked_gpus(columns["tres_per_node"])
    return None if on_each is None else on_each * max(_count(columns["nodes"]), 1)


def _ended(state: JobState, ended: datetime | None) -> datetime | None:
    """squeue's end time of a job that has not ended is a forecast."""
    return ended if state.terminal else None


def _project(text: str) -> ProjectName | None:
    return ProjectName(text) if _given(text) else None


def _given(text: str) -> str:
    return "" if text in ("(null)", "N/A") else text


def _count(text: str) -> int:
    """`2`, or the least of a range."""
    found = _NUMBER.match(text)
    return int(found[0]) if found else 1
