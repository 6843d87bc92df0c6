"""Slurm as its users reach it: the real cluster's programs over SSH, and a gateway reduced to what makes jobs."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from superfacility.adapters.slurm import open_rest_scheduler, open_scheduler
from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.adapters.slurm.rest.adapter import RestScheduler
from superfacility.adapters.ssh import open_transport
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.jobs import Intent, JobScript
from superfacility.facility.people import User, UserName
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.site import Site
from superfacility.facility.systems import Facility, System, SystemName
from superfacility.facility.transport import Transport
from superfacility.services.compute.submissions import SUBMIT, Callback, SubmissionHandler, submission
from superfacility.tasks.registry import Registry
from superfacility.tasks.task import NewTask, Task, TaskId, WorkerId
from superfacility.tasks.worker import Worker
from superfacility.testing.clusters import SlurmCluster
from superfacility.testing.contracts.scheduler import new_intent
from superfacility.testing.stores import Memory, MemoryLease, MemoryPeople, MemoryTaskQueue

Opened = Callable[..., SlurmScheduler]
PATIENCE = 300.0


@dataclass
class Gateway:
    """The queue outlives its workers; each worker has a scheduler of its own, as a process would."""

    user: User
    clock: SystemClock = field(default_factory=SystemClock)
    lease: MemoryLease = field(default_factory=MemoryLease)
    memory: Memory = field(default_factory=Memory)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    workers: list[tuple[WorkerId, asyncio.Task[None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = MemoryTaskQueue(self.memory, self.lease, self.clock)
        self.memory.users[self.user.name] = self.user

    async def accept(self, script: JobScript) -> tuple[TaskId, Intent]:
        intent = new_intent()
        content = submission("perlmutter", script, Callback(), intent)
        now = self.clock.now()
        new = NewTask(self.user.name, SUBMIT, content, now, "red")
        return (await self.queue.accept(new, AuditEntry(now, self.user.name, "test", "test"))).id, intent

    def start(self, scheduler: Scheduler, transport: Transport) -> None:
        system = System(SystemName("perlmutter"), "Perlmutter", transport, (), scheduler)
        handler = SubmissionHandler(Facility("test", {"perlmutter": system}), MemoryPeople(self.memory))
        worker = Worker(self.queue, Registry([handler.handler()]), self.lease, self.clock, poll=0.01, grace=0)
        self.workers.append((worker.id, asyncio.create_task(worker.run(self.stop))))

    def forsake(self) -> None:
        """The worker's process died, as far as anybody can tell."""
        self.lease.kill(self.workers[-1][0])

    async def ended(self, task_id: TaskId) -> Task:
        async with asyncio.timeout(PATIENCE):
            while True:
                task = await self.queue.task(task_id)
                assert task is not None
                if task.status.terminal:
                    return task
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        self.stop.set()
        for _, running in self.workers:
            running.cancel()
        await asyncio.gather(*(running for _, running in self.workers), return_exceptions=True)


@pytest.fixture
def person(cluster: SlurmCluster) -> Callable[[str], User]:
    def find(plain: str) -> User:
        found = cluster.users[plain]
        return User(uid=found.uid, name=UserName(found.name), staff=plain == "sfgate")

    return find


@pytest.fixture
def site(cluster: SlurmCluster, tmp_path: Path) -> Site:
    homes = cluster.users["alice"].home.parent
    return Site("perlmutter", lambda user: str(homes / user), (str(homes),), tmp_path, tmp_path / "bin")


@pytest.fixture
async def transport(cluster: SlurmCluster, site: Site) -> AsyncIterator[Transport]:
    options = {
        "host": cluster.ssh_host,
        "port": cluster.ssh_port,
        "known_hosts": str(cluster.known_hosts),
        "ca_key": str(cluster.user_ca),
    }
    transport = open_transport(site, options)
    yield transport
    await transport.aclose()


@pytest.fixture
def open_slurm(cluster: SlurmCluster, site: Site, transport: Transport) -> Opened:
    """A scheduler as a process of its own would have it: it remembers nothing of others."""

    def open_one(**options: Any) -> SlurmScheduler:
        usual = {
            "account": cluster.service_account,
            "environment": {"SLURM_CONF": str(cluster.slurm_conf)},
            "accounting_lag_seconds": 0,
        }
        scheduler = open_scheduler(site, {**usual, **options}, transport)
        assert isinstance(scheduler, SlurmScheduler)
        return scheduler

    return open_one


@pytest.fixture
async def new_gateway() -> AsyncIterator[Callable[[User], Gateway]]:
    made: list[Gateway] = []

    def make(user: User) -> Gateway:
        made.append(Gateway(user))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
async def open_rest(
    cluster: SlurmCluster, site: Site, transport: Transport, tmp_path: Path
) -> AsyncIterator[Callable[..., RestScheduler]]:
    """With a copy of Slurm's key that the gateway's account alone can read."""
    key, opened = tmp_path / "jwt.key", []
    shutil.copyfile(cluster.jwt_key, key)
    key.chmod(0o600)

    def open_one(**changes: Any) -> RestScheduler:
        options = {
            "account": cluster.service_account,
            "environment": {"SLURM_CONF": str(cluster.slurm_conf)},
            "accounting_lag_seconds": 0,
            "jwt_key": str(key),
            "socket": str(cluster.rest_socket),
            **changes,
        }
        scheduler = open_rest_scheduler(
            site, {name: each for name, each in options.items() if each is not None}, transport
        )
        assert isinstance(scheduler, RestScheduler)
        opened.append(scheduler)
        return scheduler

    yield open_one
    for scheduler in opened:
        await scheduler.aclose()
