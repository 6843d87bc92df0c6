"""How a job ended of which events do not tell everything: an array, or one that nobody has seen yet.

Elements of an array come and go too quickly for events to tell of each, and so do short jobs between two readings.
That nothing of them is left, the queue must say, and how each ended the accounting, where there is one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.facility.deliveries import Element, Watch
from superfacility.facility.errors import FacilityError
from superfacility.facility.jobs import Job, JobId
from superfacility.services.events.readings import JobReadings

PATIENCE = timedelta(minutes=10)
"""How long rows of accounting may be behind the queue before they count as lost: some are never closed."""
LONGEST_PAUSE = timedelta(minutes=1)
SETTLED = timedelta(seconds=30)
"""How long nothing more may come where the scheduler can have forgotten elements before accounting learned of them."""
SKEW = timedelta(minutes=10)
"""How far the clocks of a system and ours may be apart."""


@dataclass(slots=True)
class _Question:
    """Asked again after pauses that double. `left` is when the queue was first seen without the job; what was answered
    to a question from before `since` proves nothing. `names` are the elements of the latest answer, the same from
    `settling` on. All by the monotonic clock."""

    next: float
    pause: float = 1.0
    left: float | None = None
    since: float = 0.0
    names: frozenset[str] = frozenset()
    settling: float = 0.0

    def settles(self, names: Collection[str], now: float) -> bool:
        """Note these; true once they have been all for long enough."""
        if frozenset(names) != self.names:
            self.names, self.settling = frozenset(names), now
        return now - self.settling >= SETTLED.total_seconds()


@dataclass(frozen=True, slots=True)
class Enquiries:
    """Remembers how often it has asked, and nothing that matters: after a restart it begins anew."""

    readings: JobReadings
    clock: Clock
    _questions: dict[str, _Question] = field(default_factory=dict)

    async def elements(self, watch: Watch, told: Sequence[Element]) -> Sequence[Element] | None:
        """All elements with how they ended, once it is known; `told` is what events have said, perhaps nothing."""
        now = self.clock.monotonic()
        question = self._questions.setdefault(watch.task_id, _Question(now))
        if now < question.next:
            return None
        question.next, question.pause = now + question.pause, min(2 * question.pause, LONGEST_PAUSE.total_seconds())
        try:
            found = await self._ask(question, watch, told)
        except FacilityError:
            return None
        if found is not None:
            self.forget(watch.task_id)
        return found

    async def _ask(self, question: _Question, watch: Watch, told: Sequence[Element]) -> Sequence[Element] | None:
        job_id = JobId(str(watch.job_id))
        if await self.readings.queued(watch.system, job_id):
            question.left = None
            return None
        if question.left is None:
            question.left = question.since = self.clock.monotonic()
        rows = await self.readings.accounted(watch.system, job_id, question.since)
        question.since = now = self.clock.monotonic()
        found = self._merged(watch, told, rows, patient=now - question.left < PATIENCE.total_seconds())
        if found is None or not await self._complete(question, watch, [each.job_id for each in found]):
            return None
        return found

    async def _complete(self, question: _Question, watch: Watch, names: Sequence[str]) -> bool:
        """Of an array: whether these are all its elements."""
        if names == [watch.job_id] or question.settles(names, question.since):
            return True
        return self.clock.now() - watch.created_at < await self.readings.remembers(watch.system)

    async def queued(self, watch: Watch) -> Sequence[Element]:
        """What of it the queue lists, as far as it can be asked."""
        if watch.job_id is None:
            return ()
        try:
            jobs = await self.readings.queued(watch.system, watch.job_id)
        except FacilityError:
            return ()
        return [Element(watch.task_id, job.id, job.state) for job in jobs if job.user == watch.owner]

    def forget(self, task_id: str) -> None:
        self._questions.pop(task_id, None)

    def _merged(
        self, watch: Watch, told: Sequence[Element], rows: Sequence[Job], *, patient: bool
    ) -> Sequence[Element] | None:
        rows = [
            row
            for row in rows
            if row.user == watch.owner and (row.ended_at is None or row.ended_at >= watch.created_at - SKEW)
        ]
        if not rows:
            return told or None
        heard = {each.job_id: each for each in told if "[" not in each.job_id}
        known: dict[str, Element] = dict(heard)
        for row in rows:
            if row.state.terminal and (row.ended_at is not None or not patient):
                known[row.id] = Element(watch.task_id, row.id, row.state, row.exit_code)
            elif row.id not in heard and patient:
                return None
            elif row.id not in heard:
                known[row.id] = Element(watch.task_id, row.id, None)
        return list(known.values())


def is_array(watch: Watch, elements: Mapping[str, Element]) -> bool:
    """Also a heterogeneous job: something of it has an id of its own."""
    return any(name != watch.job_id for name in elements)


def counted(watch: Watch, elements: Mapping[str, Element]) -> list[Element]:
    """All that are told of: of an array its elements, not the row that stood for it as long as it waited."""
    return [each for name, each in elements.items() if name != watch.job_id or not is_array(watch, elements)]
