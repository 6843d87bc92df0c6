"""A piece of what a job has printed, read as the caller."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError, FileProblem, NotFound
from superfacility.facility.jobs import JobDetails, JobId
from superfacility.facility.systems import Facility, System
from superfacility.oauth.principal import Principal
from superfacility.services.compute.filters import check_job_id
from superfacility.services.compute.listings import JobListings, JobRequest
from superfacility.services.compute.output.files import KnownFiles
from superfacility.services.compute.output.following import Followed, Followers, OutputLimits
from superfacility.services.compute.visibility import Visibility

LARGEST_PIECE = 1024 * 1024
_PATIENCE = 60.0
"""Seconds for which whoever reads believes where a job will print that has not started."""
_END_AGE = 2.0
"""Seconds that a follower believes that the job has not ended."""
_MISSING = "No such file or directory"


class Stream(StrEnum):
    """One of the two that a job prints to; both may be the same file."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True, slots=True)
class OutputPiece:
    """Bytes from `offset` on of a file that had `size` bytes. `offset` is 0 where the file had become shorter than was
    asked for: it was written anew. `ended` says that the job has ended, on positive evidence."""

    data: bytes
    offset: int
    size: int
    ended: bool

    @property
    def next_offset(self) -> int:
        return self.offset + len(self.data)


@dataclass(slots=True)
class _End:
    """What one follower knows of the end of the job."""

    reached: bool = False
    looked_at: float = float("-inf")


class JobOutputs:
    """The paths are the scheduler's word, and the caller's own rights decide what of them can be read."""

    def __init__(self, facility: Facility, jobs: JobListings, clock: Clock, limits: OutputLimits | None = None) -> None:
        self._facility = facility
        self._jobs = jobs
        self._clock = clock
        self._followers = Followers(limits or OutputLimits())
        self._files = KnownFiles(jobs, clock)

    async def details(self, principal: Principal, machine: str, job_id: str) -> JobDetails:
        """Where the files of a job are. `NotFound` for jobs that the site's rule hides from the caller."""
        system = self._facility.system(machine)
        found = await self._files.of(principal.user, system, check_job_id(job_id))
        await self._check_visible(principal, system, job_id, found)
        return found

    async def piece(
        self, principal: Principal, machine: str, job_id: str, stream: Stream, *, offset: int = 0, limit: int
    ) -> OutputPiece:
        """At most `limit` bytes; a negative `offset` counts from the end. Empty while the job has not begun."""
        system = self._facility.system(machine)
        ended = await self._ended(principal, system, job_id)
        limit = min(limit, LARGEST_PIECE)
        return await self._read_as_it_is(principal, system, job_id, stream, offset, limit, ended=ended)

    async def _read_as_it_is(
        self,
        principal: Principal,
        system: System,
        job_id: str,
        stream: Stream,
        offset: int,
        limit: int,
        *,
        ended: bool,
    ) -> OutputPiece:
        """A file that is not there yet is empty."""
        path = await self._path(principal, system, job_id, stream)
        try:
            return await self._read(principal, system, path, offset, limit, ended=ended)
        except FileProblem as problem:
            if _MISSING not in str(problem):
                raise
            if ended:
                raise NotFound(f"Job {job_id} has ended and left no {path}.") from problem
            return OutputPiece(b"", 0, 0, ended=False)

    async def _read(
        self, principal: Principal, system: System, path: str, offset: int, limit: int, *, ended: bool
    ) -> OutputPiece:
        if offset < 0:
            size = (await system.transport.stat(principal.user, path)).size
            offset = max(0, size + offset)
        async with system.transport.read(principal.user, path, offset=offset, length=limit) as file:
            if file.stat.size >= offset:
                return OutputPiece(await _whole(file.chunks, limit), offset, file.stat.size, ended)
        async with system.transport.read(principal.user, path, length=limit) as file:
            return OutputPiece(await _whole(file.chunks, limit), 0, file.stat.size, ended)

    def follow(
        self, principal: Principal, machine: str, job_id: str, stream: Stream, *, offset: int = 0
    ) -> AsyncGenerator[Followed]:
        """From `offset` on, as it comes, until the job has ended and all is read. None where there was nothing new for
        a while. `TooMany` where the caller, `Unavailable` where everybody together follows too much already."""

        system = self._facility.system(machine)
        end = _End()

        async def read(at: int) -> OutputPiece:
            if self._clock.monotonic() - end.looked_at >= _END_AGE and not end.reached:
                end.reached = await self._ended(principal, system, job_id)
                end.looked_at = self._clock.monotonic()
            return await self._read_as_it_is(principal, system, job_id, stream, at, LARGEST_PIECE, ended=end.reached)

        return self._followers.follow(principal.user.name, read, offset)

    async def _path(self, principal: Principal, system: System, job_id: str, stream: Stream) -> str:
        details = await self._files.of(principal.user, system, check_job_id(job_id), script=False, patience=_PATIENCE)
        await self._check_visible(principal, system, job_id, details)
        path = details.stdout if stream is Stream.STDOUT else details.stderr
        if path is None:
            raise NotFound(
                f"The scheduler has forgotten where job {job_id} wrote its {stream.value}. The file is where your "
                "script put it: read it there. Staff can let Slurm remember (AccountingStoreFlags=job_script)."
            )
        return path

    async def _check_visible(self, principal: Principal, system: System, job_id: str, details: JobDetails) -> None:
        hidden = self._jobs.visibility is not Visibility.ALL and not principal.user.staff
        asked = hidden and details.user != principal.user.name
        if (asked or principal.project is not None) and not await self._rows(principal, system, job_id):
            raise NotFound(f"{system.name} has no job {job_id} of yours or your projects'.")

    async def _ended(self, principal: Principal, system: System, job_id: str) -> bool:
        """True only on evidence; whoever cannot be asked ends nothing."""
        try:
            rows = await self._rows(principal, system, job_id)
        except FacilityError:
            return False
        return bool(rows) and all(rows)

    async def _rows(self, principal: Principal, system: System, job_id: str) -> list[bool]:
        """Whether each part of the job that the caller sees has ended: from the queue, or else from the accounting."""
        for sacct in (False, True):
            found = await self._jobs.one(principal, system.name, JobId(job_id), JobRequest(sacct=sacct))
            if found.jobs:
                return [job.state.terminal for job in found.jobs]
        return []


async def _whole(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) >= limit:
            break
    return bytes(data[:limit])
