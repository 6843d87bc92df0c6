"""Looks at every system again and again, and tells the status board what it makes of it."""

import asyncio
from collections.abc import Mapping

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError
from superfacility.facility.status import Observation, ResourceName, ResourceState
from superfacility.facility.systems import Facility
from superfacility.services.status.checks import FINE
from superfacility.services.status.probes import Probe, ProbeRules, ReadInventory, probes_of
from superfacility.services.status.service import StatusService
from superfacility.services.status.settling import Finding, Settling
from superfacility.services.status.view import StatusView

_log = structlog.get_logger(__name__)


class Probes:
    """One process an installation runs them. They are independent: one that hangs is a failure of its own alone."""

    def __init__(
        self,
        facility: Facility,
        status: StatusService,
        clock: Clock,
        rules: Mapping[str, ProbeRules],
        inventories: Mapping[str, ReadInventory] | None = None,
    ) -> None:
        """Systems that are not in `rules` are not probed. `inventories` are readings shared with others, by system."""
        self._clock = clock
        self._repeated = [
            RepeatedProbe(probe, status, clock)
            for name, each in rules.items()
            for probe in probes_of(facility.system(name), each, clock, (inventories or {}).get(name))
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, which waits for no look that is under way."""
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(each.run()) for each in self._repeated]
            await stop.wait()
            for task in running:
                task.cancel()


class RepeatedProbe:
    """A probe with what it found so far."""

    def __init__(self, probe: Probe, status: StatusService, clock: Clock) -> None:
        self.probe = probe
        self._status = status
        self._clock = clock
        self._settling: Settling | None = None
        self._last: Observation | None = None
        self._running: asyncio.Task[Finding | None] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self.look()
                except FacilityError as problem:  # the board does not answer; the next look tells it all
                    _log.warning("probe could not report", probe=self.probe.name, problem=str(problem))
                await asyncio.sleep(self.probe.rules.period)
        finally:
            if self._running is not None:
                self._running.cancel()

    async def look(self) -> None:
        """Once: check, settle, tell the board."""
        began = self._clock.monotonic()
        found = await self._found()
        latency = self._clock.monotonic() - began
        view = await self._status.view()
        resource = self.probe.resource(view)
        if found is None or resource is None:
            return
        rules = self.probe.rules
        if found == FINE and self.probe.slow is not None and latency > rules.slow:
            found = Finding(ResourceState.DEGRADED, self.probe.slow)
        settling = self._settling or self._resume(view)
        changed = settling.add(found)
        if changed:
            self._say(view, resource, settling.settled)
        await self._status.board.observe([self._observation(resource, settling.settled, latency, changed=changed)])

    def _resume(self, view: StatusView) -> Settling:
        """Where an earlier process left off."""
        seen = [each for rows in view.observations.values() for each in rows if each.probe == self.probe.name]
        self._last = seen[0] if seen else None
        settled = Finding(seen[0].state, seen[0].description) if seen else FINE
        self._settling = Settling(settled, self.probe.rules.failures, self.probe.rules.successes)
        return self._settling

    def _observation(self, resource: ResourceName, settled: Finding, latency: float, *, changed: bool) -> Observation:
        now = self._clock.now()
        since = now if changed else self._last.since if self._last is not None else None
        self._last = Observation(
            resource=resource,
            probe=self.probe.name,
            state=settled.state,
            description=settled.description,
            latency=round(latency, 6),
            at=now,
            expires_at=now + self.probe.rules.patience,
            since=since,
        )
        return self._last

    async def _found(self) -> Finding | None:
        """One that does not end within its time limit, or not yet since an earlier one, has failed."""
        if self._running is not None and not self._running.done():
            return self._failure("does not end")
        task = self._running = asyncio.ensure_future(self.probe.check())
        task.add_done_callback(_seen)
        await asyncio.wait({task}, timeout=self.probe.rules.time_limit)
        if not task.done():
            task.cancel()
            return self._failure("no answer in time")
        problem = None if task.cancelled() else task.exception()
        if problem is None and not task.cancelled():
            return task.result()
        if not isinstance(problem, FacilityError):
            _log.error("probe is broken", probe=self.probe.name, exc_info=problem)
        return self._failure(str(problem))

    def _failure(self, why: str) -> Finding | None:
        _log.info("probe failed", probe=self.probe.name, why=why)
        if self.probe.trouble is None:
            return None
        return Finding(ResourceState.UNAVAILABLE, self.probe.trouble)

    def _say(self, view: StatusView, resource: ResourceName, settled: Finding) -> None:
        """Loudly only what staff have not told of themselves."""
        news = settled.state.severity > view.known_trouble(resource).severity
        say = _log.warning if news else _log.info
        say("probe settled", probe=self.probe.name, resource=resource, state=settled.state, why=settled.description)


def _seen(task: "asyncio.Task[Finding | None]") -> None:
    """An error that nobody waited for any more is not worth a warning of the event loop."""
    if not task.cancelled():
        task.exception()
