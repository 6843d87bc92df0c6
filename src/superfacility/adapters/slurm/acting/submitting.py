"""Submits each intent once, and finds again what was submitted: in the queue, and in the accounting."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from superfacility.adapters.slurm.acting.asking import Sbatch
from superfacility.adapters.slurm.acting.evidence import Evidence
from superfacility.adapters.slurm.acting.submission import submit_command
from superfacility.adapters.slurm.capabilities import Found
from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.reading.lookup import (
    accounting_arguments,
    find_in_accounting,
    find_in_queue,
    queue_arguments,
)
from superfacility.adapters.slurm.reading.tables import GarbledError, Marks
from superfacility.core.clock import Clock
from superfacility.facility.errors import Doubtful, Refused, Unavailable
from superfacility.facility.jobs import Intent, JobId, JobScript
from superfacility.facility.people import User


class Submitting:
    """One attempt at a time of each intent in this process. An attempt without a certain end is looked for before the
    next one."""

    def __init__(self, programs: Programs, found: Callable[[], Awaitable[Found]], clock: Clock) -> None:
        self._programs = programs
        self._found = found
        self._clock = clock
        self._sbatch = Sbatch(programs, clock)
        self._evidence = Evidence(programs.options.accounting_lag, clock)
        self._uncertain: OrderedDict[Intent, datetime] = OrderedDict()
        self._locks: dict[Intent, tuple[asyncio.Lock, list[None]]] = {}

    async def submit(self, user: User, script: JobScript, intent: Intent) -> JobId:
        async with self._alone(intent):
            if (known := self._evidence.job(intent)) is not None:
                return known
            if (since := self._uncertain.get(intent)) is not None:
                earlier = await self.find(user, intent, since)
                if earlier is not None:
                    return earlier
            return await self._attempt(user, script, intent)

    @asynccontextmanager
    async def _alone(self, intent: Intent) -> AsyncIterator[None]:
        lock, users = self._locks.setdefault(intent, (asyncio.Lock(), []))
        users.append(None)
        try:
            async with lock:
                yield
        finally:
            users.pop()
            if not users:
                self._locks.pop(intent, None)

    async def _attempt(self, user: User, script: JobScript, intent: Intent) -> JobId:
        self._evidence.begin_again(intent)
        self._uncertain.setdefault(intent, self._clock.now())
        try:
            job_id = await self._send(user, script, intent)
        except (Refused, Unavailable):
            self._uncertain.pop(intent, None)
            raise
        self._accept(intent, job_id)
        return job_id

    async def _send(self, user: User, script: JobScript, intent: Intent) -> JobId:
        attempt = secrets.randbelow(10**9)
        command = submit_command(self._programs.options, self._programs.path("sbatch"), script, intent, attempt)
        return await self._sbatch.submit(user, command)

    def _accept(self, intent: Intent, job_id: JobId) -> None:
        self._uncertain.pop(intent, None)
        self._evidence.accepted(intent, job_id)

    async def find(self, user: User, intent: Intent, since: datetime) -> JobId | None:
        """`since` may be later than an attempt of this process by a little; the lookup has a margin."""
        known = self._evidence.job(intent)
        if known is not None:
            return known
        try:
            found, job_id = await self._look(user, intent, since)
        except Unavailable:
            self._evidence.begin_again(intent)
            raise
        if job_id is not None:
            self._accept(intent, job_id)
            return job_id
        if not self._evidence.absent(intent, since, self._remembered(found)):
            raise Doubtful(
                f"{self._programs.system}: the job is in neither queue nor accounting yet; it is looked for again "
                "before anything is submitted."
            )
        return None

    def _remembered(self, found: Found) -> float | None:
        """For how many seconds an ended job can be found; None: for ever."""
        return None if found.accounting else found.minimum_job_age

    async def _look(self, user: User, intent: Intent, since: datetime) -> tuple[Found, JobId | None]:
        """The queue first: what leaves it is in the accounting by then."""
        found, marks = await self._found(), Marks()
        try:
            text = await self._programs.read(user, queue_arguments(marks, user.name), marks)
            job_id = find_in_queue(text, marks, intent)
            if job_id is None and found.accounting:
                arguments = accounting_arguments(marks, user.name, since, self._clock.now())
                text = await self._programs.read(user, arguments, marks)
                job_id = find_in_accounting(text, marks, intent)
        except GarbledError as error:
            raise self._programs.garbled("squeue or sacct", error) from None
        return found, job_id

    async def aclose(self) -> None:
        await self._sbatch.aclose()
