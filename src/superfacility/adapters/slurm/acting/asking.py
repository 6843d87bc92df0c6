"""Asks sbatch, and tells the job's id as soon as it is known: the login node is tidied up while the caller goes on."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal

from superfacility.adapters.slurm.acting.submission import accepted_job, submitted_job, sweep_command
from superfacility.adapters.slurm.programs import Programs
from superfacility.core.clock import Clock
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.jobs import JobId
from superfacility.facility.people import User, UserName

SWEEP_EVERY = 24 * 3600.0
"""Seconds between two looks for what killed submissions of one user left."""
_LAST_WORDS = 5.0


class Sbatch:
    """sbatch on one system."""

    def __init__(self, programs: Programs, clock: Clock) -> None:
        self._programs = programs
        self._clock = clock
        self._behind: set[asyncio.Task[CommandResult]] = set()
        self._swept: dict[UserName, float] = {}

    async def submit(self, user: User, command: Command) -> JobId:
        """As `submitted_job`; cancelling it kills what runs."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        stdout = bytearray()

        def hear(stream: Literal["stdout", "stderr"], data: bytes) -> None:
            if stream == "stdout" and not answer.done():
                stdout.extend(data)
                if (job_id := accepted_job(bytes(stdout))) is not None:
                    answer.set_result(job_id)

        run = self._start(self._programs.transport.run(user, command, hear))
        try:
            first: set[asyncio.Future[Any]] = {run, answer}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            run.cancel()
            await asyncio.wait({run})
            raise
        job_id = answer.result() if answer.done() else submitted_job(self._programs.system, await run)
        self._sweep(user)
        return job_id

    def _sweep(self, user: User) -> None:
        now = self._clock.monotonic()
        if now - self._swept.get(user.name, -SWEEP_EVERY) >= SWEEP_EVERY:
            self._swept[user.name] = now
            command = sweep_command(self._programs.options, user.name)
            self._start(self._programs.transport.run(user, command))

    def _start(self, work: Coroutine[Any, Any, CommandResult]) -> asyncio.Task[CommandResult]:
        task = asyncio.create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[CommandResult]) -> None:
        """Who still waits for it hears of its trouble; tidying up that failed is done by a later sweep."""
        self._behind.discard(task)
        if not task.cancelled():
            task.exception()

    async def aclose(self) -> None:
        """Let the tidying end."""
        if self._behind:
            await asyncio.wait(set(self._behind), timeout=_LAST_WORDS)
