"""From events to deliveries: follows the log, and notes what is owed to whom when a watched job ends.

One process of an installation does this. A turn reads, decides, and commits all of it with the place reached in the
log; a kill anywhere between repeats the turn, and changes nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import structlog

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.deliveries import CallbackStore, Channel, Element, NewDelivery, Step, Watch
from superfacility.facility.events import Event, EventKind, EventLog
from superfacility.facility.jobs import JobId, JobState
from superfacility.facility.people import UserName
from superfacility.services.compute.submissions import submitted_job
from superfacility.services.events import messages
from superfacility.services.events.enquiries import Enquiries, counted, is_array
from superfacility.services.events.readings import JobReadings
from superfacility.services.events.targets import place_of
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.task import TaskId, TaskStatus

log = structlog.get_logger(__name__)
PAGE = 1000
"""Events in one turn."""
GIVE_UP_AFTER = timedelta(hours=24)
MOST_PENDING = 1000
"""Deliveries that may wait for one person; what comes on top is kept as dead and can be redelivered."""
FULL = (
    "Not sent: {0} callbacks of yours are waiting already. See why with GET /callbacks?state=pending, then redeliver."
)
SUBMISSIONS = 500
"""Submissions under way that one turn looks at: when a system is away there may be very many."""
UNSEEN_FOR = 60.0
"""Seconds that a job which no event has told of yet is asked for: by then the accounting is searched for such."""
_JOBS = frozenset({EventKind.JOB, EventKind.JOB_LOST})
_PART = re.compile(r"[_+].*", re.DOTALL)
"""What makes an element of an array, or a component of a heterogeneous job, of a job's id."""


@dataclass(slots=True)
class _Draft:
    """A step in the making."""

    bound: dict[str, JobId] = field(default_factory=dict)
    elements: dict[tuple[str, str], Element] = field(default_factory=dict)
    settling: set[str] = field(default_factory=set)
    timed_out: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    deliveries: list[NewDelivery] = field(default_factory=list)
    waiting: dict[UserName, int] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not (self.bound or self.elements or self.settling or self.timed_out or self.ended)


class Endings:
    """Takes turns along the log."""

    def __init__(
        self,
        events: EventLog,
        store: CallbackStore,
        queue: TaskQueue,
        clock: Clock,
        readings: JobReadings,
    ) -> None:
        self._events = events
        self._store = store
        self._queue = queue
        self._clock = clock
        self._enquiries = Enquiries(readings, clock)
        self._unseen: dict[str, tuple[float, Watch]] = {}
        self._looked_at = 0

    async def turn(self) -> bool:
        """One step along the log. False if there was nothing to do."""
        cursor = await self._store.cursor()
        draft = _Draft()
        fresh = await self._bind(draft)
        page = await self._events.after(cursor, limit=PAGE)
        stories = await self._stories(page, fresh, cursor)
        await self._conclude(draft, stories)
        await self._time_out(draft, {watch.task_id: watch for watch in fresh})
        if draft.empty and not page:
            return False
        await self._store.commit(
            Step(
                page[-1].id if page else cursor,
                draft.bound,
                list(draft.elements.values()),
                draft.settling,
                draft.timed_out,
                draft.ended,
                draft.deliveries,
            )
        )
        return True

    async def _bind(self, draft: _Draft) -> list[Watch]:
        """Give watches the jobs that their submissions have made meanwhile; tell of those that made none."""
        fresh = []
        for watch in self._next(await self._store.unbound()):
            task = await self._queue.task(TaskId(watch.task_id))
            if task is not None and not task.status.terminal:
                continue
            job_id = None if task is None else submitted_job(task)
            if job_id is not None:
                draft.bound[watch.task_id] = job_id
                fresh.append(replace(watch, job_id=job_id))
                continue
            draft.ended.add(watch.task_id)
            if task is not None:
                words = str((task.result or {}).get("error") or "the submission was given up.")
                certain = task.status is not TaskStatus.FAILED
                await self._owe(draft, watch, *messages.refusal(watch, words, certain=certain))
        return fresh

    def _next(self, unbound: Sequence[Watch]) -> Sequence[Watch]:
        """All, or if they are very many the next ones in turn."""
        if len(unbound) <= SUBMISSIONS:
            return unbound
        start = self._looked_at = (self._looked_at + SUBMISSIONS) % len(unbound)
        return [*unbound, *unbound][start : start + SUBMISSIONS]

    async def _stories(
        self, page: Sequence[Event], fresh: Sequence[Watch], cursor: int
    ) -> list[tuple[Watch, list[Event]]]:
        """What each watched job went through in this page; for those just bound, also what was passed by before."""
        jobs = {key for event in page if (key := _key(event)) is not None}
        heard = [*(await self._store.watching(jobs) if jobs else ()), *fresh]
        watches = [*heard, *await self._store.settling(), *self._still_unseen(fresh)]
        told: dict[str, tuple[Watch, list[Event]]] = {watch.task_id: (watch, []) for watch in watches}
        _hand_out(told, [event async for event in self._passed_by(fresh, cursor)], {each.task_id for each in fresh})
        _hand_out(told, page, told.keys())
        return list(told.values())

    def _still_unseen(self, fresh: Sequence[Watch]) -> list[Watch]:
        """Jobs that were bound a short while ago by this process."""
        now = self._clock.monotonic()
        self._unseen |= {watch.task_id: (now, watch) for watch in fresh}
        for task_id in [task_id for task_id, (since, _) in self._unseen.items() if now - since > UNSEEN_FOR]:
            self._see(task_id)
        return [watch for _, watch in self._unseen.values()]

    def _see(self, task_id: str) -> None:
        if self._unseen.pop(task_id, None) is not None:
            self._enquiries.forget(task_id)

    async def _passed_by(self, fresh: Sequence[Watch], cursor: int) -> AsyncIterator[Event]:
        """The events up to the cursor in which jobs that were just bound have a part."""
        jobs = {(watch.system, watch.job_id) for watch in fresh}
        at = min((watch.since for watch in fresh), default=cursor)
        while at < cursor and (page := await self._events.after(at, limit=PAGE)):
            for event in page:
                if event.id <= cursor and _key(event) in jobs:
                    yield event
            at = page[-1].id

    async def _conclude(self, draft: _Draft, stories: Sequence[tuple[Watch, list[Event]]]) -> None:
        known: dict[str, dict[str, Element]] = {}
        for element in await self._store.elements([watch.task_id for watch, _ in stories]):
            known.setdefault(element.task_id, {})[element.job_id] = element
        for watch, events in stories:
            elements = known.setdefault(watch.task_id, {})
            for element in _heard(watch, events):
                elements[element.job_id] = draft.elements[watch.task_id, element.job_id] = element
            if elements:
                self._see(watch.task_id)
        watches = [watch for watch, _ in stories]
        found = await asyncio.gather(*(self._ended(watch, known[watch.task_id]) for watch in watches))
        for watch, ended in zip(watches, found, strict=True):
            if ended is not None:
                self._see(watch.task_id)
                draft.ended.add(watch.task_id)
                await self._owe(draft, watch, *messages.ending(watch, ended))
            elif not watch.settling and _seems_over(watch, known[watch.task_id]):
                draft.settling.add(watch.task_id)

    async def _ended(self, watch: Watch, elements: Mapping[str, Element]) -> Sequence[Element] | None:
        """How each of its elements ended, once all have."""
        told = counted(watch, elements)
        if told and not _seems_over(watch, elements):
            return None
        if told and not is_array(watch, elements):
            return told
        if told or watch.task_id in self._unseen:
            return await self._enquiries.elements(watch, told)
        return None

    async def _time_out(self, draft: _Draft, fresh: Mapping[str, Watch]) -> None:
        overdue = [
            fresh.get(watch.task_id, watch)
            for watch in await self._store.overdue(self._clock.now())
            if watch.task_id not in draft.ended
        ]
        if not overdue:
            return
        known = {(each.task_id, each.job_id): each for each in await self._store.elements([w.task_id for w in overdue])}
        known |= draft.elements
        for watch in overdue:
            draft.timed_out.add(watch.task_id)
            mine = {job_id: each for (task_id, job_id), each in known.items() if task_id == watch.task_id}
            told = counted(watch, mine) or await self._enquiries.queued(watch)
            await self._owe(draft, watch, *messages.timeout(watch, told))

    async def _owe(self, draft: _Draft, watch: Watch, kind: str, data: Mapping[str, Any]) -> None:
        now = self._clock.now()
        if watch.owner not in draft.waiting:
            draft.waiting[watch.owner] = await self._store.pending(watch.owner)
        for channel, target in ((Channel.WEBHOOK, watch.url), (Channel.EMAIL, watch.email)):
            if target:
                waiting = draft.waiting[watch.owner]
                draft.waiting[watch.owner] += 1
                draft.deliveries.append(
                    NewDelivery(
                        task_id=watch.task_id,
                        owner=watch.owner,
                        system=watch.system,
                        job_id=watch.job_id,
                        channel=channel,
                        target=target,
                        place=place_of(channel, target),
                        kind=kind,
                        body=messages.body(kind, now, data),
                        message_id=f"msg_{new_uuid().hex}",
                        created_at=now,
                        give_up_at=now + GIVE_UP_AFTER,
                        dead_because=FULL.format(waiting) if waiting >= MOST_PENDING else None,
                    )
                )


def _key(event: Event) -> tuple[str, str] | None:
    """System and job of an event that concerns one, of an array's element the array."""
    what = event.what
    return (what.system, _PART.sub("", what.subject)) if what.kind in _JOBS else None


def _hand_out(
    told: Mapping[str, tuple[Watch, list[Event]]], events: Sequence[Event], task_ids: Collection[str]
) -> None:
    """Add each event to the stories of those watches whose job it is about."""
    by_job: dict[tuple[str, str], list[str]] = {}
    for task_id in task_ids:
        watch, _ = told[task_id]
        by_job.setdefault((watch.system, str(watch.job_id)), []).append(task_id)
    for event in events:
        for task_id in by_job.get(_key(event) or ("", ""), ()):
            watch, story = told[task_id]
            if event.id > watch.since:
                story.append(event)


def _heard(watch: Watch, events: Sequence[Event]) -> Iterator[Element]:
    """What these events say of the job. `1_[5-9]` stands for elements that wait: it loses members without an event, so
    that only its end counts. The id is what the owner's own account on the system has answered: with the id of
    another's job nothing of that is told."""
    for event in events:
        what = event.what
        if what.user not in (None, watch.owner):
            continue
        state = None if what.kind is EventKind.JOB_LOST else _state(event)
        if what.kind is EventKind.JOB and state is None:
            continue
        if "[" in what.subject and state is not None and not state.terminal:
            continue
        code = what.data.get("exit_code")
        yield Element(watch.task_id, what.subject, state, code if isinstance(code, int) else None)


def _seems_over(watch: Watch, elements: Mapping[str, Element]) -> bool:
    told = counted(watch, elements)
    return bool(told) and all(each.over for each in told)


def _state(event: Event) -> JobState | None:
    """None for one that cannot be read: it must not stop all others."""
    try:
        return JobState(event.what.data["state"])
    except (KeyError, ValueError):
        log.error("an event has no state of a job", number=event.id)
        return None
