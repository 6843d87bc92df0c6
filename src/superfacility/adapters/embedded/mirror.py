"""The adapter's copy of what the daemon knows, kept current by changes alone, and jobs made of it once per change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from superfacility.adapters.embedded.columns import alike_in_queue, elapsed_seconds, sacct_row, squeue_row
from superfacility.adapters.embedded.protocol import Message
from superfacility.adapters.embedded.records import RUNNING, JobRecord, Submission, submission_from
from superfacility.facility.jobs import Job, JobId, JobQuery, JobState, QueueSnapshot
from superfacility.facility.people import ProjectName, UserName

_ROWS_KEPT = 20_000
"""Finished accounting rows kept ready; one takes some kilobytes."""


class Mirror:
    """Not shared between threads. `instance` and `version` say how far it has come."""

    def __init__(self, cluster: str) -> None:
        self.instance = ""
        self.version = 0
        self._cluster = cluster
        self._submissions: dict[int, Submission] = {}
        self._records: dict[int, JobRecord] = {}
        self._elements: dict[int, dict[int, None]] = {}
        self._queued: dict[int, Job] = {}
        self._bare: dict[int, Job] = {}
        self._rows: dict[int, Job] = {}
        self._changed: set[int] = set()
        self._generation = 0
        self._snapshot: QueueSnapshot | None = None

    def apply(self, page: Message) -> None:
        if page["reset"] or page["instance"] != self.instance:
            self._reset()
        self.instance, self.version = page["instance"], page["version"]
        for each in page["submissions"]:
            submission = submission_from(each)
            self._submissions[submission.id] = submission
        for each in page["jobs"]:
            self._put(JobRecord(**each))
        for number in page["forgotten"]:
            self._forget(number)

    def _reset(self) -> None:
        for store in (self._submissions, self._records, self._elements, self._queued, self._bare, self._rows):
            store.clear()
        self._changed.clear()
        self._snapshot = None

    def _put(self, record: JobRecord) -> None:
        self._records[record.id] = record
        self._elements.setdefault(record.submission, {})[record.id] = None
        self._bare.pop(record.id, None)
        self._rows.pop(record.id, None)
        self._changed.add(record.id)

    def _forget(self, number: int) -> None:
        record = self._records.pop(number, None)
        if record is None:
            return
        for store in (self._queued, self._bare, self._rows):
            store.pop(number, None)
        self._changed.add(number)
        elements = self._elements[record.submission]
        del elements[number]
        if not elements:
            del self._elements[record.submission], self._submissions[record.submission]

    def queue(self, now: datetime) -> QueueSnapshot:
        """Pending and running jobs in the order of ids; only what changed, and what runs, is made anew."""
        earlier = self._snapshot
        membership_changed = self._renew(now.timestamp())
        if earlier is not None and not membership_changed and not self._changed and not self._running():
            self._snapshot = replace(earlier, taken_at=now)
            return self._snapshot
        if self._changed or earlier is None:
            self._generation += 1
            self._changed.clear()
        if membership_changed:
            self._queued = dict(sorted(self._queued.items()))
        jobs = tuple(self._queued.values())
        self._snapshot = QueueSnapshot(jobs, now, self._generation)
        return self._snapshot

    def _running(self) -> list[int]:
        return [number for number, job in self._queued.items() if job.state is JobState.RUNNING]

    def _renew(self, now: float) -> bool:
        """Make jobs anew; True if one came or went."""
        membership_changed = False
        alike: dict[int, dict[str, str]] = {}
        shared: dict[str, str] = {}
        for number in {*self._changed, *self._running()}:
            record = self._records.get(number)
            if record is not None and record.active:
                membership_changed = membership_changed or number not in self._queued
                submission = self._submissions[record.submission]
                if submission.id not in alike:
                    alike[submission.id] = alike_in_queue(submission)
                row = squeue_row(submission, record, self._cluster, now, alike[submission.id])
                texts = map(shared.setdefault, row.values(), row.values())  # many rows say the same
                self._queued[number] = _made_job(submission, record, now, dict(zip(row, texts, strict=True)))
            elif self._queued.pop(number, None) is not None:
                membership_changed = True
        return membership_changed

    def accounting(self, query: JobQuery, now: datetime) -> Sequence[Job]:
        moment = now.timestamp()
        return [
            self._accounted(number, moment)
            for number in self._candidates(query)
            if query.matches(self._job(number, moment))
        ]

    def _candidates(self, query: JobQuery) -> Iterable[int]:
        """By id without looking at every job there ever was."""
        if not query.ids:
            return sorted(self._records)
        wholes = {int(whole) for text in query.ids if (whole := text.partition("_")[0]).isdecimal()}
        return sorted(number for whole in wholes for number in self._elements.get(whole, ()))

    def _job(self, number: int, now: float) -> Job:
        job = self._bare.get(number)
        if job is None:
            record = self._records[number]
            job = _made_job(self._submissions[record.submission], record, now, {})
            if not record.active:
                self._bare[number] = job
        return job

    def _accounted(self, number: int, now: float) -> Job:
        job = self._rows.get(number)
        if job is None:
            record = self._records[number]
            row = sacct_row(self._submissions[record.submission], record, self._cluster, now)
            job = replace(self._job(number, now), columns=row)
            if not record.active:
                if len(self._rows) >= _ROWS_KEPT:
                    self._rows.clear()
                self._rows[number] = job
        return job


def _made_job(submission: Submission, record: JobRecord, now: float, columns: Mapping[str, str]) -> Job:
    request = submission.request
    return Job(
        id=JobId(record.public_id),
        user=UserName(submission.user),
        state=JobState(record.state),
        columns=columns,
        name=request.name,
        project=ProjectName(request.account) if request.account else None,
        partition=request.partition,
        qos=record.qos_of(submission),
        reservation=request.reservation,
        cpus=request.cpus,
        nodes=request.nodes,
        submitted_at=_moment(submission.submitted),
        started_at=_moment(record.started),
        ended_at=_moment(record.ended),
        elapsed=timedelta(seconds=elapsed_seconds(record, now)),
        exit_code=None if record.state == RUNNING or record.ended is None else _exit_code(record),
        features=request.constraint,
        gpus=0,  # this machine's are not managed
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _exit_code(record: JobRecord) -> int:
    """As a shell says it: 128 + n after signal n."""
    return 128 + record.signal if record.signal else record.exit_code
