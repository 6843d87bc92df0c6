"""Workers that are killed: `crash_rounds.py DIRECTORY ROUNDS SEED [URL]`.

Each round is a forked process that accepts tasks, works on them, and is killed: in two rounds of three at a commit
point (the next one from round to round, from the first again once a process has outlived its own), in the third at a
random moment. The last process is left alone until every task has ended. What happened is in DIRECTORY: `accepted` (ids
whose acceptance returned), `effects` (lines of `<kind> <id>`), `killed` (how many died), and without URL `test.db`.
"""

import asyncio
import itertools
import os
import random
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from superfacility.adapters.sql import SqlTaskQueue, lease_for, open_database
from superfacility.adapters.sql.postgresql.database import PostgresDatabase
from superfacility.adapters.sql.postgresql.locks import AdvisoryLease
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.registry import Handler, HandlerKind, Registry, TaskContext
from superfacility.tasks.task import NewTask
from superfacility.tasks.worker import Worker

KINDS = tuple(kind.name for kind in HandlerKind)
COMMIT_POINTS = 60
DEADLINE = 60.0
LOCATION = sys.argv[4] if len(sys.argv) > 4 else ""


def write_line(path: Path, line: str) -> None:
    """At once, and whole or not at all."""
    with path.open("ab", buffering=0) as file:
        file.write(f"{line}\n".encode())


def kill_at(number: int) -> Any:
    points = itertools.count(1)

    def at_commit(_point: str) -> None:
        if next(points) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return at_commit


class Round:
    """What one process does."""

    def __init__(self, directory: Path, number: int, kill_point: int) -> None:
        self.directory = directory
        self.number = number
        self.effects = directory / "effects"
        self.clock = SystemClock()
        self.database = open_database(LOCATION or directory / "test.db", on_commit=kill_at(kill_point))
        self.lease = lease_for(self.database, directory)
        if isinstance(self.database, PostgresDatabase):
            self.lease = AdvisoryLease(self.database.session, absence=0.3)  # the living need no time to come back
        self.queue = SqlTaskQueue(self.database, self.lease, self.clock)

    async def repeatable(self, context: TaskContext) -> Mapping[str, Any]:
        (self.directory / f"copied-{context.task.id}").touch()
        await asyncio.sleep(0.001)
        return {}

    async def reconciled(self, context: TaskContext) -> Mapping[str, Any]:
        line = f"RECONCILED {context.task.id}"
        if not self.effects.exists() or line not in self.effects.read_text().splitlines():
            write_line(self.effects, line)
        await asyncio.sleep(0.001)
        return {}

    async def at_most_once(self, context: TaskContext) -> Mapping[str, Any]:
        write_line(self.effects, f"AT_MOST_ONCE {context.task.id}")
        await context.report({"output": "begun"})
        await asyncio.sleep(0.001)
        return {}

    async def accept(self) -> None:
        for kind in KINDS * 2:
            now = self.clock.now()
            new = NewTask(UserName("alice"), kind, {"round": self.number}, now, "red")
            key = IdempotencyKey("client", "POST", "/", f"{self.number}-{random.random()}", "")
            task = await self.queue.accept(new, AuditEntry(now, "alice", "accept", kind), key)
            write_line(self.directory / "accepted", task.id)

    async def ended(self) -> bool:
        return all(task.status.terminal for task in await self.queue.tasks(UserName("alice"), limit=100_000))

    async def run(self, *, accept: bool) -> None:
        run = {"REPEATABLE": self.repeatable, "RECONCILED": self.reconciled, "AT_MOST_ONCE": self.at_most_once}
        handlers = tuple(Handler(kind.name, kind, run[kind.name], max_attempts=1000) for kind in HandlerKind)
        worker = Worker(self.queue, Registry(handlers), self.lease, self.clock, concurrency=3, poll=0.02)
        stop = asyncio.Event()
        working = asyncio.create_task(worker.run(stop))
        if accept:
            await self.accept()
        async with asyncio.timeout(DEADLINE):
            while not await self.ended():  # noqa: ASYNC110 (a poll, as clients do)
                await asyncio.sleep(0.01)
        stop.set()
        await working
        await self.database.aclose()


def in_child(directory: Path, number: int, *, kill_point: int = 0, kill_after: float | None = None) -> bool:
    """Fork and run; true if it was killed."""
    child = os.fork()
    if child == 0:
        try:
            if kill_after is not None:
                threading.Timer(kill_after, os.kill, (os.getpid(), signal.SIGKILL)).start()
            asyncio.run(Round(directory, number, kill_point).run(accept=number > 0))
        except BaseException as problem:
            write_line(directory / "defects", repr(problem))
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(directory: Path, rounds: int, seed: int) -> None:
    random.seed(seed)
    killed, point = 0, 1
    for number in range(1, rounds + 1):
        if number % 3:
            died = in_child(directory, number, kill_point=point)
            point = point % COMMIT_POINTS + 1 if died else 1
        else:
            died = in_child(directory, number, kill_after=random.uniform(0.01, 0.15))
        killed += died
    in_child(directory, 0)
    (directory / "killed").write_text(str(killed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
