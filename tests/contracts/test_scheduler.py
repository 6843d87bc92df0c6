"""The contract of schedulers over the embedded one and the one in memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from superfacility.adapters.embedded import open_scheduler
from superfacility.adapters.embedded.adapter import EmbeddedScheduler
from superfacility.core.clock import SystemClock
from superfacility.facility.jobs import Job, JobId, JobState
from superfacility.facility.site import Site
from superfacility.testing.contracts.scheduler import Reach, SchedulerContract
from superfacility.testing.schedulers import FakeScheduler
from superfacility.testing.transports import MemoryTransport


class TestFakeScheduler(SchedulerContract):
    @pytest.fixture
    def scheduler(self) -> FakeScheduler:
        return FakeScheduler(clock=SystemClock())

    @pytest.fixture
    def reach(self, scheduler: FakeScheduler) -> Reach:
        async def reach(job_id: JobId, state: JobState) -> Job:
            if state is JobState.CANCELLED:
                assert scheduler.jobs[job_id].state is state
            else:
                scheduler.start(job_id)
                scheduler.move(job_id, state, exit_code=3 if state is JobState.FAILED else None)
            return scheduler.jobs[job_id]

        return reach


class TestEmbeddedScheduler(SchedulerContract):
    @pytest.fixture
    async def scheduler(self, tmp_path: Path) -> AsyncIterator[EmbeddedScheduler]:
        site = Site("here", lambda user: str(tmp_path), (str(tmp_path),), tmp_path / "state", tmp_path / "state/bin")
        options = {"cores": 4, "kill_wait": 0.5, "idle_exit": 60, "qos": ["normal", "debug"]}
        scheduler = open_scheduler(site, options, MemoryTransport())
        assert isinstance(scheduler, EmbeddedScheduler)
        yield scheduler
        await scheduler.stop_daemon()
        await scheduler.aclose()
