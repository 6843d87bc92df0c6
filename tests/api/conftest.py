"""The whole application in process: stores in memory, a scheduler that a test fills, tokens that say who calls.

A token is `<level>:<user>`, so that a test shows at a glance who asks; the token service itself has tests of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from superfacility.app import create_app
from superfacility.facility.audit import AuditEntry
from superfacility.facility.charges import Rate
from superfacility.facility.errors import Conflict, FacilityError, NotFound, NotPermitted
from superfacility.facility.jobs import Intent, Job, JobId, JobQuery, JobScript, JobState, QueueSnapshot
from superfacility.facility.people import Allocation, Project, ProjectName, Role, User, UserName
from superfacility.facility.reservations import Reservation, ReservationName
from superfacility.facility.status import Note, Outage, Resource, ResourceName
from superfacility.facility.systems import Facility, Filesystem, FilesystemKind, System, SystemName
from superfacility.oauth.clients import ClientId
from superfacility.oauth.errors import AccessRefused, Reason
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.services.account import AccountService
from superfacility.services.charges import ChargeService
from superfacility.services.clients import ClientService
from superfacility.services.collector import Collector
from superfacility.services.compute import ComputeService
from superfacility.services.meta import Change, MetaService
from superfacility.services.people import PeopleService
from superfacility.services.reservations import ReservationService
from superfacility.services.services import Services
from superfacility.services.status import StatusService
from superfacility.services.storage import StorageService
from superfacility.services.tasks import TaskService
from superfacility.services.utilities import UtilityService
from superfacility.tasks.registry import Registry
from superfacility.tasks.worker import Worker
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import (
    Memory,
    MemoryAuditLog,
    MemoryClientStore,
    MemoryLease,
    MemoryLedger,
    MemoryPeople,
    MemoryStatusBoard,
    MemoryTaskQueue,
)
from superfacility.testing.transports import MemoryTransport

BASE = "/api/v1.2"
DEMO1 = UserName("demo1")
DEMO2 = UserName("demo2")


@dataclass
class ListedScheduler:
    """Holds jobs in a list; `lists_new` False hides new ones from its queue, `fault` makes every question fail.

    A transient `submit_fault` comes after the job was made, any other instead of it; either comes once.
    """

    clock: FakeClock
    jobs: dict[str, Job] = field(default_factory=dict)
    intents: dict[Intent, JobId] = field(default_factory=dict)
    reserved: dict[str, Reservation] = field(default_factory=dict)
    lists_new: bool = True
    fault: FacilityError | None = None
    submit_fault: FacilityError | None = None
    reads: int = 0
    reading: int = 0
    most_readings: int = 0

    def add(self, job_id: str, user: str = DEMO1, state: JobState = JobState.RUNNING, **changes: Any) -> Job:
        columns = {"jobid": job_id, "state": state.value, "user": user, "qos": changes.get("qos", "")}
        now = self.clock.now()
        job = Job(JobId(job_id), UserName(user), state, columns, submitted_at=now, **changes)
        if state.terminal:
            job = replace(job, ended_at=now, elapsed=changes.get("elapsed", timedelta(hours=1)))
        self.jobs[job_id] = job
        return job

    async def submit(self, user: User, script: JobScript, intent: Intent) -> JobId:
        fault, self.submit_fault = self.submit_fault, None
        if fault is not None and not fault.transient:
            raise fault
        if intent not in self.intents:
            self.intents[intent] = JobId(str(1000 + len(self.jobs)))
            if self.lists_new:
                self.add(self.intents[intent], user.name, JobState.PENDING)
        if fault is not None:
            raise fault
        return self.intents[intent]

    async def find(self, user: User, intent: Intent) -> JobId | None:
        return self.intents.get(intent)

    async def cancel(self, user: User, job_id: JobId) -> None:
        job = self.jobs.get(job_id)
        if job is None:
            raise NotFound(f"scancel: error: Invalid job id {job_id}\n")
        if job.user != user.name:
            raise NotPermitted(f"{job_id} is not yours")
        self.add(job_id, job.user, JobState.CANCELLED)

    async def queue(self) -> QueueSnapshot:
        self.reads += 1
        self.reading += 1
        self.most_readings = max(self.reading, self.most_readings)
        await asyncio.sleep(0)
        self.reading -= 1
        if self.fault is not None:
            raise self.fault
        return QueueSnapshot(tuple(job for job in self.jobs.values() if not job.state.terminal), self.clock.now())

    async def accounting(self, query: JobQuery) -> Sequence[Job]:
        if self.fault is not None:
            raise self.fault
        return [job for job in self.jobs.values() if query.matches(job)]

    async def reservations(self) -> Sequence[Reservation]:
        return list(self.reserved.values())

    async def reserve(self, user: User, reservation: Reservation) -> Reservation:
        found = self.reserved.setdefault(reservation.name, reservation)
        if found != reservation:
            raise Conflict(f"The name {reservation.name} is taken.")
        return found

    async def cancel_reservation(self, user: User, name: ReservationName) -> None:
        if self.reserved.pop(name, None) is None:
            raise NotFound(f"No reservation {name}.")

    async def ping(self) -> None: ...

    async def aclose(self) -> None: ...


class NamedTokens:
    """Believes `<level>:<user>`."""

    def __init__(self, people: MemoryPeople, clock: FakeClock) -> None:
        self._people = people
        self._clock = clock

    async def authenticate(self, token: str, address: str) -> Principal:
        level, _, name = token.partition(":")
        user = await self._people.user(UserName(name))
        if user is None:
            raise AccessRefused(Reason.BAD_TOKEN, "This token is not one of ours.")
        found = SecurityLevel.from_label(level)
        expires = self._clock.now() + timedelta(minutes=10)
        return Principal(user, ClientId(f"client-{name}"[:13]), found, scopes_of(found), address, expires)


@dataclass
class Site:
    """What a test turns its screws on."""

    app: FastAPI
    clock: FakeClock
    services: Services
    scheduler: ListedScheduler
    queue: MemoryTaskQueue
    people: MemoryPeople
    board: MemoryStatusBoard
    clients: MemoryClientStore
    worker: Worker
    memory: Memory

    def audit(self) -> AuditEntry:
        return AuditEntry(self.clock.now(), "operator:test", "test.change", "something")

    async def call(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="https://facility.example") as http:
            return await http.request(method, BASE + path, headers=headers, **options)

    async def get(self, path: str, token: str | None = None, **options: Any) -> httpx.Response:
        return await self.call("GET", path, token, **options)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker runs inside."""
        stop = asyncio.Event()
        running = asyncio.create_task(self.worker.run(stop))
        try:
            yield
        finally:
            stop.set()
            await running

    async def result(self, task_id: str, token: str = "red:demo1") -> dict[str, Any]:
        """The task once it has ended; a worker must be running."""
        async with asyncio.timeout(20):
            while True:
                task = cast("dict[str, Any]", (await self.get(f"/tasks/{task_id}", token)).json())
                if task["status"] != "new":
                    return task
                await asyncio.sleep(0.01)


async def _populate(people: MemoryPeople, board: MemoryStatusBoard, clock: FakeClock) -> None:
    audit = AuditEntry(clock.now(), "operator:test", "test.fill", "everything")
    for uid, name in ((1001, DEMO1), (1002, DEMO2), (1003, UserName("staff1"))):
        await people.save_user(User(uid, name, staff=name == "staff1"), audit, new=True)
    project = Project(1, ProjectName("m0001"), "Demonstration", Allocation(cpu_hours=100.0, project_bytes=1 << 30))
    await people.save_project(project, audit, new=True)
    await people.set_membership(project.name, DEMO1, Role.PI, audit)
    for name, kind in (("perlmutter", "compute"), ("globus", "service"), ("spin", "service")):
        await board.save_resource(
            Resource(ResourceName(name), name.title(), kind, updated_at=clock.now()), audit, new=True
        )
    day = timedelta(days=1)
    perlmutter = ResourceName("perlmutter")
    await board.save_outage(Outage(0, perlmutter, clock.now() - 3 * day, clock.now() - 2 * day, "Past"), audit)
    await board.save_outage(Outage(0, perlmutter, clock.now() + day, clock.now() + 2 * day, "Planned"), audit)
    await board.save_note(Note(0, ResourceName("spin"), "Be gentle", timestamp=clock.now()), audit)


@pytest.fixture
async def site() -> Site:
    memory, clock, lease = Memory(), FakeClock(), MemoryLease()
    people, board, clients = MemoryPeople(memory), MemoryStatusBoard(memory, clock), MemoryClientStore(memory)
    queue, scheduler, transport = MemoryTaskQueue(memory, lease, clock), ListedScheduler(clock), MemoryTransport()
    await _populate(people, board, clock)
    filesystems = (
        Filesystem("homes", FilesystemKind.HOME, "/home/{user}"),
        Filesystem("project", FilesystemKind.PROJECT, "/project/{project}"),
    )
    systems = {
        "perlmutter": System(SystemName("perlmutter"), "Perlmutter", transport, filesystems, scheduler, Rate(1)),
        "dtns": System(SystemName("dtns"), "Data transfer nodes", transport, filesystems),
    }
    facility = Facility("Example", systems, aliases={"dtn01": "dtns", "pm": "perlmutter"})
    collectors = {"perlmutter": Collector(systems["perlmutter"], clock, period=5.0)}
    charges = ChargeService(MemoryLedger(memory), people, facility, clock)
    services = Services(
        account=AccountService(people, clients, charges, facility, collectors, clock),
        charges=charges,
        clients=ClientService(clients, people, clock),
        compute=ComputeService(facility, queue, clock, collectors, people),
        meta=MetaService([Change(clock.now().date(), "First")], {"compute.targets": "perlmutter"}),
        people=PeopleService(people, clock),
        reservations=ReservationService(facility, queue, clock, people),
        status=StatusService(board, clock),
        storage=StorageService(facility, queue, clock),
        tasks=TaskService(queue, clock),
        tokens=cast("Any", NamedTokens(people, clock)),
        utilities=UtilityService(
            facility,
            queue,
            MemoryAuditLog(memory),
            clock,
            upload_limit=1 << 20,
            command_time_limit=60,
            download_limit=1 << 20,
        ),
    )
    registry = Registry((*services.compute.handlers(), *services.reservations.handlers()))
    worker = Worker(queue, registry, lease, clock, poll=0.01)
    app = create_app(services, name="Example")
    return Site(app, clock, services, scheduler, queue, people, board, clients, worker, memory)
