"""What the daemon does when asked: one method per request. Every change is in the journal before it is in memory."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from superfacility.adapters.embedded.configuration import Configuration
from superfacility.adapters.embedded.daemon.booking import book, changed
from superfacility.adapters.embedded.daemon.changing import changed_jobs
from superfacility.adapters.embedded.daemon.execution import Execution
from superfacility.adapters.embedded.daemon.ledger import Ledger
from superfacility.adapters.embedded.daemon.queue import Change
from superfacility.adapters.embedded.daemon.submission import Submitter
from superfacility.adapters.embedded.output_paths import output_paths
from superfacility.adapters.embedded.protocol import CONFIGURATION, PAGE, Message, Problem
from superfacility.adapters.embedded.records import (
    CANCELLED,
    PENDING,
    RUNNING,
    JobRecord,
    ReservationRecord,
    reservation_from,
    to_json,
)
from superfacility.core.clock import Clock


class Service:
    """Answers requests. `wake` is called after whatever may let a job start."""

    def __init__(
        self,
        state: Path,
        ledger: Ledger,
        execution: Execution,
        clock: Clock,
        configuration: Configuration,
        instance: str,
        wake: Callable[[], None],
    ) -> None:
        self.configuration = configuration
        self._state = state
        self._ledger = ledger
        self._queue = ledger.queue
        self._execution = execution
        self._clock = clock
        self._instance = instance
        self._wake = wake

    def answer(self, request: Mapping[str, Any]) -> Message:
        handlers: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "hello": self._hello,
            "submit": self._submit,
            "find": self._find,
            "cancel": self._cancel,
            "signal": self._signal,
            "update": self._update,
            "requeue": self._requeue,
            "details": self._details,
            "changes": self._changes,
            "jobs": self._jobs,
            "reservations": self._reservations,
            "reserve": self._reserve,
            "rebook": self._rebook,
            "unreserve": self._unreserve,
        }
        handler = handlers.get(str(request.get("do")))
        if handler is None:
            return Problem("invalid", f"no such request: {request.get('do')!r}").to_message()
        try:
            return {"ok": handler(request)}
        except Problem as problem:
            return problem.to_message()
        except (KeyError, TypeError, ValueError) as error:
            return Problem("invalid", f"malformed request: {error!r}").to_message()

    def _hello(self, request: Mapping[str, Any]) -> Message:
        """Who answers; a caller that read the configuration file anew says so with `reload`."""
        if request.get("reload"):
            text = (self._state / CONFIGURATION).read_text()
            self.configuration = Configuration.from_json(text)
            self._queue.max_jobs = self.configuration.max_jobs
            self._wake()
        return {
            "instance": self._instance,
            "configuration": asdict(self.configuration),
            "now": self._clock.now().timestamp(),
        }

    def _submit(self, request: Mapping[str, Any]) -> Message:
        submitter = Submitter(self._ledger, self._execution.spool, self._clock)
        number, warnings = submitter.submit(request, self.configuration)
        self._wake()
        return {"job": number, "warnings": warnings}

    def _find(self, request: Mapping[str, Any]) -> int | None:
        found = self._queue.by_intent(request["intent"])
        return found.id if found else None

    def _require(self, text: str) -> list[JobRecord]:
        jobs = self._queue.find(text)
        if not jobs:
            raise Problem("not_found", f"Invalid job id specified: {text}")
        return jobs

    def _own(self, request: Mapping[str, Any]) -> list[JobRecord]:
        """The jobs named, if the caller may change them."""
        jobs = self._require(str(request["job"]))
        owner = self._queue.submissions[jobs[0].submission].user
        if owner != request["user"] and not request.get("staff"):
            raise Problem("not_permitted", f"Access/permission denied: job {request['job']} belongs to {owner}")
        return jobs

    def _cancel(self, request: Mapping[str, Any]) -> int:
        """How many were still there to cancel."""
        jobs = [job for job in self._own(request) if job.active]
        by = int(request["uid"])
        now = self._clock.now().timestamp()
        changed = [
            replace(job, state=CANCELLED, reason="None", ended=now, cancelled_by=by)
            if job.state == PENDING
            else replace(job, cancelled_by=by, requeued=False)
            for job in jobs
        ]
        self._ledger.commit(Change(jobs=changed))
        for job in changed:
            if job.state == RUNNING:
                self._execution.request_end(job)
        self._execution.clean_up(job for job in changed if not job.active)
        self._wake()
        return len(jobs)

    def _signal(self, request: Mapping[str, Any]) -> int:
        number = signal.Signals(int(request["signal"]))
        running = [job for job in self._own(request) if job.state == RUNNING]
        for job in running:
            self._execution.signal(job, number)
        return len(running)

    def _update(self, request: Mapping[str, Any]) -> int:
        """Hold, release, or give another time limit or QOS."""
        jobs = self._own(request)
        changed = changed_jobs(jobs, self._queue.submissions[jobs[0].submission], request, self.configuration)
        self._ledger.commit(Change(jobs=changed))
        self._wake()
        return len(changed)

    def _requeue(self, request: Mapping[str, Any]) -> int:
        """Running jobs end and wait again; of what has ended, the script is gone."""
        jobs = [job for job in self._own(request) if job.state == RUNNING]
        if not jobs:
            active = any(job.active for job in self._own(request))
            raise Problem("refused", "Job is pending execution" if active else "Job script is gone: submit it again")
        self._ledger.commit(Change(jobs=[replace(job, requeued=True) for job in jobs]))
        for job in jobs:
            self._execution.request_end(job)
        return len(jobs)

    def _details(self, request: Mapping[str, Any]) -> Message:
        """Of an array, those of its first element. The script is for its owner and staff, while it is kept."""
        job = self._require(str(request["job"]))[0]
        submission = self._queue.submissions[job.submission]
        output, error = output_paths(submission, job, self.configuration.cluster)
        may_read = submission.user == request["user"] or request.get("staff")
        return {
            "job": job.public_id,
            "user": submission.user,
            "directory": submission.work_dir,
            "stdout": output,
            "stderr": error,
            "command": submission.command or None,
            "script": self._execution.spool.load(submission.id).get("script") if may_read else None,
        }

    def _changes(self, request: Mapping[str, Any]) -> Message:
        since = int(request["since"]) if request.get("instance") == self._instance else 0
        page = self._queue.changes(since, PAGE)
        return {
            "instance": self._instance,
            "version": page.version,
            "jobs": [to_json(each) for each in page.jobs],
            "submissions": [to_json(each) for each in page.submissions],
            "forgotten": page.forgotten,
            "more": page.more,
            "reset": page.reset,
        }

    def _jobs(self, request: Mapping[str, Any]) -> Message:
        """Jobs by id, all, or those that are active or ended after `since`: for programs that ask once."""
        missing: list[str] = []
        if request.get("ids"):
            found: dict[int, JobRecord] = {}
            for text in request["ids"]:
                matches = self._queue.find(str(text))
                found.update({job.id: job for job in matches})
                if not matches:
                    missing.append(str(text))
            jobs = list(found.values())
        elif request.get("active"):
            jobs = [self._queue.jobs[number] for number in self._queue.active]
        else:
            jobs = list(self._queue.jobs.values())
        if request.get("active"):
            jobs = [job for job in jobs if job.active]
        if "since" in request:
            since = float(request["since"])
            jobs = [job for job in jobs if job.ended is None or job.ended >= since]
        numbers = {job.submission for job in jobs}
        return {
            "jobs": [to_json(each) for each in jobs],
            "submissions": [to_json(self._queue.submissions[number]) for number in numbers],
            "missing": missing,
            "configuration": asdict(self.configuration),
            "now": self._clock.now().timestamp(),
        }

    def _reservations(self, request: Mapping[str, Any]) -> list[Message]:
        now = self._clock.now().timestamp()
        return [to_json(each) for each in self._queue.reservations.values() if each.end > now]

    def _reserve(self, request: Mapping[str, Any]) -> Message:
        now = self._clock.now().timestamp()
        asked = reservation_from({**request["reservation"], "cores": 0})
        booked = book(asked, self._queue.reservations.values(), self.configuration.cores, now)
        self._ledger.commit(Change(reservations=[booked]))
        self._wake()
        return to_json(booked)

    def _rebook(self, request: Mapping[str, Any]) -> Message:
        """Other times, sizes or users for a reservation that is there; what is not asked for stays."""
        now = self._clock.now().timestamp()
        current = self._reservation(str(request["name"]), now)
        others = [each for each in self._queue.reservations.values() if each is not current]
        wanted = changed(current, request["reservation"])
        booked = book(wanted, others, self.configuration.cores, now, doing="updating")
        self._ledger.commit(Change(reservations=[booked]))
        self._wake()
        return to_json(booked)

    def _unreserve(self, request: Mapping[str, Any]) -> None:
        reservation = self._reservation(str(request["name"]), self._clock.now().timestamp())
        self._ledger.commit(Change(dropped_reservations=[reservation.name]))
        self._wake()

    def _reservation(self, name: str, now: float) -> ReservationRecord:
        found = self._queue.reservations.get(name)
        if found is None or found.end <= now:
            raise Problem("not_found", f"Requested reservation is invalid: {name}")
        return found
