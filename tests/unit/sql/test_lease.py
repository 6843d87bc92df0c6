"""A lease lives and dies with its process."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from superfacility.adapters.sql import FileLease
from superfacility.tasks.task import WorkerId

ONE = WorkerId("one")
HOLD = """
import sys, pathlib
from superfacility.adapters.sql import FileLease
FileLease(pathlib.Path(sys.argv[1])).hold("one")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "workers"


def test_held_it_is_alive_for_everybody(directory: Path) -> None:
    lease, other = FileLease(directory), FileLease(directory)
    assert not other.alive(ONE)
    lease.hold(ONE)
    lease.hold(ONE)
    assert lease.alive(ONE)
    assert other.alive(ONE)
    lease.release(ONE)
    assert not lease.alive(ONE)
    assert not other.alive(ONE)
    lease.release(ONE)
    assert list(directory.iterdir()) == []


def test_it_dies_with_its_process(directory: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        lease = FileLease(directory)
        assert lease.alive(ONE)
        child.kill()
        child.wait(20)
        assert not lease.alive(ONE)
        assert list(directory.iterdir()) == []


def test_programs_that_are_started_do_not_keep_it(directory: Path) -> None:
    lease = FileLease(directory)
    lease.hold(ONE)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        lease.release(ONE)
        assert not FileLease(directory).alive(ONE)
        child.kill()


def test_files_of_the_dead_are_cleaned_up(directory: Path) -> None:
    directory.mkdir()
    (directory / "dead.lock").touch()
    lease = FileLease(directory)
    lease.hold(ONE)
    assert [path.name for path in directory.iterdir()] == ["one.lock"]
    lease.release(ONE)


def test_looking_never_takes_a_lease_from_who_is_just_taking_it(directory: Path) -> None:
    stop = threading.Event()

    def look() -> None:
        watcher = FileLease(directory)
        while not stop.is_set():
            watcher.alive(ONE)

    watchers = [threading.Thread(target=look) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    for _ in range(300):
        lease = FileLease(directory)
        lease.hold(ONE)
        assert FileLease(directory).alive(ONE)
        assert (directory / "one.lock").exists()
        lease.release(ONE)
    stop.set()
    for watcher in watchers:
        watcher.join()
