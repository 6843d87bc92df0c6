"""Workers killed at every commit point and at random lose nothing and do nothing twice."""

import asyncio
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from superfacility.adapters.sql import Location, SqlTaskQueue, lease_for, migrate, open_database
from superfacility.core.clock import SystemClock
from superfacility.facility.people import UserName
from superfacility.tasks.registry import Handler, HandlerKind
from superfacility.tasks.task import Task, TaskStatus
from superfacility.testing.postgresql import PostgreSQL

ALICE = UserName("alice")
SCRIPT = Path(__file__).with_name("crash_rounds.py")


@pytest.mark.timeout(900)
def test_killed_workers_keep_their_promises(path: Path, tmp_path: Path, soak: bool) -> None:
    assert_promises(path, tmp_path, 500 if soak else 60)


@pytest.mark.timeout(1800)
def test_killed_workers_keep_their_promises_on_postgresql(postgresql: PostgreSQL, tmp_path: Path, soak: bool) -> None:
    url = postgresql.new_database()
    migrate(url)
    assert_promises(url, tmp_path, 500 if soak else 40)


def assert_promises(location: Location, directory: Path, rounds: int) -> None:
    seed = random.randrange(10**6)
    arguments = [str(directory), str(rounds), str(seed), *([location] if isinstance(location, str) else [])]
    subprocess.run([sys.executable, str(SCRIPT), *arguments], check=True, timeout=1500)
    assert not (directory / "defects").exists(), (directory / "defects").read_text()
    assert int((directory / "killed").read_text()) > rounds / 2, seed
    tasks = asyncio.run(all_tasks(location, directory))
    accepted = (directory / "accepted").read_text().split()
    assert set(accepted) <= {task.id for task in tasks}, seed
    effects = Counter((directory / "effects").read_text().splitlines())
    for task in tasks:
        assert_promise(task, effects, directory)


async def all_tasks(location: Location, directory: Path) -> Sequence[Task]:
    database = open_database(location)
    assert [problem for problem in await database.check() if "fsync" not in problem] == []  # it is off in tests
    tasks = await SqlTaskQueue(database, lease_for(database, directory), SystemClock()).tasks(ALICE, limit=100_000)
    await database.aclose()
    return tasks


def assert_promise(task: Task, effects: Counter[str], directory: Path) -> None:
    times = effects[f"{task.handler} {task.id}"]
    if task.handler == "AT_MOST_ONCE":
        assert times <= 1
        if task.status is TaskStatus.FAILED:
            assert task.result is not None
            assert task.result["error"] == Handler("", HandlerKind.AT_MOST_ONCE, NotImplemented).lost["error"]
        else:
            assert (task.status, times) == (TaskStatus.COMPLETED, 1)
    elif task.handler == "RECONCILED":
        assert (task.status, times) == (TaskStatus.COMPLETED, 1)
    else:
        assert task.status is TaskStatus.COMPLETED
        assert (directory / f"copied-{task.id}").exists()
