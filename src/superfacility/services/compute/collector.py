"""One reading for all: whoever needs a younger one reads it for every process, and the scheduler is asked once."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError, Unavailable
from superfacility.facility.events import NewEvent
from superfacility.facility.inventory import Inventory
from superfacility.facility.jobs import Job, JobId, JobQuery, QueueSnapshot
from superfacility.facility.systems import System
from superfacility.services.compute.flights import SingleFlight
from superfacility.services.compute.reading.accounting import Accounted, AccountingReader
from superfacility.services.compute.reading.changes import Changes, compare, settle, sweep, unanswered
from superfacility.services.compute.reading.evidence import OVERLAP, EvidenceSearch
from superfacility.services.compute.reading.inventory import InventoryReader
from superfacility.services.compute.reading.pace import Pace
from superfacility.services.compute.reading.sharing import SharedReadings, Sharing
from superfacility.services.compute.reading.trail import Trail
from superfacility.services.compute.reading.view import QueueContent, QueueView

_PATIENCE = 5.0
"""Seconds to wait for a new reading where an old one would do: callers give up after ten."""
_IMPATIENCE = 0.5
"""The same while the scheduler is known not to answer."""
_LIMIT = 30.0
"""Seconds until a reading that hangs is given up."""
_READINGS_PER_INVENTORY = 3
_FIRST_PAUSE = 0.5
_LEAST_WAIT = 0.05

log = structlog.get_logger(__name__)


class Collector:
    """Reads one system's scheduler at most once per period, and never twice at the same time, in all processes that
    share the readings together. Callers who want it fresher cause readings that begin at least `apart` seconds apart.

    When the scheduler does not answer, the last good reading stays, and its age with it; no job changes its state.
    """

    def __init__(
        self,
        system: System,
        clock: Clock,
        *,
        sharing: Sharing | None = None,
        period: float = 5.0,
        apart: float = 0.0,
        lost_after: timedelta = timedelta(minutes=10),
    ) -> None:
        self.system = system
        self._scheduler = system.require_scheduler()
        self._clock = clock
        self._least_period = period
        self._pace = Pace(clock, period, apart)
        self._lost_after = lost_after
        sharing = sharing or Sharing.alone()
        self._readings = SharedReadings(system.name, clock, sharing)
        self._inventory = InventoryReader(
            system.name, self._scheduler, clock, sharing, period * _READINGS_PER_INVENTORY
        )
        self._evidence = EvidenceSearch(system.name, self._scheduler, clock)
        self._accounting = AccountingReader(system.name, self._scheduler, clock, period)
        self._latest = AccountingReader(system.name, self._scheduler, clock, period, up_to_date=True)
        self._cached = SingleFlight(lambda: self._reading(clock.now() - timedelta(seconds=self.period)))
        self._fresh = SingleFlight(lambda: self._reading(clock.now()), self._breathe)
        self._one = asyncio.Lock()
        self._view: QueueView | None = None
        self._loaded = False
        self._failures = 0
        self._not_before = float("-inf")
        self._problem: FacilityError | None = None

    @property
    def period(self) -> float:
        """Seconds between two readings; a slow scheduler is asked less often. 0: nothing that is known will do."""
        return self._pace.period

    @property
    def current(self) -> QueueView | None:
        """The latest view if it is young enough; never waits. While the next one is being read, nobody who accepts
        what is known waits for it."""
        found = self._view
        if found is None:
            return None
        young = self._age(found) < self.period or (self._one.locked() and not self.stale(found))
        return found if young else None

    @property
    def age(self) -> float | None:
        """Seconds since the latest reading began; None before the first."""
        return None if self._view is None else self._age(self._view)

    @property
    def answers(self) -> bool:
        """False once the scheduler did not answer, until it does again."""
        return self._problem is None

    def stale(self, view: QueueView) -> bool:
        """Whether it is older than it should be: the scheduler, or our way to it, has trouble."""
        return self._age(view) > 2 * self.period

    async def view(self, *, fresh: bool = False) -> QueueView:
        """`fresh` joins the next reading that begins from now on. An old view comes back where the scheduler does not
        answer in time; `Unavailable` where there never was one."""
        if not self._loaded:
            await self._load()
        if not fresh and (found := self.current) is not None:
            return found
        try:
            return await self._awaited(fresh=fresh)
        except (FacilityError, TimeoutError) as problem:
            if self._view is not None:
                return self._view
            if isinstance(problem, FacilityError):
                raise
            raise self._silence() from problem

    async def accounting(self, query: JobQuery, *, fresh: bool = False) -> Sequence[Job]:
        """As `Scheduler.accounting`; the same query of several callers is asked once."""
        return (await self.accounted(query, fresh=fresh)).jobs

    async def accounted(self, query: JobQuery, *, fresh: bool = False) -> Accounted:
        """The same with its age; the last answer to the query where accounting does not answer now."""
        return await self._accounting.jobs(query, fresh=fresh)

    async def latest(self, job_id: JobId, since: float) -> Sequence[Job]:
        """Accounting's rows of a job, or of all elements of an array, as `JobQuery.up_to_date`, to a question that was
        asked at that time of the clock or later."""
        return await self._latest.since(job_id, since)

    async def remembers(self) -> timedelta:
        """As `Capabilities.remembers`."""
        return (await self._scheduler.capabilities()).remembers

    async def inventory(self) -> Inventory:
        """Nodes and partitions as they were last read, `taken_at` that moment; `Unavailable` if they never were."""
        return await self._inventory.current()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the view young until `stop`; in one process of an installation or in several, it is one reading."""
        while not stop.is_set():
            try:
                await self.view()
            except FacilityError as problem:
                log.warning("queue not read", system=self.system.name, problem=str(problem))
            try:
                async with asyncio.timeout(max(self._pause(), _LEAST_WAIT)):
                    await stop.wait()
            except TimeoutError:
                continue

    def _pause(self) -> float:
        now = self._clock.monotonic()
        due = now if self._view is None else self._view.read_at + self.period
        return max(due, self._not_before) - now

    def _age(self, view: QueueView) -> float:
        return self._clock.monotonic() - view.read_at

    async def _load(self) -> None:
        """What was read before this process began."""
        found = await self._readings.latest()
        self._loaded = True
        self._accept(found)

    async def _awaited(self, *, fresh: bool) -> QueueView:
        if self._problem is not None and self._clock.monotonic() < self._not_before:
            raise self._problem
        flight = self._fresh.fresh if fresh else self._cached.join
        troubled = self._problem is not None
        try:
            async with asyncio.timeout(_IMPATIENCE if troubled else _PATIENCE):
                return await flight()
        except TimeoutError:
            self._problem = self._problem or self._silence()
            raise

    async def _reading(self, than: datetime) -> QueueView:
        """One that began after `than`, of whichever process."""
        async with self._one:
            try:
                found = await self._readings.latest(than)
                if found is None:
                    async with self._readings.turn(than) as shared:
                        found = shared or await self._read()
            except FacilityError as problem:
                self._failed(problem)
                raise
            self._failures, self._problem, self._not_before = 0, None, float("-inf")
            self._accept(found)
            return found

    async def _breathe(self, last: float = float("-inf")) -> None:
        """Leave the scheduler some time for others."""
        if (pause := self._pace.pause(last)) > 0:
            await asyncio.sleep(pause)

    def _accept(self, found: QueueView | None) -> None:
        if found is not None and (self._view is None or found.read_at >= self._view.read_at):
            self._view = found

    def _failed(self, problem: FacilityError) -> None:
        self._failures += 1
        self._problem = problem
        pause = min(self._least_period, _FIRST_PAUSE * 2 ** min(self._failures, 10))
        self._not_before = self._clock.monotonic() + pause

    async def _read(self) -> QueueView:
        """Ask the scheduler, and tell all processes with what has changed."""
        before = await self._readings.latest()
        if before is not None:
            await self._breathe(before.read_at)
        began_at, began = self._clock.now(), self._pace.begin()
        snapshot = await self._asked()
        self._pace.end()
        content, events = await self._understood(before, snapshot)
        try:
            with self._pace.own_work():
                kept = await self._readings.publish(content, began_at, before, events)
        except FacilityError as problem:  # the next reading compares with what was kept: nothing is lost
            log.warning("reading not kept", system=self.system.name, problem=str(problem))
            kept = None
        return kept or QueueView(content, began_at, began)

    async def _asked(self) -> QueueSnapshot:
        try:
            async with asyncio.timeout(_LIMIT):
                return await self._scheduler.queue()
        except TimeoutError as problem:
            raise self._silence() from problem
        except FacilityError:
            raise
        except Exception as problem:  # whatever an adapter cannot read says nothing about jobs
            log.exception("queue cannot be read", system=self.system.name)
            raise self._silence() from problem

    async def _understood(
        self, before: QueueView | None, snapshot: QueueSnapshot
    ) -> tuple[QueueContent, Sequence[NewEvent]]:
        """What goes through all jobs does so beside the event loop."""
        name, now = self.system.name, self._clock.now()
        with self._pace.own_work():
            changes = await asyncio.to_thread(_compared, name, before, snapshot, now)
        events, trail = [*changes.events], changes.trail
        evidence = await self._evidence.found(trail)
        if evidence.failed:
            trail = unanswered(trail)
        else:
            changes = settle(name, trail, evidence.answer, now, self._lost_after)
            events, trail = [*events, *changes.events], changes.trail
        if evidence.ended is not None:
            present = (job.id for job in snapshot.jobs)
            changes = sweep(name, trail, present, evidence.ended, now, OVERLAP)
            events, trail = [*events, *changes.events], changes.trail
        with self._pace.own_work():
            return await asyncio.to_thread(_content, before, snapshot, trail), events

    def _silence(self) -> Unavailable:
        return Unavailable(
            f"The scheduler of {self.system.name} does not answer now. Nothing is known to be wrong with your jobs: "
            "try again in a moment, and tell the facility's staff if it lasts."
        )


def _compared(name: str, before: QueueView | None, snapshot: QueueSnapshot, now: datetime) -> Changes:
    if before is None:
        return compare(name, None, Trail(), snapshot.jobs, now)
    if before.jobs == snapshot.jobs:
        return Changes((), before.content.trail)
    return compare(name, before.content.by_id, before.content.trail, snapshot.jobs, now)


def _content(before: QueueView | None, snapshot: QueueSnapshot, trail: Trail) -> QueueContent:
    """The one that there is already, with what was rendered of it, where the scheduler says the same again."""
    if before is None or before.jobs != snapshot.jobs:
        return QueueContent(snapshot.jobs, trail)
    return before.content if before.content.trail == trail else before.content.with_trail(trail)
