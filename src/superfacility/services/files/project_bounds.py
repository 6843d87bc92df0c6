"""What a client that is bound to a project may reach of its user's files: the project's folders.

It bounds the API, as scopes do. The code of a job runs as the user, and what it does is bounded by the system alone.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from posixpath import dirname, normpath

from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import FileProblem, NotPermitted
from superfacility.facility.files import FileEntry, FileStat, WriteGuard, WriteTarget
from superfacility.facility.people import ProjectName, User
from superfacility.facility.systems import Facility, System
from superfacility.facility.transfers import Endpoint
from superfacility.facility.transport import OpenFile, OutputSink, Transport
from superfacility.oauth.principal import Principal


@dataclass(frozen=True, slots=True)
class BoundTransport:
    """A transport whose paths must really lie, links followed, in one of the folders. What is judged is the real path,
    and that is read; the user alone can change what it leads to meanwhile."""

    inner: Transport
    project: ProjectName
    folders: tuple[str, ...]
    _real: dict[str, tuple[str, ...]] = field(default_factory=dict)

    async def run(self, user: User, command: Command, on_output: OutputSink | None = None) -> CommandResult:
        raise NotPermitted(f"This client is bound to the project {self.project}, and a command knows no such bound.")

    async def listing(self, user: User, path: str) -> Sequence[FileEntry]:
        await self._judged(user, path)
        return await self.inner.listing(user, path)

    async def stat(self, user: User, path: str) -> FileStat:
        return await self._judged(user, path)

    @asynccontextmanager
    async def read(
        self, user: User, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[OpenFile]:
        real = (await self._judged(user, path)).path
        async with self.inner.read(user, real, offset=offset, length=length) as opened:
            yield opened

    async def write(
        self, user: User, path: str, chunks: AsyncIterable[bytes], guard: WriteGuard, *, limit: int | None = None
    ) -> int:
        judged = await self._guard(user, guard)
        try:
            return await self.inner.write(user, path, chunks, judged, limit=limit)
        except FileProblem:
            if _within(normpath(path), (*self.folders, *await self._roots(user))):
                raise
            raise self._outside(path) from None

    async def make_directory(self, user: User, path: str, guard: WriteGuard) -> None:
        await self.inner.make_directory(user, path, await self._guard(user, guard))

    async def remove(self, user: User, path: str) -> None:
        await self._judged(user, dirname(path.rstrip("/")) or "/")
        await self.inner.remove(user, path)

    async def ping(self) -> None:
        await self.inner.ping()

    async def aclose(self) -> None:
        """It is another's."""

    async def _judged(self, user: User, path: str) -> FileStat:
        roots = await self._roots(user)
        try:
            found = await self.inner.stat(user, path)
        except FileProblem:
            if _within(normpath(path), (*self.folders, *roots)):
                raise
            raise self._outside(path) from None
        if not _within(found.path, roots):
            raise self._outside(path)
        return found

    async def _guard(self, user: User, guard: WriteGuard) -> WriteGuard:
        roots = await self._roots(user)

        def judged(target: WriteTarget) -> None:
            if not _within(target.path, roots):
                raise self._outside(target.path)
            guard(target)

        return judged

    async def _roots(self, user: User) -> tuple[str, ...]:
        """The folders as they really are; those that are there."""
        if user.name not in self._real:
            found = []
            for folder in self.folders:
                try:
                    found.append((await self.inner.stat(user, folder)).path)
                except FileProblem:
                    continue
            self._real[user.name] = tuple(found)
        return self._real[user.name]

    def _outside(self, path: str) -> NotPermitted:
        folders = " or ".join(self.folders) or "none of which is here"
        return NotPermitted(
            f"{path!r} lies outside the folders of the project {self.project} ({folders}), to which this client is "
            "bound: use one of them, or another client."
        )


def reachable(principal: Principal, system: System) -> Transport:
    """The system's transport as far as the caller may use it."""
    if principal.project is None:
        return system.transport
    return bound_transport(system, principal.user, principal.project)


def bound_transport(system: System, user: User, project: ProjectName) -> Transport:
    """The system's transport within the project's folders."""
    return _bound(system.transport, [system], user, project)


def bound_endpoints(
    facility: Facility, user: User, project: ProjectName | None, endpoints: Sequence[Endpoint]
) -> Sequence[Endpoint]:
    """Endpoints whose transports keep to the project, if there is one. Those that shared one still do."""
    if project is None:
        return endpoints
    bound: dict[int, BoundTransport] = {}
    for each in endpoints:
        at = [system for system in facility.systems.values() if system.transport is each.transport]
        bound.setdefault(id(each.transport), _bound(each.transport, at, user, project))
    return [replace(each, transport=bound[id(each.transport)]) for each in endpoints]


def _bound(transport: Transport, systems: Iterable[System], user: User, project: ProjectName) -> BoundTransport:
    """Folders that a template gives to each project."""
    filesystems = [each for system in systems for each in system.filesystems if "{project}" in each.template]
    folders = dict.fromkeys(each.path(user=user.name, project=project) for each in filesystems)
    return BoundTransport(transport, project, tuple(folders))


def _within(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)
