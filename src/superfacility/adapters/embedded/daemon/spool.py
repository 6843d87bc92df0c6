"""The folder of one submission and of each of its jobs: what daemon and supervisor tell each other on disk.

jobs/<submission>/spool.json           script, arguments, environment
jobs/<submission>/<job>/lock           locked while a supervisor lives; the daemon takes it before it starts one
jobs/<submission>/<job>/launch.json    what to run
jobs/<submission>/<job>/started.json   written before the first instruction of the script
jobs/<submission>/<job>/ended.json     how it ended; written once, whole
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

LOCK, LAUNCH, STARTED, ENDED, SCRIPT = "lock", "launch.json", "started.json", "ended.json", "slurm_script"


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """The file appears whole or not at all."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(value, file)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def process_start(pid: int) -> str:
    """When a process began, in the kernel's ticks: tells it from a later one of its number. Empty if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return ""
    return stat.rpartition(b")")[2].split()[19].decode()


class Spool:
    """All job folders below one root."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(mode=0o700, exist_ok=True)

    def folder(self, submission: int, job: int) -> Path:
        return self._root / str(submission) / str(job)

    def store(self, submission: int, content: dict[str, Any]) -> None:
        """OSError leaves nothing behind."""
        folder = self._root / str(submission)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            write_json(folder / "spool.json", content)
        except OSError:
            self.discard(submission)
            raise

    def load(self, submission: int) -> dict[str, Any]:
        return read_json(self._root / str(submission) / "spool.json") or {}

    def discard(self, submission: int) -> None:
        shutil.rmtree(self._root / str(submission), ignore_errors=True)

    def discard_job(self, submission: int, job: int) -> None:
        shutil.rmtree(self.folder(submission, job), ignore_errors=True)

    def submissions(self) -> list[int]:
        return [int(each.name) for each in self._root.iterdir() if each.name.isdigit()]


def take_lock(folder: Path) -> int | None:
    """A descriptor that holds the lock, or None while a supervisor lives."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def supervised(folder: Path) -> bool:
    try:
        descriptor = take_lock(folder)
    except FileNotFoundError:
        return False
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def kill_group(started: dict[str, Any], number: signal.Signals = signal.SIGKILL) -> None:
    """Signal the process group of a job, unless its number belongs to somebody else by now."""
    pid = int(started["pid"])
    if process_start(pid) not in ("", started["process_start"]):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
