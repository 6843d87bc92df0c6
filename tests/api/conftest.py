"""The whole application in process: stores in memory, a scheduler that a test fills, tokens that say who calls.

A token is `<level>:<user>`, so that a test shows at a glance who asks; the token service itself has tests of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute

from superfacility.adapters.local import open_transfer_agent
from superfacility.adapters.web import NoMail
from superfacility.app import create_app
from superfacility.bootstrap.projects import open_projects
from superfacility.facility.accounting.allocations import HoursAllocation, WhenExhausted
from superfacility.facility.accounting.charges import HoursKind, Rate
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, FacilityError, NotFound, NotPermitted
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
from superfacility.facility.people import Allocation, Project, ProjectName, Role, User, UserName
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.facility.status import Note, Outage, Resource, ResourceName
from superfacility.facility.systems import Facility, Filesystem, FilesystemKind, System, SystemName
from superfacility.facility.transfers import Endpoint
from superfacility.oauth.access_tokens import AccessToken
from superfacility.oauth.applications import GrantId
from superfacility.oauth.clients import ClientId
from superfacility.oauth.errors import AccessRefused, Reason
from superfacility.oauth.identity.sealing import Sealer
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.services.access.applications import ApplicationService
from superfacility.services.access.grants import GrantService
from superfacility.services.access.login import (
    Appearance,
    BrowserSessions,
    Flows,
    LoginService,
    ProviderLogins,
)
from superfacility.services.access.provider import KnownApplications
from superfacility.services.access.provider.known import COMMAND_LINE_ID
from superfacility.services.access.records import ClientRecord
from superfacility.services.accounting.account import AccountService
from superfacility.services.accounting.allocations import AllocationService
from superfacility.services.accounting.budget import Budget
from superfacility.services.accounting.charges import ChargeService
from superfacility.services.answers import AnswerService
from superfacility.services.audit import AuditReading
from superfacility.services.clients import ClientRequests, ClientRules, ClientService, Collaborations, OwnClients
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.control import JobControl
from superfacility.services.compute.listings import JobListings
from superfacility.services.compute.output import JobOutputs, OutputLimits
from superfacility.services.compute.reading.sharing import Sharing
from superfacility.services.compute.requests import ComputeService, SubmissionRules
from superfacility.services.events.callbacks import CallbackService
from superfacility.services.events.feed import Feed
from superfacility.services.events.secrets import SigningSecrets
from superfacility.services.events.sending import Courier
from superfacility.services.events.streams import EventService
from superfacility.services.files import StorageService, UploadRules, Uploads, UtilityService
from superfacility.services.membership.people import PeopleService
from superfacility.services.meta import Change, MetaService
from superfacility.services.notices import Notices
from superfacility.services.reservations import ReservationService
from superfacility.services.services import Services
from superfacility.services.status import StatusService, SystemSummaries
from superfacility.services.tasks import TaskService
from superfacility.settings import MembershipSettings
from superfacility.tasks.registry import Registry
from superfacility.tasks.worker import Worker
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import (
    Memory,
    MemoryAdmissions,
    MemoryAllocations,
    MemoryAllowances,
    MemoryAnswerStore,
    MemoryApplicationStore,
    MemoryAuditLog,
    MemoryClientRequestStore,
    MemoryClientStore,
    MemoryCollaborationAccounts,
    MemoryIdentityStore,
    MemoryLease,
    MemoryLedger,
    MemoryLocks,
    MemoryLoginSessionStore,
    MemoryPeople,
    MemorySnapshotStore,
    MemoryStatusBoard,
    MemoryTaskQueue,
)
from superfacility.testing.stores.callbacks import MemoryCallbackStore
from superfacility.testing.stores.events import MemoryEventLog
from superfacility.testing.transports import MemoryTransport

BASE = "/api/v1.2"
DEMO1 = UserName("demo1")
DEMO2 = UserName("demo2")

ROUTES: list[BaseRoute] = []
"""Those of the first application serve all: FastAPI prepares each at its first request, which takes most of a test."""


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
    done: list[tuple[Any, JobId]] = field(default_factory=list)
    asked_details: list[tuple[str, str, str]] = field(default_factory=list)
    script: str = "#!/bin/sh\n"
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
                self.add(self.intents[intent], user.name, JobState.PENDING, project=script.project)
        if fault is not None:
            raise fault
        return self.intents[intent]

    async def find(self, user: User, intent: Intent, since: datetime) -> JobId | None:
        return self.intents.get(intent)

    async def cancel(self, user: User, job_id: JobId) -> None:
        job = self.jobs.get(job_id)
        if job is None:
            raise NotFound(f"scancel: error: Invalid job id {job_id}\n")
        if job.user != user.name and not user.staff:
            raise NotPermitted(f"{job_id} is not yours")
        self.add(job_id, job.user, JobState.CANCELLED)

    def _own(self, user: User, job_id: JobId) -> Job:
        job = self.jobs.get(job_id)
        if job is None:
            raise NotFound(f"Invalid job id specified: {job_id}")
        if job.user != user.name and not user.staff:
            raise NotPermitted(f"{job_id} is not yours")
        return job

    async def hold(self, user: User, job_id: JobId) -> None:
        self._own(user, job_id)
        self.done.append(("hold", job_id))

    async def release(self, user: User, job_id: JobId) -> None:
        self._own(user, job_id)
        self.done.append(("release", job_id))

    async def requeue(self, user: User, job_id: JobId) -> None:
        self._own(user, job_id)
        self.done.append(("requeue", job_id))

    async def change(self, user: User, job_id: JobId, change: JobChange) -> None:
        self._own(user, job_id)
        self.done.append((change, job_id))

    async def details(self, user: User, job_id: JobId, *, listed: Job | None = None, script: bool = True) -> JobDetails:
        self.asked_details.append((user.name, job_id, "script" if script else "paths"))
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        job = self.jobs.get(job_id)
        if job is None:
            raise NotFound(f"Invalid job id specified: {job_id}")
        home = f"/home/{job.user}"
        text = self.script if job.user == user.name else None
        return JobDetails(job.id, job.user, home, f"{home}/{job_id}.out", f"{home}/{job_id}.err", None, text)

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

    async def change_reservation(self, user: User, name: ReservationName, change: ReservationChange) -> Reservation:
        if name not in self.reserved:
            raise NotFound(f"No reservation {name}.")
        self.reserved[name] = change.of(self.reserved[name])
        return self.reserved[name]

    async def cancel_reservation(self, user: User, name: ReservationName) -> None:
        if self.reserved.pop(name, None) is None:
            raise NotFound(f"No reservation {name}.")

    async def inventory(self) -> Inventory:
        if self.fault is not None:
            raise self.fault
        node = Node("nid001", "idle", ("regular",), cpus=64, cpus_allocated=0, memory=256_000)
        return Inventory((node,), (Partition("regular", "up", True, None, 1),), self.clock.now())

    async def ping(self) -> None: ...

    async def aclose(self) -> None: ...


class NamedTokens:
    """Believes `<level>:<user>`, `<level>:<user>:login` of somebody who has logged in by the command line, and
    `client:<id>` of a client that is registered."""

    def __init__(self, people: MemoryPeople, clock: FakeClock) -> None:
        self._people = people
        self._clock = clock

    async def generation(self) -> int:
        return self._people._memory.generation

    async def authenticate(self, token: str, address: str) -> Principal:
        level, _, rest = token.partition(":")
        name, *more = rest.split(":")
        if level == "client":
            return await self._client(ClientId(name), address)
        user = await self._people.user(UserName(name))
        if user is None or level.upper() not in SecurityLevel.__members__:
            raise AccessRefused(Reason.BAD_TOKEN, "This token is not one of ours.")
        found = SecurityLevel.from_label(level)
        expires = self._clock.now() + timedelta(minutes=10)
        if more:
            grant = GrantId(f"grant of {name}")
            return Principal(
                replace(user, staff=False) if more[1:] else user,
                ClientId(more[1]) if more[1:] else COMMAND_LINE_ID,
                found,
                scopes_of(found),
                address,
                expires,
                grant,
            )
        return Principal(user, ClientId(f"client-{name}"[:13]), found, scopes_of(found), address, expires)

    async def _client(self, client_id: ClientId, address: str) -> Principal:
        client = self._people._memory.clients.get(client_id)
        now = self._clock.now()
        if client is None or not client.in_force(now):
            raise AccessRefused(Reason.REVOKED_CLIENT, "This client is not in force.")
        record = ClientRecord(client, await self._people.user(client.user), 0, 0.0)
        ends, thumbprint = (now + timedelta(minutes=10)).timestamp(), "its key's" if client.dpop else None
        said = AccessToken(client.user, client.id, client.scopes, ends, thumbprint=thumbprint, holder=client.holder)
        return record.principal(said, address)


@dataclass
class Site:
    """What a test turns its screws on."""

    transport: MemoryTransport

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

    async def refusal(self, method: str, path: str, token: str, status: int, **body: Any) -> str:
        """What is said to who asks for it with this body, and is refused with this status."""
        answer = await self.call(method, path, token, **({} if method == "DELETE" else {"json": body}))
        assert answer.status_code == status, answer.text
        return str(answer.json()["detail"])

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


async def _populate(people: MemoryPeople, hours: MemoryAllocations, board: MemoryStatusBoard, clock: FakeClock) -> None:
    audit = AuditEntry(clock.now(), "operator:test", "test.fill", "everything")
    for uid, name in ((1001, DEMO1), (1002, DEMO2), (1003, UserName("staff1"))):
        await people.save_user(User(uid, name, staff=name == "staff1"), audit, new=True)
    project = Project(1, ProjectName("m0001"), "Demonstration", Allocation(project_bytes=1 << 30))
    await people.save_project(project, audit, new=True)
    await people.set_membership(project.name, DEMO1, Role.PI, audit)
    await hours.add(HoursAllocation(0, project.name, HoursKind.CPU, 100.0), audit)
    for name, kind in (("perlmutter", "compute"), ("globus", "service"), ("spin", "service")):
        await board.save_resource(
            Resource(ResourceName(name), name.title(), kind, updated_at=clock.now()), audit, new=True
        )
    day = timedelta(days=1)
    perlmutter = ResourceName("perlmutter")
    await board.save_outage(Outage(0, perlmutter, clock.now() - 3 * day, clock.now() - 2 * day, "Past"), audit)
    await board.save_outage(Outage(0, perlmutter, clock.now() + day, clock.now() + 2 * day, "Planned"), audit)
    await board.save_note(Note(0, ResourceName("spin"), "Be gentle", timestamp=clock.now()), audit)


def _callbacks(memory: Memory, clock: FakeClock) -> CallbackService:
    """With nobody to send to: what is owed is tested by itself."""
    store, nobody = MemoryCallbackStore(memory), cast("Any", None)
    secrets = SigningSecrets(b"k" * 32, store, clock)
    courier = Courier(store, nobody, nobody, secrets, clock)
    return CallbackService(store, MemoryEventLog(memory), nobody, secrets, nobody, courier, clock)


def _login(memory: Memory, people: MemoryPeople, clock: FakeClock) -> LoginService:
    """Sessions alone: the ways to begin one are tested by themselves."""
    ours, flows = "https://facility.example", Flows(Sealer(b"k" * 32), clock)
    providers = ProviderLogins({}, MemoryIdentityStore(memory), people, clock, ours)
    sessions = BrowserSessions(MemoryLoginSessionStore(memory), people, clock)
    return LoginService(sessions, Appearance("Example"), (ours,), flows, providers)


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


@pytest.fixture
async def site(transport: MemoryTransport) -> Site:
    memory, clock, lease = Memory(), FakeClock(), MemoryLease()
    people, board, clients = MemoryPeople(memory), MemoryStatusBoard(memory, clock), MemoryClientStore(memory)
    queue, scheduler = MemoryTaskQueue(memory, lease, clock), ListedScheduler(clock)
    await _populate(people, MemoryAllocations(memory), board, clock)
    filesystems = (
        Filesystem("homes", FilesystemKind.HOME, "/home/{user}"),
        Filesystem("project", FilesystemKind.PROJECT, "/project/{project}"),
    )
    systems = {
        "perlmutter": System(SystemName("perlmutter"), "Perlmutter", transport, filesystems, scheduler, Rate(1)),
        "dtns": System(SystemName("dtns"), "Data transfer nodes", transport, filesystems),
    }
    endpoints = {"dtn": Endpoint("dtn", transport)}
    facility = Facility(
        "Example", systems, {"dtn01": "dtns", "pm": "perlmutter"}, endpoints, transfer_agent=open_transfer_agent({})
    )
    sharing = Sharing(MemorySnapshotStore(memory), MemoryLocks(memory))
    collectors = {"perlmutter": Collector(systems["perlmutter"], clock, sharing=sharing, period=5.0)}
    jobs = JobListings(facility, queue, clock, collectors, people)
    charges = ChargeService(MemoryLedger(memory), people, facility, clock, events=MemoryEventLog(memory))
    allocations = AllocationService(MemoryAllocations(memory), MemoryLedger(memory), people, clock)
    budget = Budget(MemoryAllocations(memory), people, clock, WhenExhausted.WARN)
    applications, notices = MemoryApplicationStore(memory), Notices(NoMail(), people, "Example")
    collaborations = Collaborations(MemoryCollaborationAccounts(memory), people, clock)
    own_clients = OwnClients(clients, collaborations, notices, clock, ClientRules())
    services = Services(
        answers=AnswerService(MemoryAnswerStore(memory), Sealer(b"k" * 32), clock, wait=0.5),
        applications=ApplicationService(applications, people, notices, clock),
        grants=GrantService(KnownApplications(applications, people), clock),
        notices=notices,
        provider=cast("Any", None),  # has tests of its own
        account=AccountService(people, clients, charges, allocations, facility, collectors, clock),
        allocations=allocations,
        audit=AuditReading(MemoryAuditLog(memory)),
        callbacks=_callbacks(memory, clock),
        charges=charges,
        clients=ClientService(clients, people, clock),
        collaborations=collaborations,
        compute=ComputeService(facility, queue, clock, collectors, people, SubmissionRules(afford=budget.check)),
        control=JobControl(facility, queue, clock, collectors, people),
        events=EventService(Feed(MemoryEventLog(memory), beat=1.5), facility, people, clock),
        jobs=jobs,
        login=_login(memory, people, clock),
        meta=MetaService([Change(clock.now().date(), "First")], {"compute.targets": "perlmutter"}),
        own_clients=own_clients,
        client_requests=ClientRequests(MemoryClientRequestStore(memory), own_clients),
        output=JobOutputs(facility, jobs, clock, OutputLimits(per_user=2, in_all=3, pause=0.01)),
        people=PeopleService(people, clock),
        projects=open_projects(people, MemoryAdmissions(memory), notices, MembershipSettings(), clock),
        reservations=ReservationService(facility, queue, clock, people),
        status=StatusService(board, clock),
        storage=StorageService(facility, queue, clock),
        summaries=SystemSummaries(facility, collectors),
        tasks=TaskService(queue, clock),
        tokens=cast("Any", NamedTokens(people, clock)),
        utilities=UtilityService(
            facility,
            queue,
            Uploads(MemoryAllowances(memory), clock, UploadRules()),
            clock,
            upload_limit=1 << 20,
            command_time_limit=60,
            download_limit=1 << 20,
        ),
    )
    handlers = (services.compute, services.control, services.reservations, services.storage, services.utilities)
    registry = Registry(tuple(handler for each in handlers for handler in each.handlers()))
    worker = Worker(queue, registry, lease, clock, poll=0.01)
    app = create_app(services, name="Example")
    app.router.routes = ROUTES or app.router.routes
    ROUTES[:] = app.router.routes
    return Site(transport, app, clock, services, scheduler, queue, people, board, clients, worker, memory)


class Mailbox:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str, str]] = []

    async def send(self, recipient: str, subject: str, text: str) -> None:
        self.mails.append((recipient, subject, text))


@pytest.fixture
async def mailbox(site: Site) -> Mailbox:
    """What the facility mails to demo1, demo2 and staff1, who have addresses."""
    found: Any = Mailbox()
    site.services.notices.mail = found
    for uid, name in ((1001, "demo1"), (1002, "demo2"), (1003, "staff1")):
        user = User(uid, UserName(name), staff=name == "staff1", email=f"{name}@example.org")
        await site.people.save_user(user, site.audit())
    return cast("Mailbox", found)
