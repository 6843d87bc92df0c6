"""From a planned start to a recorded end: what happens to running jobs. It reads evidence and never guesses."""

import contextlib
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from superfacility.adapters.embedded.configuration import Configuration
from superfacility.adapters.embedded.daemon.launcher import Launcher
from superfacility.adapters.embedded.daemon.ledger import Ledger
from superfacility.adapters.embedded.daemon.planning import plan
from superfacility.adapters.embedded.daemon.queue import Change
from superfacility.adapters.embedded.daemon.spool import Spool
from superfacility.adapters.embedded.protocol import Problem
from superfacility.adapters.embedded.records import (
    CANCELLED,
    COMPLETED,
    FAILED,
    PENDING,
    RUNNING,
    TIMEOUT,
    JobRecord,
)
from superfacility.core.clock import Clock

_FALSE_STARTS = 3
"""How often a supervisor may die before its script ran, until the job is given up."""


class Execution:
    """Starts what the plan says and takes in what has ended. `watch` is told of each supervisor's process."""

    def __init__(self, ledger: Ledger, spool: Spool, clock: Clock, watch: Callable[[int], None]) -> None:
        self.spool = spool
        self._ledger = ledger
        self._queue = ledger.queue
        self._launcher = Launcher(spool)
        self._clock = clock
        self._watch = watch
        self._false_starts: Counter[int] = Counter()

    def recover(self) -> None:
        """After a start: find supervisors that live on, and remove folders that no job needs."""
        for job in self._running():
            pid = self._launcher.supervisor(job.submission, job.id)
            if pid is not None and self._launcher.alive(job.submission, job.id):
                self._watch(pid)
            if job.cancelled_by is not None or job.requeued:
                self.request_end(job)
        needed = {self._queue.jobs[number].submission for number in self._queue.active}
        for number in self.spool.submissions():
            if number not in needed:
                self.spool.discard(number)

    def _running(self) -> list[JobRecord]:
        jobs = self._queue.jobs
        return [jobs[number] for number in self._queue.active if jobs[number].state == RUNNING]

    def schedule(self, configuration: Configuration) -> None:
        """Start what can start. If the journal cannot be written, nothing starts and the next round tries again."""
        made = plan(self._queue, configuration.cores, self._clock.now().timestamp())
        for number, reason in made.reasons.items():
            self._queue.set_reason(number, reason)
        if not made.starts and not made.hopeless:
            return
        try:
            self._ledger.commit(Change(jobs=[*made.hopeless, *made.starts]))
        except Problem:
            return
        self.clean_up(made.hopeless)
        failed = [broken for job in made.starts if (broken := self._launch(job, configuration))]
        if failed:
            with contextlib.suppress(Problem):
                self._ledger.commit(Change(jobs=failed))

    def _launch(self, job: JobRecord, configuration: Configuration) -> JobRecord | None:
        """The job as failed when its supervisor cannot be started."""
        submission = self._queue.submissions[job.submission]
        try:
            self._watch(self._launcher.start(submission, job, configuration))
        except (OSError, ValueError):
            return replace(job, state=FAILED, reason="JobLaunchFailure", exit_code=1, ended=job.started)
        return None

    def collect(self) -> bool:
        """Take in every running job whose supervisor is gone; True if there was one."""
        gone = [job for job in self._running() if not self._launcher.alive(job.submission, job.id)]
        if not gone:
            return False
        changed = [back_in_queue(job) if job.requeued else self._outcome(job) for job in gone]
        try:
            self._ledger.commit(Change(jobs=changed))
        except Problem:
            return False
        for job in changed:
            self.spool.discard_job(job.submission, job.id)
        self.clean_up([job for job in changed if not job.active])
        return True

    def end_overdue(self) -> None:
        """Those whose time limit was shortened while they ran; their supervisors know the old one only."""
        now = self._clock.now().timestamp()
        for job in self._running():
            if job.limit is not None and job.started is not None and now >= job.started + job.limit:
                self.request_end(job)

    def _outcome(self, job: JobRecord) -> JobRecord:
        ended = self._launcher.ended(job.submission, job.id)
        if ended is not None:
            return ended_job(job, ended)
        now = self._clock.now().timestamp()
        if self._launcher.started(job.submission, job.id) is None:
            if job.cancelled_by is not None:
                return replace(job, state=CANCELLED, ended=now)
            self._false_starts[job.id] += 1
            if self._false_starts[job.id] < _FALSE_STARTS:
                return replace(job, state=PENDING, started=None)
            return replace(job, state=FAILED, reason="JobLaunchFailure", exit_code=1, ended=now)
        self._launcher.kill_job(job.submission, job.id)
        elapsed = max(0.0, now - (job.started or now))
        return replace(job, state=FAILED, reason="NodeFail", exit_code=1, ended=now, elapsed=elapsed)

    def request_end(self, job: JobRecord) -> None:
        self._launcher.request_end(job.submission, job.id)

    def signal(self, job: JobRecord, number: signal.Signals) -> None:
        self._launcher.signal_job(job.submission, job.id, number)

    def clean_up(self, jobs: Iterable[JobRecord]) -> None:
        """Remove the files of submissions whose last job is among these."""
        for number in {job.submission for job in jobs}:
            if not any(each.active for each in self._queue.elements(number)):
                self.spool.discard(number)

    def end_all(self) -> bool:
        """Ask every running job to end; True while some have not."""
        self.collect()
        running = self._running()
        for job in running:
            self.request_end(job)
        return bool(running)


def back_in_queue(job: JobRecord) -> JobRecord:
    """Its output files are written anew when it starts again."""
    return replace(job, state=PENDING, reason="None", started=None, requeued=False, restarts=job.restarts + 1)


def ended_job(job: JobRecord, ended: Mapping[str, Any]) -> JobRecord:
    """The job with what its supervisor wrote down."""
    outcome, code, number = ended["outcome"], int(ended["exit_code"]), int(ended["signal"])
    limit_at = None if job.limit is None or job.started is None else job.started + job.limit
    overdue = job.cancelled_by is None and limit_at is not None and float(ended["ended"]) >= limit_at
    if outcome == "timeout" or (outcome == "cancelled" and overdue):
        state, reason, code, number = TIMEOUT, "TimeLimit", 0, 0
    elif outcome == "cancelled":
        state, reason, code, number = CANCELLED, "None", 0, 15
    elif code or number:
        state, reason = FAILED, "NonZeroExitCode" if code else f"RaisedSignal:{number}"
    else:
        state, reason = COMPLETED, "None"
    return replace(
        job,
        state=state,
        reason=reason,
        exit_code=code,
        signal=number,
        ended=max(float(ended["ended"]), job.started or 0.0),
        elapsed=float(ended["elapsed"]),
        cpu_seconds=float(ended["cpu_seconds"]),
        system_seconds=float(ended["system_seconds"]),
        max_rss=int(ended["max_rss"]),
    )
