"""One channel with the little program of `shell` at its end: runs commands one after the other."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

import asyncssh

from superfacility.adapters.ssh import shell
from superfacility.adapters.ssh.breaker import Unreachable
from superfacility.adapters.ssh.options import Options
from superfacility.adapters.ssh.output import MarkedStream
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import Doubtful, InvalidInput, Unavailable
from superfacility.facility.transport import OutputSink

_START = 20.0
"""Seconds for the user's shell to read its start-up files."""
_STOPPED = 7.0
"""Seconds after which an end that was asked for must have been confirmed: KILL comes after 2."""
_AFTERGLOW = 1.0
"""Seconds that we go on reading after a login command has ended, for what it left running in the background."""
_DRAIN_PAUSE = 0.05
"""Seconds between two windows of a flood that is read away."""


class FolderMissing(Exception):
    """The command was not run: its folder cannot be entered."""


class _Session(asyncssh.SSHClientSession[bytes]):
    """Passes on what comes, and tells when something has changed."""

    def __init__(self) -> None:
        self.streams: tuple[MarkedStream, MarkedStream] | None = None
        self.changed = asyncio.Event()
        self.closed = False
        self.hurried = False
        """Whether we wait for the end: a flood is then read away as fast as it comes."""
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._resuming = False

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if self.streams is None:
            return
        stream = self.streams[1 if datatype == asyncssh.EXTENDED_DATA_STDERR else 0]
        stream.feed(data)
        if stream.code is not None:
            self.changed.set()
        elif stream.truncated and not self.hurried and not self._resuming and self._channel is not None:
            self._channel.pause_reading()
            asyncio.get_running_loop().call_later(_DRAIN_PAUSE, self._resume)

    def _resume(self) -> None:
        """All that has come meanwhile is taken at once: AsyncSSH opens the whole window again for each piece that is
        taken, so that what is left waiting would grow without an end."""
        if not self.closed and self._channel is not None:
            self._resuming = True
            self._channel.resume_reading()
            self._resuming = False

    def eof_received(self) -> bool:
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.changed.set()

    async def marked(self) -> None:
        """Until both streams have shown the mark; `ConnectionResetError` if the channel ends before."""
        assert self.streams is not None
        while any(stream.code is None for stream in self.streams):
            if self.closed:
                raise ConnectionResetError
            self.changed.clear()
            await self.changed.wait()

    async def ended(self) -> None:
        while not self.closed:
            self.changed.clear()
            await self.changed.wait()


def _sinks(on_output: OutputSink | None) -> tuple[Callable[[bytes], None] | None, Callable[[bytes], None] | None]:
    if on_output is None:
        return None, None
    return (lambda data: on_output("stdout", data)), (lambda data: on_output("stderr", data))


class Runner:
    """Started for the clean environment, or (`login`) for one command in the user's own."""

    def __init__(self, channel: asyncssh.SSHClientChannel[bytes], session: _Session, mark: str, where: str) -> None:
        self._channel = channel
        self._session = session
        self._mark = mark
        self._where = where
        self.usable = True

    @classmethod
    async def start(cls, ssh: asyncssh.SSHClientConnection, account: str, options: Options, *, login: bool) -> "Runner":
        """`Unavailable` if the user's shell does not come up, `asyncssh.Error` if no channel can be opened."""
        mark = secrets.token_hex(16)
        where = f"{account} on {options.host}"
        command = shell.OWN if login else shell.CLEAN
        session = _Session()
        streams = session.streams = (MarkedStream(mark, 1000, None), MarkedStream(mark, 1000, None))
        try:
            async with asyncio.timeout(options.connect_timeout):
                channel, _ = await ssh.create_session(lambda: session, command, encoding=None)
        except TimeoutError:
            raise Unreachable(
                f"{options.host} does not answer: no channel within {options.connect_timeout:g} s."
            ) from None
        runner = cls(channel, session, mark, where)
        try:
            channel.write(shell.program(mark, None if login else account, options.path, options.environment))
            async with asyncio.timeout(_START):
                await session.marked()
        except TimeoutError:
            raise Unavailable(
                f"The shell of {where} was not ready within {_START:.0f} s: its start-up files (.bashrc and the like) "
                "take too long or wait for something. Make them leave early in shells that are not interactive."
            ) from None
        except (ConnectionResetError, BrokenPipeError):
            said = b" ".join(stream.bytes for stream in streams).decode(errors="replace").strip()
            raise Unavailable(f"The shell of {where} ended at once. It said: {said[-300:] or 'nothing'}") from None
        finally:
            if any(stream.code is None for stream in streams):
                runner.close()
        return runner

    @property
    def alive(self) -> bool:
        return self.usable and not self._session.closed

    def close(self) -> None:
        self.usable = False
        self._channel.close()

    async def run(self, command: Command, on_output: OutputSink | None) -> CommandResult:
        """`FolderMissing` if nothing was run, `Doubtful` if it may have been but its end was not heard of."""
        out, err = (MarkedStream(self._mark, command.output_limit, sink) for sink in _sinks(on_output))
        self._session.streams = (out, err)
        self._send(shell.request(command, self._mark))
        try:
            timed_out = await self._finish(command.time_limit)
        except ConnectionResetError:
            self.usable = False
            raise Doubtful(
                f"The connection to {self._where} was lost while {command.arguments[0]} ran; it may have done its "
                "work. Look before you do it again."
            ) from None
        if out.code == shell.NO_FOLDER:
            raise FolderMissing
        if command.login:
            await self._afterglow()
        self._session.streams = None
        truncated = out.truncated or err.truncated
        return CommandResult(self._exit_code(out.code), out.bytes, err.bytes, timed_out, truncated)

    def _exit_code(self, said: bytes | None) -> int:
        """Who signs in can put a program of their own in the place of ours."""
        if said is None or not said.isdigit():
            raise Doubtful(
                f"{self._where} ended a command with no exit code, so something else answers there in the place of "
                "/bin/sh; look at its start-up files (.bashrc and the like), and look before you do it again."
            )
        return int(said)

    def _send(self, data: bytes) -> None:
        with suppress(OSError):  # a channel that has just closed is noticed by the one who waits for its mark
            self._channel.write(data)

    async def _finish(self, time_limit: float) -> bool:
        """True if the time limit passed."""
        try:
            async with asyncio.timeout(time_limit):
                await self._session.marked()
        except TimeoutError:
            await self._stop_for_sure()
            return True
        except asyncio.CancelledError:
            with suppress(ConnectionResetError, Doubtful):
                await self._stop_for_sure()
            raise
        return False

    async def _stop_for_sure(self) -> None:
        stopping = asyncio.ensure_future(self._stop())
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            await asyncio.wait({stopping})
            if not stopping.cancelled():
                stopping.exception()
            raise

    async def _stop(self) -> None:
        self.usable = False
        self._session.hurried = True
        self._send(shell.STOP)
        try:
            async with asyncio.timeout(_STOPPED):
                await self._session.marked()
        except TimeoutError:
            self.close()
            raise Doubtful(
                f"{self._where} does not answer any more; a command that ran there may still be running."
            ) from None

    async def _afterglow(self) -> None:
        self.usable = False
        with suppress(TimeoutError, OSError):
            self._channel.write_eof()
            async with asyncio.timeout(_AFTERGLOW):
                await self._session.ended()


def check(command: Command) -> None:
    """`InvalidInput` for what no argument list can carry."""
    if not command.arguments:
        raise InvalidInput("A command needs at least the name of a program.")
    words = [*command.arguments, *command.environment.values(), command.directory or "/"]
    if any("\0" in word for word in words):
        raise InvalidInput("A command cannot contain a NUL byte.")
    if command.arguments[0].startswith("-") or "=" in command.arguments[0] or not command.arguments[0]:
        raise InvalidInput(f"{command.arguments[0]!r} cannot be the name of a program.")
    try:
        "".join(words).encode(errors="surrogateescape")
    except UnicodeEncodeError:
        raise InvalidInput("A command cannot contain half of a surrogate pair.") from None
