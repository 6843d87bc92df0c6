"""Workers killed at every commit point and at random lose nothing and do nothing twice."""

import asyncio
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from superfacility.adapters.sql import Database, FileLease, SqlTaskQueue
from superfacility.core.clock import SystemClock
from superfacility.facility.people import UserName
from superfacility.tasks.registry import Handler, HandlerKind
from superfacility.tasks.task import Task, TaskStatus

ALICE = UserName("alice")
SCRIPT = Path(__file__).with_name("crash_rounds.py")


@pytest.mark.timeout(900)
def test_killed_workers_keep_their_promises(path: Path, tmp_path: Path, soak: bool) -> None:
    rounds = 500 if soak else 60
    seed = random.randrange(10**6)
    subprocess.run([sys.executable, str(SCRIPT), str(tmp_path), str(rounds), str(seed)], check=True, timeout=800)
    assert not (tmp_path / "defects").exists(), (tmp_path / "defects").read_text()
    assert int((tmp_path / "killed").read_text()) > rounds / 2, seed
    tasks = asyncio.run(all_tasks(path))
    accepted = (tmp_path / "accepted").read_text().split()
    assert set(accepted) <= {task.id for task in tasks}, seed
    effects = Counter((tmp_path / "effects").read_text().splitlines())
    for task in tasks:
        assert_promise(task, effects, tmp_path)


async def all_tasks(path: Path) -> Sequence[Task]:
    database = Database.open(path)
    assert await database.check() == []
    tasks = await SqlTaskQueue(database, FileLease(path.parent / "workers"), SystemClock()).tasks(ALICE, limit=100_000)
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
