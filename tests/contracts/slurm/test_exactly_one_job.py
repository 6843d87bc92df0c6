"""A submission makes exactly one job, whatever sbatch's answer, and none where it was refused (goal R2)."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from superfacility.adapters.local.transport import LocalTransport
from superfacility.adapters.slurm import open_scheduler
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.jobs import JobScript
from superfacility.facility.people import User
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.site import Site
from superfacility.facility.transport import OutputSink
from superfacility.tasks.task import Task, TaskStatus
from superfacility.testing.schedulers import named

PROGRAMS = Path(__file__).with_name("programs")
ALICE = named("alice", 1001)
SCRIPT = JobScript(text="#!/bin/sh\nexit 0\n")
AT_ONCE = 8
PATIENCE = 300.0


class ForgetfulTransport(LocalTransport):
    """Never tells what sbatch said: its caller waits until it is killed."""

    async def run(self, user: User, command: Command, on_output: OutputSink | None = None) -> CommandResult:
        result = await super().run(user, command, on_output)
        if command.stdin:
            await asyncio.Event().wait()
        return result


class Slurm:
    """Fake programs with one fault, and a gateway in front of them; of several clusters it is the one that is named."""

    def __init__(self, folder: Path, fault: str, gateway: Any, named: str | None = None) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        (folder / "fault").write_text(fault)
        self.site = Site("perlmutter", lambda user: str(folder / "home"), (str(folder),), folder, folder / "bin")
        self.gateway = gateway
        self.named = named

    def open(self, transport: LocalTransport) -> Scheduler:
        options = {
            "account": "sfgate",
            "bin": str(PROGRAMS),
            "spool": str(self.folder),
            "environment": {"FAKE_SLURM": str(self.folder)},
            "accounting_lag_seconds": 0,
            "submit_seconds": 2,
        }
        options |= {} if self.named is None else {"clusters": self.named}
        return open_scheduler(self.site, options, transport)

    @property
    def jobs(self) -> list[str]:
        return self.jobs_of(self.named)

    def jobs_of(self, named: str | None) -> list[str]:
        file = self.folder / ("jobs" if named is None else f"jobs-{named}")
        return file.read_text().splitlines() if file.exists() else []

    async def submitted(self) -> Task:
        transport = LocalTransport(self.site)
        task_id, _ = await self.gateway.accept(SCRIPT)
        self.gateway.start(self.open(transport), transport)
        task: Task = await self.gateway.ended(task_id)
        await self.gateway.close()
        return task

    async def submitted_over_a_death(self) -> Task:
        """The first worker's process dies when sbatch has spoken and before anybody has heard it."""
        transport = ForgetfulTransport(self.site)
        task_id, _ = await self.gateway.accept(SCRIPT)
        self.gateway.start(self.open(transport), transport)
        async with asyncio.timeout(PATIENCE):
            while not self.jobs:  # noqa: ASYNC110 - the job is made by another process
                await asyncio.sleep(0.005)
        self.gateway.forsake()
        heir = LocalTransport(self.site)
        self.gateway.start(self.open(heir), heir)
        task: Task = await self.gateway.ended(task_id)
        await self.gateway.close()
        return task


MakeSlurm = Callable[..., Slurm]


@pytest.fixture
def slurm(tmp_path: Path, new_gateway: Callable[[User], Any]) -> MakeSlurm:
    def make(fault: str, named: str | None = None) -> Slurm:
        return Slurm(tmp_path / uuid4().hex, fault, new_gateway(ALICE), named)

    return make


async def repeated(times: int, once: Callable[[], Awaitable[None]]) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with room:
            await once()

    async with asyncio.TaskGroup() as group:
        for _ in range(times):
            group.create_task(one())


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fault", ["none", "time-out", "lost", "hang"])
async def test_one_job_whatever_sbatch_says(slurm: MakeSlurm, fault: str, soak: bool) -> None:
    async def once() -> None:
        there = slurm(fault)
        task = await there.submitted()
        assert (task.status, dict(task.result or {})) == (
            TaskStatus.COMPLETED,
            {"status": "ok", "jobid": "1", "error": None},
        )
        assert len(there.jobs) == 1

    await repeated(1000 if soak else 10, once)


@pytest.mark.parametrize("fault", ["none", "time-out", "lost"])
async def test_one_job_in_the_cluster_that_is_named(slurm: MakeSlurm, fault: str) -> None:
    """sbatch answers `1;second`, and squeue begins with a line about the cluster."""
    there = slurm(fault, "second")
    task = await there.submitted()
    assert (task.status, (task.result or {})["jobid"]) == (TaskStatus.COMPLETED, "1")
    assert (len(there.jobs), there.jobs_of(None)) == (1, [])


@pytest.mark.timeout(3600)
async def test_one_job_when_the_gateway_dies(slurm: MakeSlurm, soak: bool) -> None:
    async def once() -> None:
        there = slurm("none")
        task = await there.submitted_over_a_death()
        assert (task.status, (task.result or {})["jobid"]) == (TaskStatus.COMPLETED, "1")
        assert len(there.jobs) == 1

    await repeated(1000 if soak else 10, once)


@pytest.mark.timeout(3600)
async def test_no_job_where_it_was_refused(slurm: MakeSlurm, soak: bool) -> None:
    async def once() -> None:
        there = slurm("refuse")
        task = await there.submitted()
        words = "sbatch: error: Batch job submission failed: Invalid qos specification\n"
        assert dict(task.result or {}) == {"status": "error", "jobid": None, "error": words}
        assert there.jobs == []

    await repeated(1000 if soak else 10, once)
