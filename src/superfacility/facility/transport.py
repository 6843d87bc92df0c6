"""How we reach a system as a user. Adapters: `local` (this machine, the server's own account) and `ssh`."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.files import FileEntry, FileStat, WriteGuard
from superfacility.facility.people import User

OutputSink = Callable[[Literal["stdout", "stderr"], bytes], None]


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file opened for reading: its size at that moment and its bytes in pieces of 1 to 4 MiB."""

    stat: FileStat
    chunks: AsyncIterator[bytes]


class Transport(Protocol):
    """Runs commands and opens files on one system, as the given user.

    Raises `FileProblem` worded like GNU's tools for a path that cannot be used, `NotPermitted` where a rule of ours
    forbids it, `Unavailable` when the system does not answer: then nothing has run. `Doubtful` when a command may have
    started but its result was lost. A path is absolute; one with a NUL byte or of more than
    4,096 bytes is a `FileProblem`. Cancelling a call kills what it started.
    """

    async def run(self, user: User, command: Command, on_output: OutputSink | None = None) -> CommandResult:
        """Run to the end. A non-zero exit code is a result, not an error; a program that is not there exits 127.

        Output goes to `on_output` as it comes, and to the result. When the time limit passes or the caller is
        cancelled, the whole process group is killed (TERM, then KILL after 2 s).
        """

    async def listing(self, user: User, path: str) -> Sequence[FileEntry]:
        """As `ls -la`.

        A directory: `.`, `..`, then its children in bytewise order of their names, bare names, links not followed.
        Anything else, or a symbolic link without a trailing slash: exactly one entry, whose name is the absolute path
        as it was asked for.
        """

    async def stat(self, user: User, path: str) -> FileStat:
        """Symbolic links followed."""

    def read(
        self, user: User, path: str, *, offset: int = 0, length: int | None = None
    ) -> AbstractAsyncContextManager[OpenFile]:
        """Open a regular file; a directory or a special file is a `FileProblem` and is never opened to block."""

    async def write(
        self, user: User, path: str, chunks: AsyncIterable[bytes], guard: WriteGuard, *, limit: int | None = None
    ) -> int:
        """Write a whole file and return its size in bytes.

        The bytes go to a temporary file beside the target and are renamed over it when complete and synced, so that
        nobody ever sees half of it. An existing file keeps its mode; a symbolic link is followed to its target. More
        than `limit` bytes is a `FileProblem`; whatever fails leaves the target as it was and no temporary file.
        """

    async def make_directory(self, user: User, path: str, guard: WriteGuard) -> None:
        """With its parents; one that exists is no error."""

    async def remove(self, user: User, path: str) -> None:
        """A file or symbolic link, not a directory; one that is missing is no error."""

    async def ping(self) -> None:
        """Raises `Unavailable` when the system cannot be reached."""

    async def aclose(self) -> None: ...


@runtime_checkable
class Advising(Protocol):
    """What a transport may have besides: advice for the operator, which `sfapi check` shows."""

    async def advice(self) -> Sequence[str]:
        """A sentence for each thing to mend that no failure tells of. The system itself is not asked."""
