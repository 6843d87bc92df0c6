"""The process that runs one job: it outlives the daemon, keeps the time limit, and writes down how the job ended.

A fork waits at a pipe until `started.json` names it, so that a job whose supervisor was killed can always be found. The
lock is inherited from the daemon and falls with this process. Signals are taken synchronously: nothing is ever missed.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from superfacility.adapters.embedded.daemon.spool import ENDED, LAUNCH, SCRIPT, STARTED, process_start, write_json
from superfacility.core.clock import SystemClock

_WATCHED = frozenset({signal.SIGTERM, signal.SIGCHLD})
_LOOK = 1.0


@dataclass(slots=True)
class _Watch:
    """The end of the job as it comes near. Times are monotonic."""

    pid: int
    folder: Path
    kill_wait: float
    limit_at: float | None
    outcome: str = "exited"
    kill_at: float | None = None

    def end_group(self, outcome: str) -> None:
        """TERM now, KILL later; the first reason is the one that counts."""
        if self.kill_at is not None:
            return
        self.outcome = outcome
        self.kill_at = time.monotonic() + self.kill_wait
        for number in (signal.SIGTERM, signal.SIGCONT):
            self.signal_group(number)

    def signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def run(self) -> None:
        """Return when the leader of the job has ended; it is not reaped yet, so that its number stays its own."""
        while os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            now = time.monotonic()
            if self.kill_at is None and self.limit_at is not None and now >= self.limit_at:
                self.end_group("timeout")
            if (self.kill_at is not None and now >= self.kill_at) or not self.folder.exists():
                self.signal_group(signal.SIGKILL)
            received = signal.sigtimedwait(_WATCHED, self._patience(now))
            if received is not None and received.si_signo == signal.SIGTERM:
                self.end_group("cancelled")

    def _patience(self, now: float) -> float:
        moments = [each - now for each in (self.limit_at, self.kill_at) if each is not None and each > now]
        return max(0.001, min([_LOOK, *moments]))


def supervise(folder: Path) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    launch: dict[str, Any] = json.loads((folder / LAUNCH).read_text(encoding="ascii"))
    script = folder / SCRIPT
    script.write_text(launch["script"], encoding="utf-8", errors="surrogateescape")
    script.chmod(0o700)
    began = time.monotonic()
    pid, release = _fork(launch, script)
    write_json(folder / STARTED, {"pid": pid, "process_start": process_start(pid), "supervisor": os.getpid()})
    os.write(release, b"!")
    os.close(release)
    limit = launch["limit"]
    watch = _Watch(pid, folder, launch["kill_wait"], None if limit is None else began + limit)
    watch.run()
    watch.signal_group(signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    _record_end(folder, watch.outcome, status, used, time.monotonic() - began)


def _record_end(folder: Path, outcome: str, status: int, used: resource.struct_rusage, elapsed: float) -> None:
    """As long as the folder is there, keep trying: a full disk must not lose an exit code."""
    ended = {
        "outcome": outcome,
        "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "ended": SystemClock().now().timestamp(),
        "elapsed": elapsed,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "system_seconds": used.ru_stime,
        "max_rss": used.ru_maxrss,
    }
    while folder.exists():
        try:
            write_json(folder / ENDED, ended)
        except OSError:
            time.sleep(_LOOK)
        else:
            return


def _fork(launch: dict[str, Any], script: Path) -> tuple[int, int]:
    """The job's process, waiting, and the end of the pipe that lets it go."""
    wait, release = os.pipe()
    pid = os.fork()
    if pid:
        os.close(wait)
        return pid, release
    try:
        os.close(release)
        _become_job(launch, script, wait)
    finally:
        os._exit(1)


def _become_job(launch: dict[str, Any], script: Path, wait: int) -> NoReturn:
    os.setsid()
    if os.read(wait, 1) != b"!":
        os._exit(1)
    directory_error = _enter(launch["work_dir"])
    _redirect(launch)
    if directory_error:
        os.write(2, os.fsencode(directory_error))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    try:
        os.execve(script, [str(script), *launch["arguments"]], launch["environment"])  # noqa: S606 - that is the job
    except (OSError, ValueError) as error:
        os.write(2, os.fsencode(f"slurmstepd: error: execve(): {script}: {error}\n"))
        os._exit(126)


def _enter(directory: str) -> str:
    try:
        os.chdir(directory)
    except (OSError, ValueError) as error:
        os.chdir("/tmp")  # noqa: S108 - where Slurm goes
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return f"slurmstepd: error: couldn't chdir to `{directory}': {reason}: going to /tmp instead\n"
    return ""


def _redirect(launch: dict[str, Any]) -> None:
    """An output file that cannot be opened ends the job, with nowhere to say so (as in Slurm)."""
    mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if launch["append"] else os.O_TRUNC)
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(launch["output"], mode, 0o644)
    error = output if launch["error"] == launch["output"] else os.open(launch["error"], mode, 0o644)
    for source, target in ((null, 0), (output, 1), (error, 2)):
        os.dup2(source, target)


def main() -> None:
    folder, lock = sys.argv[1:]
    os.set_inheritable(int(lock), False)
    supervise(Path(folder))
