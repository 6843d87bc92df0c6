"""sacct: what is asked, and the jobs in its answer."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from superfacility.adapters.slurm.reading.arrays import waiting_elements
from superfacility.adapters.slurm.reading.columns import SACCT_RENAMED
from superfacility.adapters.slurm.reading.states import exit_code, job_state, state_text
from superfacility.adapters.slurm.reading.tables import Marks, body, rows
from superfacility.adapters.slurm.reading.times import duration, moment
from superfacility.adapters.slurm.reading.tres import counted_gpus
from superfacility.facility.jobs import Job, JobId, JobQuery
from superfacility.facility.people import ProjectName, UserName
from superfacility.facility.rows import SACCT_COLUMNS

_TIMES = ("eligible", "end", "start", "submit")
_NAME = re.compile(r"[\w.@+][\w.@+-]*")
_USUAL_WINDOW = timedelta(days=1)
_MARGIN = 120
"""Seconds by which the clocks of two machines may differ."""


def sacct_fields(known: Collection[str]) -> dict[str, str]:
    """Which field of this version's (in lower case) fills which column; a column that it has no field for is left
    out."""
    asked = {column: SACCT_RENAMED.get(column, column) for column in SACCT_COLUMNS}
    return {
        column: column if column in known else other
        for column, other in asked.items()
        if column in known or other in known
    }


def sacct_arguments(marks: Marks, fields: Sequence[str], *filters: str) -> tuple[str, ...]:
    return (
        "sacct",
        "--allocations",
        "--parsable",
        f"--delimiter={marks.column}",
        *filters,
        f"--format={','.join(fields)}",
    )


def query_filters(query: JobQuery, ids: Collection[str], now: datetime) -> tuple[str, ...]:
    """The part of a query that sacct can answer; what is left is for `JobQuery.matches`.

    Times are relative, so that neither time zones nor clocks that differ matter. Without ids and bounds it is the last
    day; an id has no bounds.
    """
    filters = [f"--jobs={','.join(sorted(ids))}"] if ids else []
    lists = {"user": query.users, "accounts": query.projects, "partition": query.partitions, "qos": query.qos}
    usable = {option: values for option, values in lists.items() if values and all(map(_NAME.fullmatch, values))}
    filters += [f"--{option}={','.join(sorted(values))}" for option, values in usable.items()]
    if "user" not in usable:
        filters.append("--allusers")
    return (*filters, *_bounds(query, ids, now))


def _bounds(query: JobQuery, ids: Collection[str], now: datetime) -> tuple[str, ...]:
    since = query.since or (None if ids else min(now, query.until or now) - _USUAL_WINDOW)
    if since is None:
        return ()
    first = math.floor((since - now).total_seconds())
    last = math.ceil(((query.until or now) - now).total_seconds()) + _MARGIN
    return (f"--starttime=now{first:+d}", f"--endtime=now{max(first, last):+d}")


def parse_sacct(text: str, marks: Marks, fields: dict[str, str], *, array_limit: int) -> list[Job]:
    """Raises `GarbledError`.

    A step can reach slurmdbd before its job does. The row that it makes up until then has no partition and the raw id
    of an array's element for its id: it is no evidence of anything. What slurmdbd learns of a job first can be that it
    runs after it has ended: such a row has its last state, and neither an end nor an exit code. The row of an array's
    waiting elements is changed after that of an element that has started.
    """
    headers = list(fields.values())
    jobs: list[Job] = []
    for row in body(rows(text, marks, len(headers)), headers):
        columns = dict.fromkeys(SACCT_COLUMNS, "")
        columns.update(zip(fields, row, strict=True))
        if not columns["partition"]:
            continue
        jobs.append(_job(columns))
    own = {job.id for job in jobs}
    return [each for job in jobs for each in _elements(job, array_limit) if each is job or each.id not in own]


def _job(columns: dict[str, str]) -> Job:
    state = job_state(columns["state"])
    columns["state"] = state_text(columns["state"], state)
    times: dict[str, datetime | None] = {}
    for key in _TIMES:
        columns[key], times[key] = moment(columns[key])
    ended_at = times["end"] if state.terminal else None
    return Job(
        id=JobId(columns["jobid"]),
        user=UserName(columns["user"]),
        state=state,
        columns=columns,
        name=columns["jobname"],
        project=ProjectName(columns["account"]) if columns["account"] else None,
        partition=columns["partition"],
        qos=columns["qos"],
        reservation=columns["reservation"],
        cpus=_count(columns["alloccpus"]) or _count(columns["reqcpus"]) or 1,
        nodes=_count(columns["allocnodes"]) or _count(columns["nnodes"]) or 1,
        submitted_at=times["submit"],
        started_at=times["start"],
        ended_at=ended_at,
        elapsed=duration(columns["elapsed"]) or timedelta(),
        exit_code=None if ended_at is None else exit_code(columns["exitcode"]),
        features=columns["constraints"],
        gpus=counted_gpus(columns["alloctres"]),
    )


def _elements(job: Job, limit: int) -> Sequence[Job]:
    numbers = waiting_elements(job.id, limit)
    return [job] if numbers is None else [_element(job, number) for number in numbers]


def _element(job: Job, number: str) -> Job:
    job_id = f"{job.parent_id}_{number}"
    return replace(job, id=JobId(job_id), columns={**job.columns, "jobid": job_id})


def _count(text: str) -> int:
    return int(text) if text.isdecimal() else 0
