"""The transport to one system over SSH: commands and files as the calling user, through one pool."""

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial

from superfacility.adapters.ssh.connecting import Connector
from superfacility.adapters.ssh.connection import Connection
from superfacility.adapters.ssh.credentials import advice, open_credentials
from superfacility.adapters.ssh.files.listing import last_words, listing_command, read_listing
from superfacility.adapters.ssh.files.reading import open_file
from superfacility.adapters.ssh.files.session import Session
from superfacility.adapters.ssh.files.writing import make_directories, remove_file, write_file
from superfacility.adapters.ssh.options import Options, check_variable
from superfacility.adapters.ssh.pool import Pool
from superfacility.adapters.ssh.runner import FolderMissing, check
from superfacility.core.clock import Clock
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import Doubtful, NotPermitted, Unavailable
from superfacility.facility.files import FileEntry, FileStat, WriteGuard
from superfacility.facility.people import User, UserName
from superfacility.facility.site import Site
from superfacility.facility.transport import OpenFile, OutputSink
from superfacility.facility.words import worded

_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
"""It becomes a principal, a part of a path and `~name` in a shell."""


class SshTransport:
    """Files are not confined to the roots of the site: the machine itself knows what a user may touch."""

    def __init__(self, site: Site, options: Options, clock: Clock) -> None:
        self._site = site
        self._options = options
        self._connector = Connector(options, open_credentials(options, clock))
        self.pool = Pool(site.system, options, self._connector, clock)

    def _connection(self, user: User) -> AbstractAsyncContextManager[Connection]:
        if _ACCOUNT.fullmatch(user.name) is None or user.name == "root":
            raise NotPermitted(f"{user.name!r} is not an account on {self._site.system} that this service may act as.")
        return self.pool.connection(user.name)

    async def run(self, user: User, command: Command, on_output: OutputSink | None = None) -> CommandResult:
        check(command)
        for name in command.environment:
            check_variable(name)
        async with self._connection(user) as connection:
            try:
                async with connection.runner(login=command.login) as runner:
                    return await runner.run(command, on_output)
            except FolderMissing:
                return await self._folder_missing(connection, command, self._site.home(user.name))

    async def _folder_missing(self, connection: Connection, command: Command, home: str) -> CommandResult:
        """Asks the machine why."""
        folder = command.directory or home
        words = await _explain(connection, folder.rstrip("/") + "/", True)
        with worded("bash: cd:", folder):
            raise OSError(words or "Permission denied")

    @asynccontextmanager
    async def _session(self, user: User) -> AsyncIterator[Session]:
        async with self._connection(user) as connection:
            sftp = await connection.files()
            yield Session(sftp, partial(_explain, connection), connection.drop_files)

    async def listing(self, user: User, path: str) -> Sequence[FileEntry]:
        command = listing_command(path)
        async with self._connection(user) as connection:
            result = await _look(connection, command)
        return await asyncio.to_thread(read_listing, path, result)

    async def stat(self, user: User, path: str) -> FileStat:
        with worded("stat: cannot statx", path):
            async with self._session(user) as session:
                return await session.status(path)

    @asynccontextmanager
    async def _read(self, user: User, path: str, offset: int, length: int | None) -> AsyncIterator[OpenFile]:
        async with self._session(user) as session, open_file(session, path, offset, length) as opened:
            yield opened

    def read(
        self, user: User, path: str, *, offset: int = 0, length: int | None = None
    ) -> AbstractAsyncContextManager[OpenFile]:
        return self._read(user, path, offset, length)

    async def write(
        self, user: User, path: str, chunks: AsyncIterable[bytes], guard: WriteGuard, *, limit: int | None = None
    ) -> int:
        async with self._session(user) as session:
            return await write_file(session, path, chunks, guard, limit)

    async def make_directory(self, user: User, path: str, guard: WriteGuard) -> None:
        async with self._session(user) as session:
            await make_directories(session, path, guard)

    async def remove(self, user: User, path: str) -> None:
        async with self._session(user) as session:
            await remove_file(session, path)

    async def ping(self) -> None:
        """As `probe_account` if there is one; else without signing in, which shows less."""
        if self._options.probe_account is None:
            await self._connector.greet()
            return
        done = await self.run(User(0, UserName(self._options.probe_account)), Command(("true",), time_limit=20.0))
        if done.exit_code:
            raise Unavailable(f"{self._site.system}: commands of {self._options.probe_account} do not end well.")

    async def advice(self) -> Sequence[str]:
        return await advice(self._options)

    async def aclose(self) -> None:
        await self.pool.aclose()


async def _look(connection: Connection, command: Command) -> CommandResult:
    """What only looks can be asked again: no doubt remains."""
    try:
        async with connection.runner(login=False) as runner:
            return await runner.run(command, None)
    except Doubtful as lost:
        raise Unavailable(str(lost)) from None


async def _explain(connection: Connection, path: str, follow: bool) -> str | None:
    """What the machine's own `stat` says is wrong with a path."""
    arguments = ("stat", *(("--dereference",) if follow else ()), "--", path)
    command = Command(arguments, {"LC_ALL": "C"}, directory="/", time_limit=20.0)
    result = await _look(connection, replace(command, output_limit=16_384))
    return last_words(result.stderr) if result.exit_code else None
