"""The transport to this machine. Everything is the server's own account: there is no isolation between people."""

import os
from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

from superfacility.adapters.local.confinement import Roots
from superfacility.adapters.local.listing import list_path, stat_path
from superfacility.adapters.local.processes import run_program
from superfacility.adapters.local.reading import open_file
from superfacility.adapters.local.threads import in_thread
from superfacility.adapters.local.writing import make_directories, remove_file, write_file
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import InvalidInput, Unavailable
from superfacility.facility.files import FileEntry, FileStat, WriteGuard
from superfacility.facility.people import User
from superfacility.facility.site import Site
from superfacility.facility.transport import OpenFile, OutputSink
from superfacility.facility.words import worded

STANDARD_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

_QUIET = 'exec 3>&1 4>&2 >/dev/null 2>&1; exec /bin/bash --login -c "$@"'
"""Start-up files may talk; what they say is not the command's output."""
_AFTER_LOGIN = 'exec >&3 2>&4 3>&- 4>&-; PATH="$1:$PATH"; export PATH; shift; exec "$@"'
"""/etc/profile sets PATH anew, so our programs are put in front again."""


class LocalTransport:
    """Commands and files on this machine. Files are confined to the roots of the site; commands are not."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._roots = Roots(site.roots)

    async def run(self, user: User, command: Command, on_output: OutputSink | None = None) -> CommandResult:
        if not command.arguments:
            raise InvalidInput("A command needs at least the name of a program.")
        if any("\0" in argument for argument in command.arguments):
            raise InvalidInput("A command cannot contain a NUL byte.")
        home = self._site.home(user.name)
        directory = command.directory or home
        with worded("bash: cd:", directory):
            if command.directory is None:
                await in_thread(os.makedirs, home, 0o700, exist_ok=True)
            await in_thread(os.stat, directory)
        environment = {**self._environment(user, home), **command.environment}
        return await run_program(self._logged_in(command), environment, directory, on_output)

    def _environment(self, user: User, home: str) -> Mapping[str, str]:
        """Nothing of the server's own environment."""
        return {
            "HOME": home,
            "USER": user.name,
            "LOGNAME": user.name,
            "SHELL": "/bin/bash",
            "PATH": f"{self._site.programs}:{STANDARD_PATH}",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
        }

    def _logged_in(self, command: Command) -> Command:
        if not command.login:
            return command
        wrapped = ("/bin/sh", "-c", _QUIET, "sh", _AFTER_LOGIN, "bash", str(self._site.programs), *command.arguments)
        return replace(command, arguments=wrapped)

    async def listing(self, user: User, path: str) -> Sequence[FileEntry]:
        return await in_thread(list_path, self._roots, path)

    async def stat(self, user: User, path: str) -> FileStat:
        return await in_thread(stat_path, self._roots, path)

    def read(
        self, user: User, path: str, *, offset: int = 0, length: int | None = None
    ) -> AbstractAsyncContextManager[OpenFile]:
        return open_file(self._roots, path, offset, length)

    async def write(
        self, user: User, path: str, chunks: AsyncIterable[bytes], guard: WriteGuard, *, limit: int | None = None
    ) -> int:
        return await write_file(self._roots, path, chunks, guard, limit)

    async def make_directory(self, user: User, path: str, guard: WriteGuard) -> None:
        await in_thread(make_directories, self._roots, path, guard)

    async def remove(self, user: User, path: str) -> None:
        await in_thread(remove_file, self._roots, path)

    async def ping(self) -> None:
        missing = [root for root in self._site.roots if not await in_thread(Path(root).is_dir)]
        if missing:
            raise Unavailable(f"{self._site.system}: these folders are not there: {', '.join(missing)}.")

    async def aclose(self) -> None:
        """Nothing is kept open between calls."""
