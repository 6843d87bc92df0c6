"""All jobs and reservations, and every change to them.

No I/O: a change is computed, made durable by others, then applied.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from superfacility.adapters.embedded.records import (
    JobRecord,
    ReservationRecord,
    Submission,
    reservation_from,
    submission_from,
    to_json,
)


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction puts in place of what was."""

    submissions: Sequence[Submission] = ()
    jobs: Sequence[JobRecord] = ()
    reservations: Sequence[ReservationRecord] = ()
    dropped_reservations: Sequence[str] = ()
    next_id: int | None = None

    def to_entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "submissions": [to_json(each) for each in self.submissions],
            "jobs": [to_json(each) for each in self.jobs],
            "reservations": [to_json(each) for each in self.reservations],
            "dropped_reservations": list(self.dropped_reservations),
            "next_id": self.next_id,
        }
        return {name: value for name, value in entry.items() if value}

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> "Change":
        return cls(
            submissions=[submission_from(each) for each in entry.get("submissions", ())],
            jobs=[JobRecord(**each) for each in entry.get("jobs", ())],
            reservations=[reservation_from(each) for each in entry.get("reservations", ())],
            dropped_reservations=entry.get("dropped_reservations", ()),
            next_id=entry.get("next_id"),
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Jobs changed after a version, oldest first; `more` follow after `version`. `reset`: forget what you had."""

    version: int
    jobs: Sequence[JobRecord]
    submissions: Sequence[Submission]
    forgotten: Sequence[int]
    more: bool
    reset: bool


class Queue:
    """The scheduler's memory; `max_jobs` ended jobs are kept."""

    def __init__(self, max_jobs: int) -> None:
        self.max_jobs = max_jobs
        self.next_id = 1
        self.submissions: dict[int, Submission] = {}
        self.jobs: dict[int, JobRecord] = {}
        self.reservations: dict[str, ReservationRecord] = {}
        self.active: dict[int, None] = {}
        self._elements: dict[int, dict[int, None]] = {}
        self._intents: dict[str, int] = {}
        self._ended: deque[int] = deque()
        self._versions: dict[int, int] = {}
        self._log: list[tuple[int, int]] = []
        self._floor = 0
        self.version = 0

    def apply(self, change: Change) -> None:
        for submission in change.submissions:
            self.submissions[submission.id] = submission
            self._elements[submission.id] = {}
            if submission.intent:
                self._intents[submission.intent] = submission.id
        for job in change.jobs:
            self._put(job)
        for reservation in change.reservations:
            self.reservations[reservation.name] = reservation
        for name in change.dropped_reservations:
            self.reservations.pop(name, None)
        self.next_id = max(self.next_id, change.next_id or 0)
        self._forget_old()

    def _put(self, job: JobRecord) -> None:
        before = self.jobs.get(job.id)
        self.jobs[job.id] = job
        if before is None:
            self._elements[job.submission][job.id] = None
        if job.active:
            self.active.setdefault(job.id)
        elif before is None or before.active:
            self.active.pop(job.id, None)
            self._ended.append(job.id)
        self._log_change(job.id)

    def _log_change(self, number: int) -> None:
        self.version += 1
        self._versions[number] = self.version
        self._log.append((self.version, number))
        if len(self._log) > 2 * len(self.jobs) + 10_000:
            self._log = [(version, each) for version, each in self._log if self._versions.get(each) == version]
            self._floor = self.version

    def _forget_old(self) -> None:
        while len(self._ended) > self.max_jobs:
            number = self._ended.popleft()
            job = self.jobs.pop(number)
            self._log_change(number)
            del self._versions[number]
            elements = self._elements[job.submission]
            del elements[number]
            if not elements:
                submission = self.submissions.pop(job.submission)
                del self._elements[job.submission]
                self._intents.pop(submission.intent, None)

    def snapshot(self) -> Iterator[Change]:
        """All there is, as changes that make it again."""
        yield Change(reservations=list(self.reservations.values()), next_id=self.next_id)
        for number, submission in self.submissions.items():
            yield Change(submissions=[submission], jobs=self.elements(number))

    def elements(self, submission: int) -> list[JobRecord]:
        return [self.jobs[number] for number in self._elements.get(submission, ())]

    def by_intent(self, intent: str) -> Submission | None:
        number = self._intents.get(intent)
        return None if number is None else self.submissions[number]

    def find(self, text: str) -> list[JobRecord]:
        """Jobs by `123` (a job, all elements of an array, or an element's own number) or `123_7`."""
        whole, underscore, task = text.partition("_")
        if not (whole.isascii() and whole.isdigit()) or len(whole) > 18:
            return []
        found = self.elements(int(whole))
        if underscore:
            return [job for job in found if str(job.task) == task]
        if not found and (single := self.jobs.get(int(whole))):
            return [single]
        return found

    def changes(self, since: int, limit: int) -> Page:
        reset = since > self.version or 0 < since < self._floor
        start = 0 if reset else bisect_right(self._log, since, key=lambda entry: entry[0])
        jobs: list[JobRecord] = []
        submissions: dict[int, Submission] = {}
        forgotten: list[int] = []
        version = self.version
        for index in range(start, len(self._log)):
            changed, number = self._log[index]
            if number not in self.jobs:
                forgotten.append(number)
            elif self._versions[number] == changed:
                job = self.jobs[number]
                jobs.append(job)
                submissions[job.submission] = self.submissions[job.submission]
            if len(jobs) >= limit:
                version = changed
                break
        more = version < self.version
        return Page(version, jobs, list(submissions.values()), forgotten, more, reset)

    def set_reason(self, number: int, reason: str) -> None:
        """Why a job waits is worked out anew at any time, so it is shown and never stored."""
        job = self.jobs[number]
        if job.reason != reason:
            self.jobs[number] = replace(job, reason=reason)
            self._log_change(number)
