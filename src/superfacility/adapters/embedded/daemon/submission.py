"""A submission, from the request on the socket to records that are on disk."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from superfacility.adapters.embedded.configuration import Configuration
from superfacility.adapters.embedded.daemon.environment import exported
from superfacility.adapters.embedded.daemon.ledger import Ledger
from superfacility.adapters.embedded.daemon.queue import Change
from superfacility.adapters.embedded.daemon.spool import Spool
from superfacility.adapters.embedded.protocol import Problem
from superfacility.adapters.embedded.records import JobRecord, ReservationRecord, Submission
from superfacility.adapters.embedded.request.arrays import ArrayRange
from superfacility.adapters.embedded.request.dependencies import parse_dependencies
from superfacility.adapters.embedded.request.directives import check_script, read_directives
from superfacility.adapters.embedded.request.refusal import Refusal, sbatch_error, submission_failed
from superfacility.adapters.embedded.request.request import JobRequest, read_request
from superfacility.core.clock import Clock

_PATH_LIMIT = 4096


class Submitter:
    """Checks, spools and records one submission; synchronous, so that two with one intent never cross."""

    def __init__(self, ledger: Ledger, spool: Spool, clock: Clock) -> None:
        self._ledger = ledger
        self._queue = ledger.queue
        self._spool = spool
        self._clock = clock

    def submit(self, asked: Mapping[str, Any], configuration: Configuration) -> tuple[int, list[str]]:
        """The job's number and warnings. The same intent again: the first number, and nothing else happens."""
        intent = str(asked.get("intent", ""))
        if intent and (earlier := self._queue.by_intent(intent)):
            return earlier.id, []
        try:
            return self._accept(asked, configuration, intent)
        except Refusal as refusal:
            raise Problem("refused", refusal.words + "\n") from None

    def _accept(self, asked: Mapping[str, Any], configuration: Configuration, intent: str) -> tuple[int, list[str]]:
        script = str(asked["script"])
        check_script(script)
        directives = read_directives(script)
        values = {**directives.values, **asked.get("options", {})}
        now = self._clock.now().timestamp()
        request, array = read_request(values, str(asked["script_name"]), configuration, now)
        self._check_promises(str(asked["user"]), request)
        warnings = [f"sbatch: warning: ignoring unknown option: {each}" for each in directives.unknown]
        if asked.get("test_only"):
            return self._queue.next_id, warnings
        submission = self._submission(asked, request, now, intent)
        self._record(submission, _jobs(submission, array), asked)
        return submission.id, warnings

    def _submission(self, asked: Mapping[str, Any], request: JobRequest, now: float, intent: str) -> Submission:
        directory = str(asked["work_dir"])
        work_dir = str(PurePosixPath(directory, request.chdir)) if request.chdir else directory
        if "\0" in work_dir or len(work_dir) > _PATH_LIMIT:
            raise sbatch_error("Invalid directory for --chdir")
        return Submission(
            id=self._queue.next_id,
            user=str(asked["user"]),
            uid=int(asked["uid"]),
            gid=int(asked["gid"]),
            request=request,
            work_dir=work_dir,
            command=str(asked.get("command", "")),
            submitted=now,
            intent=intent,
        )

    def _check_promises(self, user: str, request: JobRequest) -> None:
        """What the request names must be there."""
        if request.reservation:
            _check_reservation(self._queue.reservations.get(request.reservation), user, request.account)
        for term in parse_dependencies(request.dependency).terms:
            if not all(self._queue.find(target) for target in term.targets):
                raise submission_failed("Job dependency problem")

    def _record(self, submission: Submission, jobs: list[JobRecord], asked: Mapping[str, Any]) -> None:
        content = {
            "script": asked["script"],
            "arguments": [str(each) for each in asked.get("arguments", ())],
            "environment": exported(asked["environment"], submission.request.export),
        }
        change = Change(submissions=[submission], jobs=jobs, next_id=max(job.id for job in jobs) + 1)
        try:
            self._spool.store(submission.id, content)
            self._ledger.commit(change)
        except (OSError, Problem) as error:
            self._spool.discard(submission.id)
            words = error.strerror or "I/O error" if isinstance(error, OSError) else error.words
            raise submission_failed(words) from error


def _check_reservation(reservation: ReservationRecord | None, user: str, account: str) -> None:
    if reservation is None:
        raise submission_failed("Requested reservation is invalid")
    if not reservation.admits(user, account):
        raise submission_failed("Access denied to requested reservation")


def _jobs(submission: Submission, array: ArrayRange | None) -> list[JobRecord]:
    """An element's own number is the array's plus its place, so that numbers are never used twice."""
    tasks: Iterable[int | None] = array.tasks if array else (None,)
    request = submission.request
    return [
        JobRecord(
            id=submission.id + place,
            submission=submission.id,
            task=task,
            limit=request.time_limit,
            held=request.held,
        )
        for place, task in enumerate(tasks)
    ]
