"""Several processes on one database."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from superfacility.adapters.sql import Database, FileLease, SqlClientStore, SqlStatusBoard, SqlTaskQueue, open_database
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName
from superfacility.facility.status import Resource, ResourceName
from superfacility.tasks.task import NewTask

SCRIPT = Path(__file__).with_name("process.py")


@contextmanager
def processes(what: str, directory: Path, count: int = 4) -> Iterator[list[subprocess.Popen[str]]]:
    """Started, and let go at the same moment."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, str(SCRIPT), what, str(directory), f"worker{number}"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(count)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield started


def test_a_thousand_replays_over_four_processes_are_one_use(path: Path, tmp_path: Path) -> None:
    with processes("replay", tmp_path) as started:
        answers = [process.communicate(timeout=100)[0].split() for process in started]
    assert sum(int(same) for same, _ in answers) == 1
    assert sum(int(others) for _, others in answers) == 100


async def test_no_task_is_claimed_twice(database: Database, tmp_path: Path) -> None:
    queue = SqlTaskQueue(database, FileLease(tmp_path / "workers"), SystemClock())
    now = SystemClock().now()
    new = NewTask(UserName("alice"), "copy", {}, now, "red")
    tasks = await asyncio.gather(*(queue.accept(new, AuditEntry(now, "alice", "x", "y")) for _ in range(300)))
    with processes("claim", tmp_path) as started:
        claimed = [task_id for process in started for task_id in until_done(process)]
        for process in started:
            process.communicate(timeout=100)
    assert sorted(claimed, key=int) == [task.id for task in tasks]


def until_done(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return " ".join(iter(process.stdout.readline, "done\n")).split()


async def test_a_change_by_another_process_wakes_who_waits(database: Database, path: Path, tmp_path: Path) -> None:
    """A second Database object has its own connections, as another process has."""
    lease, now = FileLease(tmp_path / "workers"), SystemClock().now()
    queue = SqlTaskQueue(database, lease, SystemClock())
    await queue.wait(60)
    other = open_database(path)
    waiting = asyncio.create_task(_timed_wait(queue))
    await asyncio.sleep(0)
    new = NewTask(UserName("alice"), "copy", {}, now, "red")
    await SqlTaskQueue(other, lease, SystemClock()).accept(new, AuditEntry(now, "alice", "x", "y"))
    assert await waiting < timedelta(seconds=30)
    await other.aclose()


async def _timed_wait(queue: SqlTaskQueue) -> timedelta:
    clock = SystemClock()
    begun = clock.monotonic()
    await queue.wait(60)  # of this asyncio task: returns at once
    await queue.wait(60)
    return timedelta(seconds=clock.monotonic() - begun)


async def test_versions_see_what_another_process_has_just_committed(database: Database, path: Path) -> None:
    other = open_database(path)
    here, there = SqlStatusBoard(database, SystemClock()), SqlStatusBoard(other, SystemClock())
    generation = await SqlClientStore(database).generation()
    audit = AuditEntry(SystemClock().now(), "operator:root", "x", "y")
    for number in range(30):
        before = here.version()
        await there.save_resource(Resource(ResourceName(f"r{number}"), "R", "service"), audit, new=True)
        assert here.version() == there.version() == before + 1
    assert await SqlClientStore(database).generation() == generation
    await other.aclose()
