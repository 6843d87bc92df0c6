"""What changed between two readings, as events; pure, so that every way a scheduler can lie is tried out.

A state becomes terminal on positive evidence alone: the queue itself says so, or the accounting does. A job that is
merely gone from the queue has departed, and keeps its last state until one of them tells.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from superfacility.facility.events import EventKind, NewEvent
from superfacility.facility.jobs import Job, JobId
from superfacility.services.compute.reading.trail import Departed, Trail


@dataclass(frozen=True, slots=True)
class Changes:
    """The events, in order, and what to remember from here on."""

    events: tuple[NewEvent, ...]
    trail: Trail


def compare(
    system: str, before: Mapping[JobId, Job] | None, trail: Trail, jobs: Sequence[Job], now: datetime
) -> Changes:
    """From one reading to the next. Before the first one nothing is known, so it tells of no changes."""
    if before is None:
        return Changes((), replace(trail, swept_at=trail.swept_at or now))
    events: list[NewEvent] = []
    departed, told = dict(trail.departed), dict(trail.told)
    present = {job.id for job in jobs}
    parents = {job.parent_id for job in jobs}
    for job in jobs:
        gone = departed.pop(job.id, None)
        known = before.get(job.id) or (None if gone is None else gone.job)
        if known is None or known.state is not job.state:
            events.append(_event(system, job, known, now))
            if job.state.terminal:
                told[job.id] = now
            else:
                told.pop(job.id, None)  # put back into the queue: it will end again
    for job in before.values():
        if job.id not in present and not job.state.terminal and not _is_part(job, parents):
            departed[job.id] = Departed(job, now)
    return Changes(tuple(events), replace(trail, departed=departed, told=told))


def settle(
    system: str, trail: Trail, answer: Mapping[JobId, Sequence[Job]], now: datetime, patience: timedelta
) -> Changes:
    """What accounting answered of departed jobs: `answer` has its rows by the job that was asked for, none for one
    that it does not know. Those without evidence for longer than `patience` are lost."""
    events: list[NewEvent] = []
    departed, told = dict(trail.departed), dict(trail.told)
    for job_id, rows in answer.items():
        gone = departed.pop(job_id, None)
        if gone is None:
            continue
        end, asked_at = end_of(gone.job, rows), gone.asked_at or now
        patient = now - asked_at < patience
        if end is not None and (end.ended_at is not None or not patient):
            events.append(_event(system, end, gone.job, now))
            told[job_id] = now
        elif not patient:
            events.append(_lost(system, gone.job, now))
        else:
            departed[job_id] = replace(gone, asked_at=asked_at)
    return Changes(tuple(events), replace(trail, departed=departed, told=told))


def unanswered(trail: Trail) -> Trail:
    """Accounting has failed: the time of those that it does not know begins anew."""
    if all(each.asked_at is None for each in trail.departed.values()):
        return trail
    departed = {job_id: replace(each, asked_at=None) for job_id, each in trail.departed.items()}
    return replace(trail, departed=departed)


def sweep(
    system: str, trail: Trail, present: Iterable[JobId], ended: Sequence[Job], now: datetime, overlap: timedelta
) -> Changes:
    """Tell of jobs that came and went between two readings: of those that accounting says have `ended` since the last
    sweep, less `overlap`. What was told so long ago that no later sweep can find it is forgotten."""
    told, listed = dict(trail.told), set(present)
    since = (trail.swept_at or now) - overlap
    events: list[NewEvent] = []
    for job in ended:
        known = job.id in told or job.id in listed or job.id in trail.departed
        if not known and job.state.terminal and job.ended_at is not None and job.ended_at >= since:
            events.append(_event(system, job, None, now))
            told[job.id] = now
    told = {job_id: at for job_id, at in told.items() if now - at < 2 * overlap}
    return Changes(tuple(events), replace(trail, told=told, swept_at=now))


def asked_id(job: Job) -> str:
    """What to ask accounting for; a part of an array (`7_[3-9]`) by its parent."""
    return job.parent_id if "[" in job.id else job.id


def answered(departed: Iterable[Departed], rows: Sequence[Job]) -> dict[JobId, list[Job]]:
    """Rows of accounting by the departed job that they are about."""
    by_id: defaultdict[str, list[Job]] = defaultdict(list)
    by_parent: defaultdict[str, list[Job]] = defaultdict(list)
    for row in rows:
        by_id[row.id].append(row)
        by_parent[row.parent_id].append(row)
    jobs = [each.job for each in departed]
    return {job.id: by_id[job.id] or (by_parent[job.parent_id] if "[" in job.id else []) for job in jobs}


def _is_part(job: Job, parents: set[str]) -> bool:
    """Elements of an array that have not started share one row, whose id changes with each that starts."""
    return "[" in job.id and job.parent_id in parents


def end_of(job: Job, rows: Sequence[Job]) -> Job | None:
    """The row that proves the end, perhaps without telling when it was and with which exit code. An older job of the
    same id, or an earlier run, proves nothing."""
    rows = [row for row in rows if not _is_older(row, job)]
    if not rows or not all(row.state.terminal for row in rows):
        return None
    last = max(rows, key=lambda row: row.ended_at.timestamp() if row.ended_at else 0.0)
    return replace(last, id=job.id)


def _is_older(row: Job, job: Job) -> bool:
    if row.ended_at is None or job.submitted_at is None:
        return False
    if row.ended_at == job.submitted_at:
        return row.submitted_at is not None and row.submitted_at < job.submitted_at
    return row.ended_at < job.submitted_at


def _event(system: str, job: Job, known: Job | None, now: datetime) -> NewEvent:
    data: dict[str, Any] = {
        "jobid": job.id,
        "state": job.state.value,
        "previous": None if known is None else known.state.value,
    }
    if job.state.terminal:
        data |= _account(job)
    project = job.project or (None if known is None else known.project)
    return NewEvent(EventKind.JOB, now, job.id, system, job.user, project, data)


def _account(job: Job) -> dict[str, Any]:
    """What charging needs to know, and callers like to."""
    return {
        "exit_code": job.exit_code,
        "submitted_at": _text(job.submitted_at),
        "started_at": _text(job.started_at),
        "ended_at": _text(job.ended_at),
        "elapsed": job.elapsed.total_seconds(),
        "cpus": job.cpus,
        "nodes": job.nodes,
        "qos": job.qos,
        "partition": job.partition,
        "features": job.features,
        "gpus": job.gpus,
    }


def _lost(system: str, job: Job, now: datetime) -> NewEvent:
    data = {"jobid": job.id, "state": job.state.value, "previous": job.state.value, "end": "ended_unknown"}
    return NewEvent(EventKind.JOB_LOST, now, job.id, system, job.user, job.project, data)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
