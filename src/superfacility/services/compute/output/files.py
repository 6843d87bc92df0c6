"""What schedulers have said of the files of jobs, kept as long as it is right and never for anybody else.

A scheduler decides who may see which script, so it is asked as the person who wants to know, and its answer serves the
programs of that person alone. Whether the site's rule shows the job to a caller is looked at elsewhere, each time.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError, NotFound, NotPermitted, Unavailable
from superfacility.facility.jobs import Job, JobDetails, JobId
from superfacility.facility.people import User
from superfacility.facility.systems import System
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.flights import SingleFlight
from superfacility.services.compute.listings import JobListings

_LONGEST = 3600.0
"""Seconds. A scheduler forgets ended jobs sooner than people do."""
_MOST = 2000
_MOST_TEXT = 32 * 1024 * 1024
_OVERHEAD = 1000
"""Characters that an answer without a script counts."""

_Stage = tuple[JobId, datetime | None, datetime | None] | None
_Key = tuple[str, int, str, bool, JobId]


@dataclass(frozen=True, slots=True)
class _Question:
    """`listed` is the job in the last reading, None once it has left the queue."""

    system: System
    user: User
    job_id: JobId
    listed: Job | None
    script: bool

    @property
    def key(self) -> _Key:
        """Whoever takes over a name, or is no longer staff, is somebody else."""
        return (self.system.name, self.user.uid, self.user.name, self.user.staff, self.job_id)

    @property
    def stage(self) -> _Stage:
        """How far the job is: what a file is called may name the node, which is known when the job starts."""
        listed = self.listed
        return None if listed is None else (listed.id, listed.submitted_at, listed.started_at)

    @property
    def waits(self) -> bool:
        return self.listed is not None and self.listed.started_at is None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was said at that stage of the job. `script_at` is when its script was asked for, None if it never was."""

    said: JobDetails | NotFound | NotPermitted
    stage: _Stage
    read_at: float
    script_at: float | None

    @property
    def size(self) -> int:
        text = self.said.script if isinstance(self.said, JobDetails) else None
        return len(text or "") + _OVERHEAD

    def details(self) -> JobDetails:
        if isinstance(self.said, JobDetails):
            return self.said
        raise self.said.with_traceback(None)


class KnownFiles:
    """However many of a person's programs ask, and however often, their scheduler is asked for a job's files when
    something about them may have changed, and by one of them."""

    def __init__(self, jobs: JobListings, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock
        self._answers: OrderedDict[_Key, _Answer] = OrderedDict()
        self._size = 0
        self._flights: dict[tuple[_Key, bool], SingleFlight[_Answer]] = {}

    async def of(
        self, user: User, system: System, job_id: JobId, *, script: bool = True, patience: float = 0.0
    ) -> JobDetails:
        """As `Scheduler.details`. The files of a job that waits can still be changed: their paths are believed for a
        period of the collector, or as many seconds as the caller has `patience`."""
        system.require_scheduler()
        collector = self._jobs.collectors[system.name]
        question = _Question(system, user, job_id, await _listed(collector, job_id), script)
        known = self._answers.get(question.key)
        if known is not None and script and known.script_at is None:
            known = None
        if known is not None and self._right(known, question, max(collector.period, patience)):
            self._answers.move_to_end(question.key)
            return known.details()
        if known is None or not isinstance(known.said, JobDetails):
            return (await self._ask_together(question)).details()
        return await self._renewed(known.said, question, collector)

    async def _renewed(self, known: JobDetails, question: _Question, collector: Collector) -> JobDetails:
        """What was known, where the scheduler does not answer."""
        if not collector.answers:
            return known
        try:
            return (await self._ask_together(question)).details()
        except Unavailable:
            return known

    def _right(self, known: _Answer, question: _Question, period: float) -> bool:
        changes = question.waits or not isinstance(known.said, JobDetails)
        age = self._clock.monotonic() - known.read_at
        return known.stage == question.stage and age < (period if changes else _LONGEST)

    async def _ask_together(self, question: _Question) -> _Answer:
        name = (question.key, question.script)
        flight = self._flights.get(name)

        async def ask() -> _Answer:
            try:
                return self._keep(question, await self._ask(question))
            finally:
                del self._flights[name]

        if flight is None:
            flight = self._flights[name] = SingleFlight(ask)
        return await flight.join()

    async def _ask(self, question: _Question) -> _Answer:
        """A script that is known is not asked for again: it never changes."""
        began, before = self._clock.monotonic(), self._with_script(question)
        wanted = question.script and before is None
        said: JobDetails | NotFound | NotPermitted
        try:
            said = await question.system.require_scheduler().details(
                question.user, question.job_id, listed=question.listed, script=wanted
            )
        except (NotFound, NotPermitted) as refusal:
            return _Answer(refusal, question.stage, began, began)
        if before is not None:
            kept, at = before
            return _Answer(replace(said, script=kept), question.stage, began, at)
        said = said if wanted else replace(said, script=None)
        return _Answer(said, question.stage, began, began if wanted else None)

    def _with_script(self, question: _Question) -> tuple[str | None, float] | None:
        """The script of this very submission, and since when it is known."""
        known = self._answers.get(question.key)
        if known is None or known.script_at is None or not isinstance(known.said, JobDetails):
            return None
        old = self._clock.monotonic() - known.script_at >= _LONGEST
        other = known.stage is not None and question.stage is not None and known.stage[:2] != question.stage[:2]
        return None if old or other else (known.said.script, known.script_at)

    def _keep(self, question: _Question, answer: _Answer) -> _Answer:
        self._forget(question.key)
        self._answers[question.key] = answer
        self._size += answer.size
        while len(self._answers) > _MOST or self._size > _MOST_TEXT:
            self._forget(next(iter(self._answers)))
        return answer

    def _forget(self, key: _Key) -> None:
        found = self._answers.pop(key, None)
        self._size -= 0 if found is None else found.size


async def _listed(collector: Collector, job_id: JobId) -> Job | None:
    try:
        view = await collector.view()
    except FacilityError:
        return None
    return next(iter(view.with_id(job_id)), None)
