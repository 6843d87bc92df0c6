"""Which pending jobs start now: first in, first out, within cores, array limits, dependencies, reservations. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache

from superfacility.adapters.embedded.daemon.queue import Queue
from superfacility.adapters.embedded.records import (
    CANCELLED,
    PENDING,
    RUNNING,
    JobRecord,
    ReservationRecord,
    Submission,
)
from superfacility.adapters.embedded.request.dependencies import Dependencies, Dependency, parse_dependencies

NEVER = "DependencyNeverSatisfied"
RESERVED = "ReqNodeNotAvail, May be reserved for other job"
_read_dependencies = lru_cache(maxsize=4096)(parse_dependencies)


class Met(Enum):
    """How a dependency stands."""

    YES = "yes"
    NOT_YET = "not yet"
    NEVER = "never"


@dataclass(slots=True)
class Plan:
    """Jobs to put in place: those that start, those that can never start; and why others wait, where that changed."""

    starts: list[JobRecord] = field(default_factory=list)
    hopeless: list[JobRecord] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Machine:
    """What is in use while the plan is made."""

    cores: int
    now: float
    reservations: dict[str, ReservationRecord]
    busy: list[tuple[Submission, JobRecord]]
    tasks_running: Counter[int]
    used: int = 0
    blocked: bool = False

    def occupy(self, submission: Submission, job: JobRecord) -> None:
        self.busy.append((submission, job))
        self.used += submission.request.cpus
        self.tasks_running[submission.id] += 1


def plan(queue: Queue, cores: int, now: float) -> Plan:
    machine = _Machine(cores, now, queue.reservations, [], Counter())
    active = [queue.jobs[number] for number in queue.active]
    for job in active:
        if job.state == RUNNING:
            machine.occupy(queue.submissions[job.submission], job)
    result = Plan()
    for job in active:
        if job.state == PENDING:
            _consider(queue, machine, job, result)
    return result


def _consider(queue: Queue, machine: _Machine, job: JobRecord, result: Plan) -> None:
    submission = queue.submissions[job.submission]
    reason = _waits_for(queue, machine, submission, job)
    if reason == NEVER:
        result.hopeless.append(replace(job, state=CANCELLED, reason=NEVER, ended=machine.now))
        return
    if reason is None:
        limit, reason = _fit(machine, submission, job)
        if reason is None:
            started = replace(job, state=RUNNING, started=machine.now, reason="None", limit=limit)
            machine.occupy(submission, started)
            result.starts.append(started)
            return
    if reason != job.reason:
        result.reasons[job.id] = reason


def _waits_for(queue: Queue, machine: _Machine, submission: Submission, job: JobRecord) -> str | None:
    request = submission.request
    if job.held:
        return "JobHeldUser"
    if request.begin is not None and request.begin > machine.now:
        return "BeginTime"
    if request.dependency:
        met = dependencies_met(queue, submission, _read_dependencies(request.dependency))
        if met is not Met.YES:
            return NEVER if met is Met.NEVER else "Dependency"
    if request.array_limit and machine.tasks_running[submission.id] >= request.array_limit:
        return "JobArrayTaskLimit"
    return None


def dependencies_met(queue: Queue, submission: Submission, dependencies: Dependencies) -> Met:
    found = [_term_met(queue, submission, term) for term in dependencies.terms]
    wanted, hopeless = (any, all) if dependencies.any_of else (all, any)
    if not found or wanted(each is Met.YES for each in found):
        return Met.YES
    return Met.NEVER if hopeless(each is Met.NEVER for each in found) else Met.NOT_YET


def _term_met(queue: Queue, submission: Submission, term: Dependency) -> Met:
    if term.kind == "singleton":
        return Met.NOT_YET if _has_older_twin(queue, submission) else Met.YES
    stands = [_target_met(queue.find(target), term) for target in term.targets]
    if Met.NEVER in stands:
        return Met.NEVER
    return Met.NOT_YET if Met.NOT_YET in stands else Met.YES


def _target_met(jobs: list[JobRecord], term: Dependency) -> Met:
    """A job that is remembered no longer has ended, and nobody knows how."""
    if not jobs:
        return Met.YES if term.kind in ("after", "afterany") else Met.NEVER
    if term.kind == "after":
        return Met.YES if all(job.started or not job.active for job in jobs) else Met.NOT_YET
    if term.kind == "afterok" and any(not job.active and not job.succeeded for job in jobs):
        return Met.NEVER
    if any(job.active for job in jobs):
        return Met.NOT_YET
    if term.kind == "afternotok" and all(job.succeeded for job in jobs):
        return Met.NEVER
    return Met.YES


def _has_older_twin(queue: Queue, submission: Submission) -> bool:
    """A job of the same user and name, submitted before and not yet ended."""
    older: Iterable[Submission] = (
        queue.submissions[queue.jobs[number].submission] for number in queue.active if number < submission.id
    )
    return any(each.user == submission.user and each.request.name == submission.request.name for each in older)


def _fit(machine: _Machine, submission: Submission, job: JobRecord) -> tuple[int | None, str | None]:
    """The time limit to start with, or why the job does not fit now."""
    if submission.request.reservation:
        return _fit_reservation(machine, submission, job)
    if machine.blocked:
        return None, "Priority"
    cpus = submission.request.cpus
    if machine.used + cpus > machine.cores:
        machine.blocked = True
        return None, "Resources"
    end = None if job.limit is None else machine.now + job.limit
    if _meets_reservations(machine, cpus, end):
        return None, RESERVED
    return job.limit, None


def _meets_reservations(machine: _Machine, cpus: int, end: float | None) -> bool:
    """Would a job of `cpus` cores from now to `end` stand on reserved ones? Reservations it would meet are added up,
    also where they follow each other: it may wait longer than it must, but never runs where it may not."""
    met = [
        each for each in machine.reservations.values() if each.end > machine.now and (end is None or each.start < end)
    ]
    if not met:
        return False
    names = {each.name for each in met}
    first = max(machine.now, min(each.start for each in met))
    others = sum(
        submission.request.cpus
        for submission, job in machine.busy
        if submission.request.reservation not in names and _runs_at(job, first, machine.now)
    )
    return others + cpus > machine.cores - min(machine.cores, sum(each.cores for each in met))


def _runs_at(job: JobRecord, moment: float, now: float) -> bool:
    return job.limit is None or max(now, (job.started or now) + job.limit) >= moment


def _fit_reservation(machine: _Machine, submission: Submission, job: JobRecord) -> tuple[int | None, str | None]:
    request = submission.request
    reservation = machine.reservations.get(request.reservation)
    if reservation is None or not reservation.start <= machine.now < reservation.end:
        return None, "Reservation"
    left = int(reservation.end - machine.now)
    if request.limit_given and job.limit is not None and job.limit > left:
        return None, "Reservation"
    used = sum(each.request.cpus for each, _ in machine.busy if each.request.reservation == request.reservation)
    if used + request.cpus > reservation.cores or machine.used + request.cpus > machine.cores:
        return None, "Resources"
    return left if job.limit is None else min(job.limit, left), None
