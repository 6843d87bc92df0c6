"""Starts supervisors, finds them again after a restart, and reads what they left. It does not decide what follows."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from superfacility.adapters.embedded.configuration import Configuration
from superfacility.adapters.embedded.daemon.environment import job_variables
from superfacility.adapters.embedded.daemon.spool import (
    ENDED,
    LAUNCH,
    STARTED,
    Spool,
    kill_group,
    read_json,
    supervised,
    take_lock,
    write_json,
)
from superfacility.adapters.embedded.output_paths import output_paths
from superfacility.adapters.embedded.processes import python_command
from superfacility.adapters.embedded.records import JobRecord, Submission


class Launcher:
    """One per daemon."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, submission: Submission, job: JobRecord, configuration: Configuration) -> int:
        """The supervisor's process id. OSError if it could not be started; then the script has not run."""
        folder = self._spool.folder(submission.id, job.id)
        folder.mkdir(mode=0o700, exist_ok=True)
        content = self._spool.load(submission.id)
        if not content:
            raise FileNotFoundError(folder)
        output, error = output_paths(submission, job, configuration.cluster)
        launch = {
            "script": content["script"],
            "arguments": content["arguments"],
            "environment": content["environment"] | job_variables(submission, job, configuration),
            "work_dir": submission.work_dir,
            "output": output,
            "error": error,
            "append": submission.request.append,
            "limit": job.limit,
            "kill_wait": configuration.kill_wait,
        }
        write_json(folder / LAUNCH, launch, durable=False)
        return self._spawn(folder, job.id)

    def _spawn(self, folder: Path, job: int) -> int:
        lock = take_lock(folder)
        if lock is None:
            raise BlockingIOError(f"a supervisor holds {folder}")
        try:
            child = subprocess.Popen(
                python_command("daemon.supervisor", str(folder), str(lock)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(lock,),
                start_new_session=True,
                cwd=folder,
            )
        finally:
            os.close(lock)
        self._children[job] = child
        return child.pid

    def alive(self, submission: int, job: int) -> bool:
        child = self._children.get(job)
        if child is not None and child.poll() is not None:
            del self._children[job]
        return supervised(self._spool.folder(submission, job))

    def ended(self, submission: int, job: int) -> dict[str, Any] | None:
        return read_json(self._spool.folder(submission, job) / ENDED)

    def started(self, submission: int, job: int) -> dict[str, Any] | None:
        return read_json(self._spool.folder(submission, job) / STARTED)

    def supervisor(self, submission: int, job: int) -> int | None:
        """The process id of a supervisor that has started its job."""
        started = self.started(submission, job)
        return int(started["supervisor"]) if started else None

    def request_end(self, submission: int, job: int) -> None:
        """Tell a live supervisor to end its job."""
        child = self._children.get(job)
        pid = child.pid if child is not None else self.supervisor(submission, job)
        if pid is not None and self.alive(submission, job):
            os.kill(pid, signal.SIGTERM)

    def kill_job(self, submission: int, job: int) -> None:
        """End what a dead supervisor left running."""
        if started := self.started(submission, job):
            kill_group(started)

    def signal_job(self, submission: int, job: int, number: signal.Signals) -> None:
        started = self.started(submission, job)
        if started and self.alive(submission, job):
            kill_group(started, number)
