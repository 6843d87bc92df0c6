"""Jobs that only the controller knows, as rows of sacct: at a site without accounting, or before accounting knows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from superfacility.adapters.slurm.reading.tables import GarbledError
from superfacility.adapters.slurm.reading.times import duration
from superfacility.adapters.slurm.reading.tres import counted_gpus
from superfacility.facility.jobs import Job
from superfacility.facility.rows import SACCT_COLUMNS

_SAME = {
    "account": "account", "comment": "comment", "gid": "group", "jobidraw": "jobid", "jobname": "name",
    "nodelist": "nodelist", "partition": "partition", "qos": "qos", "reason": "reason", "reqcpus": "cpus",
    "reqnodes": "nodes", "ncpus": "cpus", "nnodes": "nodes", "reservation": "reservation", "end": "end_time",
    "start": "start_time", "submit": "submit_time", "timelimit": "time_limit", "uid": "uid", "user": "user",
    "workdir": "work_dir", "constraints": "features", "wckey": "wckey", "priority": "priority",
}  # fmt: skip
"""sacct's column, and squeue's that says the same."""
_WORDS = {"(null)": "", "N/A": "Unknown"}


def exit_arguments(*filters: str) -> tuple[str, ...]:
    """The raw wait status and the GPUs by raw job id; squeue's other way of choosing columns has them, and none is a
    text of people's."""
    return ("squeue", "--all", "--states=all", "--noheader", *filters, "--Format=JobID:20,exit_code:20,tres-alloc:400")


@dataclass(frozen=True, slots=True)
class End:
    """The exit code is 128 + n after signal n."""

    code: int | None = None
    gpus: int | None = None


def parse_exits(text: str) -> dict[str, End]:
    """By raw id."""
    found: dict[str, End] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) not in (2, 3) or not words[0].isdecimal():
            raise GarbledError("a line is no job's exit code")
        found[words[0]] = End(_exit_code(words[1]), counted_gpus(words[2]) if len(words) == 3 else None)
    return found


def _exit_code(text: str) -> int:
    """`768`, or `3:0`."""
    code, _, number = text.partition(":")
    if not code.isdecimal() or not (number or "0").isdecimal():
        raise GarbledError("an exit code is no number")
    if number:
        return int(code) or (128 + int(number) if int(number) else 0)
    status = int(code)
    return status >> 8 if status & 0x7F == 0 else 128 + (status & 0x7F)


def as_accounted(jobs: Iterable[Job], exits: Mapping[str, End]) -> list[Job]:
    return [_as_accounted(job, exits.get(job.columns["jobid"], _UNKNOWN)) for job in jobs]


_UNKNOWN = End()


def _as_accounted(job: Job, end: End) -> Job:
    code = end.code
    columns = dict.fromkeys(SACCT_COLUMNS, "")
    for key, theirs in _SAME.items():
        value = job.columns[theirs]
        columns[key] = _WORDS.get(value, value)
    seconds = int(job.elapsed.total_seconds())
    shown = code if job.state.terminal and code is not None else 0
    started = job.started_at is not None
    limit = duration(columns["timelimit"])
    columns |= {
        "jobid": job.id,
        "state": job.state.value,
        "elapsed": _clock(job.elapsed),
        "elapsedraw": str(seconds),
        "cputimeraw": str(seconds * job.cpus),
        "cputime": _clock(job.elapsed * job.cpus),
        "alloccpus": str(job.cpus) if started else "0",
        "allocnodes": str(job.nodes) if started else "0",
        "timelimit": columns["timelimit"] if limit is None else _clock(limit),
        "timelimitraw": "" if limit is None else str(int(limit.total_seconds()) // 60),
        "exitcode": f"0:{shown - 128}" if shown > 128 else f"{shown}:0",
        "derivedexitcode": "0:0",
        "start": columns["start"] if started else "Unknown",
        "end": columns["end"] if job.state.terminal else "Unknown",
    }
    gpus = job.gpus if end.gpus is None else end.gpus
    return replace(job, columns=columns, exit_code=code if job.state.terminal else None, gpus=gpus)


def _clock(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    clock = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{seconds // 86400}-{clock}" if seconds >= 86400 else clock
