"""Goal R9: a database that is far away, loses connections or restarts loses nothing and doubles nothing."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from superfacility.adapters.sql import Database, SqlTaskQueue, lease_for, migrate, open_database
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Doubtful, Unavailable
from superfacility.facility.people import UserName
from superfacility.tasks.registry import Handler, HandlerKind, Registry, TaskContext
from superfacility.tasks.task import NewTask, TaskStatus
from superfacility.tasks.worker import Worker
from superfacility.testing.network import Network, network
from superfacility.testing.postgresql import PostgreSQL, running

ALICE = UserName("alice")
RECOVERS_WITHIN = 15.0
DEADLINE = 120.0


@pytest.fixture(scope="module")
def server(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """One of our own, for it is restarted; the other one shows that this machine can have it."""
    with running(postgresql.folder.parent / "restarted") as server:
        yield server


@pytest.fixture
def url(server: PostgreSQL) -> str:
    url = server.new_database()
    migrate(url)
    return url


@pytest.fixture
def between(server: PostgreSQL) -> Iterator[Network]:
    with network(server.port) as between:
        yield between


@dataclass
class Host:
    """A worker with its database, which counts how often it did each task, and a caller who accepts tasks."""

    database: Database
    queue: SqlTaskQueue
    worker: Worker
    effects: Counter[str]
    accepted: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    slowest: float = 0.0

    async def accept(self, mark: str) -> None:
        now = SystemClock().now()
        begun = time.monotonic()
        try:
            await self.queue.accept(
                NewTask(ALICE, "work", {"mark": mark}, now, "red"), AuditEntry(now, "alice", "accept", mark)
            )
        except (Doubtful, Unavailable):
            self.doubtful.append(mark)
        else:
            self.accepted.append(mark)
        self.slowest = max(self.slowest, time.monotonic() - begun)


@pytest.fixture
async def host(url: str, server: PostgreSQL, between: Network, tmp_path: Path) -> AsyncIterator[Host]:
    database = open_database(url.replace(f":{server.port}/", f":{between.port}/"))
    lease = lease_for(database, tmp_path)
    queue = SqlTaskQueue(database, lease, SystemClock())
    effects: Counter[str] = Counter()

    async def work(context: TaskContext) -> Mapping[str, Any]:
        effects[context.task.intent["mark"]] += 1
        await asyncio.sleep(0.01)
        return {}

    registry = Registry((Handler("work", HandlerKind.AT_MOST_ONCE, work),))
    worker = Worker(queue, registry, lease, SystemClock(), concurrency=8)
    stop = asyncio.Event()
    working = asyncio.create_task(worker.run(stop))
    yield Host(database, queue, worker, effects)
    stop.set()
    await working
    await database.aclose()


async def keep_accepting(host: Host, until: asyncio.Event) -> None:
    number = 0
    while not until.is_set():
        await asyncio.gather(*(host.accept(f"{number}-{each}") for each in range(4)))
        number += 1


async def nothing_is_lost_or_doubled(host: Host, url: str) -> None:
    """Every accepted task is there once and was done once; of a doubtful one there is one at the most."""
    end = time.monotonic() + DEADLINE
    while not all(task.status.terminal for task in await host.queue.tasks(ALICE, limit=100_000)):
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    tasks = await host.queue.tasks(ALICE, limit=100_000)
    marks = Counter(task.intent["mark"] for task in tasks)
    assert max(marks.values()) == 1
    assert set(host.accepted) <= set(marks) <= {*host.accepted, *host.doubtful}
    assert {task.status for task in tasks} == {TaskStatus.COMPLETED}
    assert host.effects == marks
    with psycopg.connect(url) as connection:
        audited = connection.execute("SELECT count(*), count(DISTINCT target) FROM audit").fetchone()
    assert audited == (len(tasks), len(tasks))


async def under(trouble: Callable[[], Awaitable[Any]], host: Host, rounds: int) -> None:
    """Tasks are accepted and done while the trouble strikes; soon after the last time all is well again."""
    over = asyncio.Event()
    accepting = asyncio.create_task(keep_accepting(host, over))
    for _ in range(rounds):
        await asyncio.sleep(random.uniform(0.05, 0.4))
        await trouble()
    begun = time.monotonic()
    known = len(host.accepted)
    while len(host.accepted) < known + 20:  # noqa: ASYNC110 (accepting is what goes on)
        await asyncio.sleep(0.05)
    assert time.monotonic() - begun < RECOVERS_WITHIN
    over.set()
    await accepting


def end_backends(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_backends_that_are_killed(host: Host, url: str, soak: bool) -> None:
    await under(lambda: asyncio.to_thread(end_backends, url), host, 50 if soak else 8)
    await nothing_is_lost_or_doubled(host, url)


async def test_connections_that_are_reset(host: Host, url: str, between: Network, soak: bool) -> None:
    await under(lambda: asyncio.to_thread(between.reset), host, 50 if soak else 8)
    await nothing_is_lost_or_doubled(host, url)


async def test_a_server_that_restarts(host: Host, url: str, server: PostgreSQL, soak: bool) -> None:
    await under(lambda: asyncio.to_thread(server.restart), host, 10 if soak else 2)
    await nothing_is_lost_or_doubled(host, url)


async def test_a_server_two_seconds_away(host: Host, url: str, between: Network) -> None:
    await host.accept("before")
    between.latency = 1.0
    await asyncio.wait_for(asyncio.gather(*(host.accept(f"far-{n}") for n in range(4))), DEADLINE)
    between.latency = 0.0
    begun = time.monotonic()
    await host.accept("after")
    assert time.monotonic() - begun < RECOVERS_WITHIN
    assert host.doubtful == []
    await nothing_is_lost_or_doubled(host, url)
