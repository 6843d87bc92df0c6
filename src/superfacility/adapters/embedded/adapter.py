"""The port `Scheduler` over the daemon's socket."""

import asyncio
import os
import posixpath
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from superfacility.adapters.embedded.configuration import Configuration, read_options
from superfacility.adapters.embedded.connection import Connection
from superfacility.adapters.embedded.daemon.changing import DENIED
from superfacility.adapters.embedded.daemon.environment import clean_environment
from superfacility.adapters.embedded.mirror import Mirror
from superfacility.adapters.embedded.processes import write_programs
from superfacility.adapters.embedded.protocol import CONFIGURATION, Message, Problem
from superfacility.adapters.embedded.records import ReservationRecord, reservation_from
from superfacility.adapters.embedded.request.times import long_clock_text
from superfacility.core.clock import Clock, SystemClock
from superfacility.facility.accounting.associations import AssociationBook, NoBook
from superfacility.facility.errors import (
    Conflict,
    Doubtful,
    FacilityError,
    FileProblem,
    InvalidInput,
    NotFound,
    NotPermitted,
    Refused,
    Unavailable,
)
from superfacility.facility.inventory import Inventory, Node, Partition
from superfacility.facility.jobs import (
    Intent,
    Job,
    JobChange,
    JobDetails,
    JobId,
    JobQuery,
    JobScript,
    JobState,
    QueueSnapshot,
)
from superfacility.facility.people import User, UserName
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.facility.scheduler import Capabilities
from superfacility.facility.site import Site
from superfacility.facility.transport import Transport

_SHELL = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
_LAST_MOMENT = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
_SCRIPT_LIMIT = 4 * 1024 * 1024
_ERRORS: dict[str, type[FacilityError]] = {
    "refused": Refused,
    "not_found": NotFound,
    "not_permitted": NotPermitted,
    "conflict": Conflict,
    "invalid": InvalidInput,
    "unavailable": Unavailable,
}


class EmbeddedScheduler:
    """One system's embedded scheduler. `open` it; the daemon starts at the first question and outlives us."""

    def __init__(self, site: Site, transport: Transport, configuration: Configuration, clock: Clock) -> None:
        self.configuration = configuration
        self._site = site
        self._transport = transport
        self._clock = clock
        self._connection = Connection(site.state, site.system, clock)
        self._mirror = Mirror(configuration.cluster)
        self._refreshing = asyncio.Lock()

    @classmethod
    def open(cls, site: Site, options: Mapping[str, Any], transport: Transport) -> "EmbeddedScheduler":
        try:
            configuration = read_options(site.system, options)
        except ValueError as error:
            raise InvalidInput(f"scheduler of {site.system}: {error}.") from None
        site.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if site.state.stat().st_mode & 0o077:
            site.state.chmod(0o700)
        _write_if_changed(site.state / CONFIGURATION, configuration.to_json())
        write_programs(site.programs, site.state)
        return cls(site, transport, configuration, SystemClock())

    async def submit(self, user: User, script: JobScript, intent: Intent) -> JobId:
        home = self._site.home(user.name)
        try:
            content = await self._read_script(user, script, home)
        except Refused:
            earlier = await self.find(user, intent, _moment(0))  # a script may be gone after its job was submitted
            if earlier is None:
                raise
            return earlier
        question = {
            "do": "submit",
            "user": user.name,
            "uid": user.uid,
            "gid": os.getgid(),
            "intent": str(intent),
            "work_dir": home,
            "environment": clean_environment(user.name, home, _SHELL, str(self._site.programs.absolute())),
            **content,
            **({} if script.project is None else {"options": {"account": script.project}}),
        }
        return JobId(str((await self._ask(question))["job"]))

    async def _read_script(self, user: User, script: JobScript, home: str) -> Message:
        if script.path is None:
            return {"script": script.text or "", "script_name": "sbatch", "arguments": list(script.arguments)}
        path = posixpath.join(home, script.path)
        return {
            "script": await self._read(user, path, script.path) if script.text is None else script.text,
            "script_name": posixpath.basename(path),
            "command": path,
            "arguments": list(script.arguments),
        }

    async def _read(self, user: User, path: str, asked: str) -> str:
        try:
            async with self._transport.read(user, path, length=_SCRIPT_LIMIT) as file:
                content = b"".join([chunk async for chunk in file.chunks])
                size = file.stat.size
        except FileProblem:
            raise Refused(f"sbatch: error: Unable to open file {asked}\n") from None
        if size > _SCRIPT_LIMIT:
            raise Refused("sbatch: error: Batch job submission failed: Pathname of a file or script is too long\n")
        return content.decode("utf-8", "surrogateescape")

    async def find(self, user: User, intent: Intent, since: datetime) -> JobId | None:
        number = await self._ask({"do": "find", "intent": str(intent)})
        return None if number is None else JobId(str(number))

    async def cancel(self, user: User, job_id: JobId) -> None:
        await self._ask({"do": "cancel", "uid": user.uid, **_named(user, job_id)})

    async def hold(self, user: User, job_id: JobId) -> None:
        await self._ask({"do": "update", "held": True, **_named(user, job_id)})

    async def release(self, user: User, job_id: JobId) -> None:
        await self._ask({"do": "update", "held": False, **_named(user, job_id)})

    async def requeue(self, user: User, job_id: JobId) -> None:
        await self._ask({"do": "requeue", **_named(user, job_id)})

    async def change(self, user: User, job_id: JobId, change: JobChange) -> None:
        question = {"do": "update", **_named(user, job_id)}
        if change.time_limit is not None:
            question["limit"] = long_clock_text(change.time_limit.total_seconds())
        if change.qos is not None:
            question["qos"] = change.qos
        try:
            await self._ask(question)
        except Refused as error:
            if change.time_limit is None or DENIED not in error.words:
                raise
            raise NotPermitted(
                f"Only the facility's staff give a running job a longer time limit: ask them to do it for {job_id}, or "
                "submit it again with the limit that it needs."
            ) from None

    async def details(self, user: User, job_id: JobId, *, listed: Job | None = None, script: bool = True) -> JobDetails:
        found = await self._ask({"do": "details", **_named(user, job_id)})
        return JobDetails(
            JobId(found["job"]),
            UserName(found["user"]),
            found["directory"],
            found["stdout"],
            found["stderr"],
            found["command"],
            found["script"],
        )

    async def capabilities(self) -> Capabilities:
        await self.ping()
        return Capabilities("embedded", version("superfacility"))

    async def inventory(self) -> Inventory:
        """The machine is one node."""
        jobs = (await self.queue()).jobs
        used = sum(job.cpus for job in jobs if job.state is JobState.RUNNING)
        own = self.configuration
        state = "idle" if not used else "mixed" if used < own.cores else "allocated"
        node = Node(own.cluster, state, tuple(own.partitions), own.cores, used, 0, own.constraints)
        partitions = tuple(
            Partition(name, "up", name == own.default_partition, None if limit is None else timedelta(seconds=limit), 1)
            for name, limit in own.partitions.items()
        )
        return Inventory((node,), partitions, self._clock.now())

    async def queue(self) -> QueueSnapshot:
        await self._refresh()
        return self._mirror.queue(self._clock.now())

    async def accounting(self, query: JobQuery) -> Sequence[Job]:
        await self._refresh()
        return self._mirror.accounting(query, self._clock.now())

    async def _refresh(self) -> None:
        """Pages are applied one after the other: a page of the same changes between them would turn time back."""
        async with self._refreshing:
            more = True
            while more:
                question = {"do": "changes", "since": self._mirror.version, "instance": self._mirror.instance}
                page = await self._ask(question)
                self._mirror.apply(page)
                more = page["more"]

    async def reservations(self) -> Sequence[Reservation]:
        records = await self._ask({"do": "reservations"})
        return [self._reservation(reservation_from(each)) for each in records]

    def associations(self) -> AssociationBook:
        return NoBook(
            f"{self._site.system}: the embedded scheduler keeps no accounts: whoever is a member of a project here may "
            "charge jobs to it."
        )

    async def reserve(self, user: User, reservation: Reservation) -> Reservation:
        asked = {**_asked(reservation), "name": reservation.name, "owner": user.name}
        return self._reservation(reservation_from(await self._ask({"do": "reserve", "reservation": asked})))

    async def change_reservation(self, user: User, name: ReservationName, change: ReservationChange) -> Reservation:
        current = next((each for each in await self.reservations() if each.name == name), None)
        if current is not None:
            change.of(current)
        asked = {key: value for key, value in _asked(change).items() if value is not None}
        question = {"do": "rebook", "name": name, "reservation": asked}
        return self._reservation(reservation_from(await self._ask(question)))

    async def cancel_reservation(self, user: User, name: ReservationName) -> None:
        await self._ask({"do": "unreserve", "name": name})

    def _reservation(self, record: ReservationRecord) -> Reservation:
        active = record.start <= self._clock.now().timestamp() < record.end
        return Reservation(
            name=ReservationName(record.name),
            start=_moment(record.start),
            end=_moment(record.end),
            nodes=record.nodes,
            cores=record.cores_asked,
            users=record.users,
            projects=record.accounts,
            state="ACTIVE" if active else "INACTIVE",
        )

    async def ping(self) -> None:
        await self._ask({"do": "hello"})

    async def stop_daemon(self, *, jobs: bool = True) -> None:
        """End the daemon if it runs, with its running jobs or without. For tests and for taking a system apart."""
        await self._connection.end_daemon(jobs=jobs)

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def _ask(self, question: Message) -> Any:
        try:
            return await self._connection.ask(question)
        except Problem as problem:
            _raise(problem)
        except Doubtful as error:
            if question["do"] in _CHANGING:
                raise
            raise Unavailable(str(error)) from error


_CHANGING = frozenset({"submit", "cancel", "update", "requeue", "reserve", "rebook", "unreserve"})


def _asked(wanted: Reservation | ReservationChange) -> Message:
    return {
        "start": None if wanted.start is None else wanted.start.timestamp(),
        "end": None if wanted.end is None else wanted.end.timestamp(),
        "nodes": wanted.nodes,
        "cores_asked": wanted.cores,
        "users": None if wanted.users is None else list(wanted.users),
        "accounts": None if wanted.projects is None else list(wanted.projects),
    }


def _named(user: User, job_id: JobId) -> Message:
    return {"user": user.name, "staff": user.staff, "job": job_id}


def _raise(problem: Problem) -> NoReturn:
    error = _ERRORS.get(problem.kind, Refused)
    words = problem.words
    raise error(words if error is not Refused or words.endswith("\n") else words + "\n") from None


def _moment(seconds: float) -> datetime:
    """`scontrol` takes times beyond the calendar; one record that has them must not hide all others."""
    return datetime.fromtimestamp(min(max(0.0, seconds), _LAST_MOMENT), UTC)


def _write_if_changed(path: Path, text: str) -> None:
    if path.is_file() and path.read_text() == text:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.chmod(0o600)
    temporary.replace(path)
