"""One open connection of one user: its shells, its file channel, and how long it may open new ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from superfacility.adapters.ssh.breaker import Unreachable
from superfacility.adapters.ssh.connecting import Opened
from superfacility.adapters.ssh.options import Options
from superfacility.adapters.ssh.runner import FolderMissing, Runner
from superfacility.core.clock import Clock
from superfacility.facility.errors import Doubtful, Unavailable

_MARGIN = 10.0
"""Seconds before its certificate ends that a connection is left alone."""


class Connection:
    """Channels are counted by the pool: at most `channels_per_connection` less one (for files) run at a time."""

    def __init__(self, opened: Opened, account: str, options: Options, clock: Clock) -> None:
        self.account = account
        self.busy = 0
        self.idle_since = clock.monotonic()
        self._opened = opened
        self._ssh = opened.ssh
        self._options = options
        self._clock = clock
        self._ends = None if opened.seconds is None else clock.monotonic() + opened.seconds - _MARGIN
        self._answers = True
        self._runners: list[Runner] = []
        self._files: asyncssh.SFTPClient | None = None
        self._opening_files = asyncio.Lock()

    @property
    def alive(self) -> bool:
        return not self._ssh.is_closed()

    @property
    def fresh(self) -> bool:
        """Whether new work may go to it: its certificate is still good, and it has answered whenever it was asked."""
        return self.alive and self._answers and (self._ends is None or self._clock.monotonic() < self._ends)

    @asynccontextmanager
    async def runner(self, *, login: bool) -> AsyncIterator[Runner]:
        """A shell for one command; a clean one is kept for the next."""
        runner = await self._runner(login=login)
        try:
            yield runner
        except FolderMissing:
            self._runners.append(runner)
            raise
        except Doubtful:
            self._answers = False
            runner.close()
            raise
        except BaseException:
            runner.close()
            raise
        if login or not runner.alive:
            runner.close()
        else:
            self._runners.append(runner)

    async def _runner(self, *, login: bool) -> Runner:
        self._runners = [runner for runner in self._runners if runner.alive]
        if self._runners and not login:
            return self._runners.pop()
        if self._runners and self.busy + len(self._runners) >= self._options.channels_per_connection:
            self._runners.pop().close()
        try:
            return await Runner.start(self._ssh, self.account, self._options, login=login)
        except Unreachable:
            self._answers = False
            raise
        except (OSError, asyncssh.Error) as problem:
            raise self._no_channel(problem) from None

    async def files(self) -> asyncssh.SFTPClient:
        """The one file channel of this connection."""
        async with self._opening_files:
            if self._files is None:
                try:
                    async with asyncio.timeout(self._options.connect_timeout):
                        self._files = await self._ssh.start_sftp_client(path_encoding=None)
                except (OSError, asyncssh.Error) as problem:
                    raise self._no_channel(problem) from None
            return self._files

    def drop_files(self) -> None:
        """A file channel that hangs is given up."""
        if self._files is not None:
            self._files.exit()
            self._files = None

    def _no_channel(self, problem: Exception) -> Unavailable:
        reason = str(problem) or type(problem).__name__
        return Unavailable(
            f"{self._options.host} opens no channel for {self.account} ({reason}). If this stays, the operator must "
            "set channels_per_connection below MaxSessions of its sshd, and let it serve sftp (internal-sftp)."
        )

    def close(self) -> None:
        """What still runs on it is ended at the other end, where the channel's end is noticed."""
        for each in (self._ssh, *reversed(self._opened.through)):
            each.close()

    async def closed(self) -> None:
        for each in (self._ssh, *reversed(self._opened.through)):
            await each.wait_closed()
