"""An embedded scheduler of its own for each test, with everything it started ended afterwards."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from superfacility.adapters.embedded import open_scheduler
from superfacility.adapters.embedded.adapter import EmbeddedScheduler
from superfacility.facility.jobs import Job, JobId, JobQuery, JobScript, JobState
from superfacility.facility.site import Site
from superfacility.testing.contracts.scheduler import DEMO1, new_intent
from superfacility.testing.transports import MemoryTransport

PATIENCE = 90.0


@dataclass
class Place:
    """A home, a state folder and any number of adapters on it."""

    root: Path
    options: Mapping[str, Any]
    transport: MemoryTransport = field(default_factory=MemoryTransport)
    opened: list[EmbeddedScheduler] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def state(self) -> Path:
        return self.root / "state"

    def open(self, **options: Any) -> EmbeddedScheduler:
        site = Site("here", lambda user: str(self.home), (str(self.home),), self.state, self.state / "bin")
        scheduler = open_scheduler(site, {**self.options, **options}, self.transport)
        assert isinstance(scheduler, EmbeddedScheduler)
        self.opened.append(scheduler)
        return scheduler

    async def program(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one of the programs as a user in the home."""
        command = [str(self.state / "bin" / words[0]), *words[1:]]
        return await asyncio.to_thread(
            subprocess.run,
            command,
            cwd=self.home,
            env={"USER": "demo1", "HOME": str(self.home), "PATH": os.defpath, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    async def submit(self, scheduler: EmbeddedScheduler, body: str, *directives: str) -> JobId:
        lines = "".join(f"#SBATCH {each}\n" for each in directives)
        return await scheduler.submit(DEMO1, JobScript(text=f"#!/bin/sh\n{lines}{body}\n"), new_intent())

    async def until(self, scheduler: EmbeddedScheduler, job_id: str, *states: JobState) -> Job:
        """The job once it is in one of the states (by default any terminal one)."""
        async with asyncio.timeout(PATIENCE):
            while True:
                (job,) = await scheduler.accounting(JobQuery(ids=frozenset({job_id})))
                if job.state in states or (not states and job.state.terminal):
                    return job
                await asyncio.sleep(0.01)

    async def eventually(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - other processes send no events
                await asyncio.sleep(0.01)

    async def read_pid(self, name: str) -> int:
        """A number that a job writes into its home."""
        path = self.home / name
        await self.eventually(lambda: path.exists() and path.read_text().endswith("\n"))
        return int(path.read_text())

    async def kill_daemon(self) -> None:
        (daemon,) = self.daemons()
        os.kill(daemon, signal.SIGKILL)
        await self.eventually(lambda: not self.alive(daemon))

    @staticmethod
    def alive(pid: int) -> bool:
        """Running, and not only waiting to be reaped."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    async def end(self) -> None:
        if self.opened and self.state.is_dir():
            await self.opened[0].stop_daemon()
        for scheduler in self.opened:
            await scheduler.aclose()

    def daemons(self) -> list[int]:
        return processes("daemon.server", str(self.state))

    def running(self) -> list[int]:
        """All of them, and the scripts of jobs."""
        return processes(str(self.state))

    def supervisors(self) -> list[int]:
        return processes("daemon.supervisor", str(self.state))


def processes(*words: str) -> list[int]:
    """Live processes whose command line holds all the words."""
    found = []
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                line = (each / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if all(word in line for word in words):
                found.append(int(each.name))
    return found


@pytest.fixture
async def far_place(tmp_path: Path) -> AsyncIterator[Place]:
    """As `place`, with paths that no socket address can hold."""
    place = Place(tmp_path / ("long" * 40), {"cores": 1, "idle_exit": 60})
    place.home.mkdir(parents=True)
    yield place
    await place.end()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path, {"cores": 2, "kill_wait": 0.5, "idle_exit": 60})
    place.home.mkdir()
    yield place
    await place.end()
