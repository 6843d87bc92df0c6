"""Runs one program in a session of its own, reads what it says, and ends all of it when asked to."""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from superfacility.adapters.local.threads import ended, in_thread
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.transport import OutputSink

_PIECE = 64 * 1024
_GRACE = 2.0
"""Seconds between TERM and KILL."""
_AFTERGLOW = 1.0
"""Seconds that we go on reading after the program has ended, for what it left running in the background."""
_DRAIN_PAUSE = 0.005
_POLL = 0.05


class _Stream:
    """The reading end of one pipe; keeps up to `limit` bytes, and reads the rest slowly and away."""

    def __init__(self, limit: int, on_bytes: Callable[[bytes], None] | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._on_bytes = on_bytes
        self._kept: list[bytes] = []
        self._size = 0
        self.truncated = False
        self.ended = asyncio.Event()
        self._fd, self.writing_end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._fd, False)

    def start(self) -> None:
        os.close(self.writing_end)
        self._loop.add_reader(self._fd, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, _PIECE)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        self._keep(data)
        if self.truncated:
            self._loop.remove_reader(self._fd)
            self._loop.call_later(_DRAIN_PAUSE, self._resume)

    def _resume(self) -> None:
        if not self.ended.is_set():
            self._loop.add_reader(self._fd, self._read)

    def _keep(self, data: bytes) -> None:
        kept = data[: max(self._limit - self._size, 0)]
        self.truncated = self.truncated or len(kept) < len(data)
        if kept:
            self._kept.append(kept)
            self._size += len(kept)
            if self._on_bytes is not None:
                self._on_bytes(kept)

    def close(self) -> None:
        if not self.ended.is_set():
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self.ended.set()

    @property
    def bytes(self) -> bytes:
        return b"".join(self._kept)


def _sink(on_output: OutputSink | None, name: str) -> Callable[[bytes], None] | None:
    if on_output is None:
        return None
    return lambda data: on_output("stdout" if name == "stdout" else "stderr", data)


def _standard_input(data: bytes) -> int:
    """A file in memory: no task has to feed it, and no program can block us by not reading."""
    if not data:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    fd = os.memfd_create("stdin", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _alive(group: int) -> bool:
    """Whether any process of the group still runs. In a container without an init nobody buries orphans: a zombie
    keeps the group, but it does not count."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return any(_runs_in(group, status) for status in Path("/proc").glob("[0-9]*/stat"))


def _runs_in(group: int, status: Path) -> bool:
    try:
        fields = status.read_bytes().rpartition(b")")[2].split()
    except OSError:
        return False
    return int(fields[2]) == group and fields[0] not in (b"Z", b"X")


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


async def _end(process: asyncio.subprocess.Process) -> None:
    """The whole group, also grandchildren that ignore the first word."""
    loop = asyncio.get_running_loop()
    group = process.pid
    _signal(group, signal.SIGTERM)
    deadline = loop.time() + _GRACE
    while (alive := await in_thread(_alive, group)) and loop.time() < deadline:  # noqa: ASYNC110 - no event tells it
        await asyncio.sleep(_POLL)
    if alive:
        _signal(group, signal.SIGKILL)
    await process.wait()


async def _end_for_sure(process: asyncio.subprocess.Process) -> None:
    ending = asyncio.ensure_future(_end(process))
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ended(ending)
        raise


async def _start_for_sure(
    program: str, command: Command, environment: Mapping[str, str], directory: str, streams: tuple[_Stream, _Stream]
) -> asyncio.subprocess.Process:
    """A caller who is cancelled while the program starts does not leave it running."""
    starting = asyncio.ensure_future(_start(program, command, environment, directory, streams))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await ended(starting)
        if starting.exception() is None:
            await _end_for_sure(starting.result())
        raise


async def _start(
    program: str, command: Command, environment: Mapping[str, str], directory: str, streams: tuple[_Stream, _Stream]
) -> asyncio.subprocess.Process:
    stdin = _standard_input(command.stdin)
    try:
        return await asyncio.create_subprocess_exec(
            program,
            *command.arguments[1:],
            stdin=stdin,
            stdout=streams[0].writing_end,
            stderr=streams[1].writing_end,
            cwd=directory,
            env=dict(environment),
            start_new_session=True,
        )
    finally:
        os.close(stdin)


async def _finish(process: asyncio.subprocess.Process, streams: tuple[_Stream, _Stream], time_limit: float) -> bool:
    """True if the time limit passed."""
    try:
        async with asyncio.timeout(time_limit):
            await process.wait()
    except TimeoutError:
        await _end_for_sure(process)
        timed_out = True
    except asyncio.CancelledError:
        await _end_for_sure(process)
        raise
    else:
        timed_out = False
    with suppress(TimeoutError):
        async with asyncio.timeout(_AFTERGLOW):
            await asyncio.gather(*(stream.ended.wait() for stream in streams))
    return timed_out


def _cannot_start(name: str, error: OSError | None) -> CommandResult:
    if error is None or isinstance(error, FileNotFoundError):
        return CommandResult(127, b"", f"bash: {name}: command not found\n".encode(errors="surrogateescape"))
    return CommandResult(126, b"", f"bash: {name}: {error.strerror}\n".encode(errors="surrogateescape"))


async def run_program(
    command: Command, environment: Mapping[str, str], directory: str, on_output: OutputSink | None
) -> CommandResult:
    """To the end of the program, of its time, or of the caller's patience."""
    program = shutil.which(command.arguments[0], path=environment["PATH"])
    if program is None:
        return _cannot_start(command.arguments[0], None)
    out = _Stream(command.output_limit, _sink(on_output, "stdout"))
    err = _Stream(command.output_limit, _sink(on_output, "stderr"))
    try:
        try:
            process = await _start_for_sure(program, command, environment, directory, (out, err))
        except OSError as error:
            return _cannot_start(command.arguments[0], error)
        finally:
            out.start()
            err.start()
        timed_out = await _finish(process, (out, err), command.time_limit)
    finally:
        out.close()
        err.close()
    code = process.returncode
    assert code is not None
    exit_code = code if code >= 0 else 128 - code
    return CommandResult(exit_code, out.bytes, err.bytes, timed_out, out.truncated or err.truncated)
