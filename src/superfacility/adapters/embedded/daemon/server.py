"""The daemon: one process per state folder, alone with its lock, answering on its socket until nobody needs it.

Work is driven by events (requests, ends of supervisors); a tick each second only catches what sends none.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
import uuid
from pathlib import Path

from superfacility.adapters.embedded.configuration import Configuration
from superfacility.adapters.embedded.daemon.execution import Execution
from superfacility.adapters.embedded.daemon.ledger import Ledger
from superfacility.adapters.embedded.daemon.service import Service
from superfacility.adapters.embedded.daemon.spool import Spool
from superfacility.adapters.embedded.protocol import (
    CONFIGURATION,
    DAEMON_LOCK,
    DAEMON_LOG,
    DAEMON_PID,
    JOBS,
    JOURNAL,
    LINE_LIMIT,
    Message,
    Problem,
    bind,
)
from superfacility.core.clock import SystemClock

_TICK = 1.0
_LONGEST_REST = 0.5
_SHUTDOWN_PATIENCE = 30.0


class Daemon:
    """Runs until it is idle for long enough, told to end, or its state folder is gone."""

    def __init__(self, state: Path, lock: int) -> None:
        self._state = state
        self._lock = lock
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._planned: asyncio.TimerHandle | None = None
        self._rest = 0.0
        self._last_use = self._loop.time()
        configuration = Configuration.from_json((state / CONFIGURATION).read_text())
        clock = SystemClock()
        self._ledger = Ledger(state / JOURNAL, configuration.max_jobs)
        self._execution = Execution(self._ledger, Spool(state / JOBS), clock, self._watch)
        self._service = Service(
            state, self._ledger, self._execution, clock, configuration, uuid.uuid4().hex, self._wake
        )

    async def run(self) -> None:
        server = await asyncio.start_unix_server(self._accept, sock=bind(self._state), limit=LINE_LIMIT)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        self._loop.add_signal_handler(signal.SIGCHLD, self._look)
        self._execution.recover()
        self._look()
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _TICK)
            self._tick()
        server.close()
        for connection in tuple(self._connections):
            connection.cancel()
        self._ledger.close()

    def _tick(self) -> None:
        if not self._still_ours():
            self._stop.set()
            return
        self._look()
        self._execution.end_overdue()
        if self._ledger.queue.active or self._connections:
            self._last_use = self._loop.time()
        elif self._loop.time() - self._last_use >= self._service.configuration.idle_exit:
            self._stop.set()

    def _still_ours(self) -> bool:
        """The folder may have been removed, or made anew with another daemon in it."""
        try:
            there = os.stat(self._state / DAEMON_LOCK)  # noqa: PTH116
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(self._lock))

    def _watch(self, pid: int) -> None:
        """Look at once when this process ends; where the kernel has no such handle, the tick does."""
        try:
            handle = os.pidfd_open(pid)
        except (AttributeError, OSError):
            return
        self._loop.add_reader(handle, self._process_ended, handle)

    def _process_ended(self, handle: int) -> None:
        self._loop.remove_reader(handle)
        os.close(handle)
        self._look()

    def _look(self) -> None:
        if not self._stop.is_set():
            self._execution.collect()
            self._wake()

    def _wake(self) -> None:
        """Plan soon; a plan over a long queue takes time, so as much time again is left to requests."""
        if self._planned is None:
            self._planned = self._loop.call_later(self._rest, self._schedule)

    def _schedule(self) -> None:
        self._planned = None
        if self._stop.is_set():
            return
        began = self._loop.time()
        self._execution.schedule(self._service.configuration)
        self._rest = min(4 * (self._loop.time() - began), _LONGEST_REST)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, ValueError, asyncio.CancelledError):  # gone, a line beyond all limits, or the daemon's end
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            self._last_use = self._loop.time()
            request = _read(line)
            if request is None:
                answer = Problem("invalid", "a request is one JSON object on one line").to_message()
            elif request.get("do") == "shutdown":
                answer = await self._shut_down(bool(request.get("jobs")))
            else:
                answer = self._service.answer(request)
            writer.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
            await writer.drain()
            if request is None or self._stop.is_set():
                return

    async def _shut_down(self, jobs: bool) -> Message:
        deadline = self._loop.time() + _SHUTDOWN_PATIENCE
        if jobs:
            if self._planned is not None:
                self._planned.cancel()
            self._planned = self._loop.call_later(_SHUTDOWN_PATIENCE, lambda: None)  # nothing starts any more
            while self._execution.end_all() and self._loop.time() < deadline:  # noqa: ASYNC110 - ends come by signals
                await asyncio.sleep(0.02)
        self._stop.set()
        return {"ok": None}


def _read(line: bytes) -> Message | None:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return request if isinstance(request, dict) else None


def _detach() -> None:
    """Let the starter go on at once, and belong to nobody."""
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.chdir("/")


def _keep_complaints(state: Path) -> None:
    """What no caller is told of (a defect of ours) goes to a log, also from supervisors."""
    log = os.open(state / DAEMON_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(log, 2)


async def _serve(state: Path, lock: int) -> None:
    await Daemon(state, lock).run()


def main() -> None:
    state = Path(sys.argv[1])
    _detach()
    lock = os.open(state / DAEMON_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    _keep_complaints(state)
    pid_file = state / DAEMON_PID
    pid_file.write_text(f"{os.getpid()}\n")
    try:
        asyncio.run(_serve(state, lock))
    finally:
        pid_file.unlink(missing_ok=True)
