"""Files and commands of a system, as the calling user."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from superfacility.core.clock import Clock
from superfacility.core.logging import redact
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import FacilityError, FileProblem, InvalidInput, NotPermitted
from superfacility.facility.files import FileEntry
from superfacility.facility.people import User
from superfacility.facility.systems import Facility
from superfacility.facility.transport import OpenFile
from superfacility.oauth.principal import Principal
from superfacility.services.files.project_bounds import reachable
from superfacility.services.files.uploads import Uploads
from superfacility.services.files.write_rules import homes_on, write_guard
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.registry import Cancelled, Handler, HandlerKind, TaskContext
from superfacility.tasks.task import NewTask, Task

COMMAND = "utilities.command"
EXECUTABLE_LIMIT = 128 * 1024 - 1
"""Bytes; Linux passes no longer argument to a program."""
OUTPUT_LIMIT = 4 * 1024 * 1024
_PARTIAL_LIMIT = 256 * 1024
_REPORT_PERIOD = 0.5
_AUDITED = 200


@dataclass(frozen=True, slots=True)
class UtilityService:
    """Limits are in bytes and seconds. `guard_dot_files` refuses what only red should write."""

    facility: Facility
    queue: TaskQueue
    uploads: Uploads
    clock: Clock
    upload_limit: int
    command_time_limit: float
    download_limit: int
    guard_dot_files: bool = True

    def handlers(self) -> tuple[Handler, ...]:
        return (Handler(COMMAND, HandlerKind.AT_MOST_ONCE, self._run, lost=_lost()),)

    async def ls(self, principal: Principal, machine: str, path: str) -> Sequence[FileEntry]:
        return await reachable(principal, self.facility.system(machine)).listing(principal.user, path)

    @asynccontextmanager
    async def download(
        self, principal: Principal, machine: str, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[OpenFile]:
        transport = reachable(principal, self.facility.system(machine))
        async with transport.read(principal.user, path, offset=offset, length=length) as opened:
            if opened.stat.size > self.download_limit:
                raise FileProblem(
                    f"The file has {opened.stat.size} bytes, and a download may have {self.download_limit}: "
                    "use a transfer (/storage), or split it with a command."
                )
            yield opened

    async def upload(
        self, principal: Principal, machine: str, path: str, chunks: AsyncIterable[bytes], announced: int | None = None
    ) -> int:
        """Returns the bytes written. `announced` is what is known of the size beforehand. `TooMany` where the caller
        has as many uploads under way, or has uploaded as much today, as one may."""
        system = self.facility.system(machine)
        self._check_size(announced)
        homes = await homes_on(system.transport, principal.user, [system])
        guard = write_guard(principal.power, homes, enabled=self.guard_dot_files)
        transport = reachable(principal, system)

        async def write(content: AsyncIterable[bytes]) -> int:
            return await transport.write(principal.user, path, content, guard, limit=self.upload_limit)

        return await self.uploads.carry(principal, f"{system.name}:{path}", chunks, announced, write)

    def _check_size(self, announced: int | None) -> None:
        if announced is not None and announced > self.upload_limit:
            raise FileProblem(
                f"File too large: an upload may have {self.upload_limit} bytes, this one has {announced} or more. "
                "Split it, or use a transfer (/storage)."
            )

    async def command(
        self, principal: Principal, machine: str, executable: str, idempotency: IdempotencyKey | None = None
    ) -> Task:
        """Accepted at once; output and exit code are the task's result."""
        system = self.facility.system(machine)
        if principal.project is not None:
            raise NotPermitted(f"This client is bound to the project {principal.project}: it runs no commands.")
        _check_executable(executable)
        new = NewTask(
            owner=principal.user.name,
            handler=COMMAND,
            intent={"system": system.name, "executable": executable, "uid": principal.user.uid},
            created_at=self.clock.now(),
            level=principal.level.label,
            client_id=principal.client_id,
        )
        audit = principal.audit(self.clock.now(), COMMAND, system.name, redact(executable)[:_AUDITED])
        return await self.queue.accept(new, audit, idempotency)

    async def _run(self, context: TaskContext) -> Mapping[str, Any]:
        task = context.task
        output = _Output()
        reporting = asyncio.create_task(_report(context, output))
        try:
            return _result(await self._execute(task, output), self.command_time_limit)
        except FacilityError as error:
            return output.shown("error", str(error), exit_code=None)
        except asyncio.CancelledError:
            raise Cancelled(output.shown("error", "The command was cancelled and ended.\n", exit_code=None)) from None
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)

    async def _execute(self, task: Task, output: "_Output") -> CommandResult:
        command = Command(
            arguments=("bash", "-c", task.intent["executable"]),
            login=True,
            time_limit=self.command_time_limit,
            output_limit=OUTPUT_LIMIT,
        )
        user = User(uid=task.intent["uid"], name=task.owner)
        return await self.facility.system(task.intent["system"]).transport.run(user, command, output.add)


def _check_executable(executable: str) -> None:
    if not executable.strip():
        raise InvalidInput("`executable` is empty; give the command to run.")
    if "\0" in executable:
        raise InvalidInput("`executable` has a NUL character, which no command can carry.")
    size = len(executable.encode(errors="surrogateescape"))
    if size > EXECUTABLE_LIMIT:
        raise InvalidInput(
            f"`executable` has {size} bytes, at most {EXECUTABLE_LIMIT} can be run: upload a script and run that."
        )


class _Output:
    """What a running command has said so far."""

    def __init__(self) -> None:
        self._said = {"stdout": bytearray(), "stderr": bytearray()}
        self.changed = asyncio.Event()

    def add(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        self._said[stream] += data
        self.changed.set()

    def shown(self, status: str, error: str = "", *, exit_code: int | None) -> dict[str, Any]:
        said = {name: bytes(data[-_PARTIAL_LIMIT:]).decode(errors="replace") for name, data in self._said.items()}
        return {"status": status, "output": said["stdout"], "error": said["stderr"] + error, "exit_code": exit_code}


async def _report(context: TaskContext, output: _Output) -> None:
    while True:
        await output.changed.wait()
        output.changed.clear()
        await context.report(output.shown("ok", exit_code=None))
        await asyncio.sleep(_REPORT_PERIOD)


def _result(result: CommandResult, time_limit: float) -> Mapping[str, Any]:
    output, error = result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")
    if result.truncated:
        output += f"\n[output cut: only the first {OUTPUT_LIMIT} bytes of each stream are kept]\n"
    if result.timed_out:
        error += f"The command was ended after {time_limit:g} s, the time limit here: submit a job for longer work.\n"
    succeeded = result.exit_code == 0 and not result.timed_out
    return {
        "status": "ok" if succeeded else "error",
        "output": output,
        "error": error,
        "exit_code": result.exit_code,
    }


def _lost() -> Mapping[str, Any]:
    """Laid over what was reported so far, so the output up to then stays."""
    error = (
        "The service was interrupted while this command ran: it may have run, wholly or in part. "
        "Check before you repeat it.\n"
    )
    return {"status": "error", "error": error, "exit_code": None}
