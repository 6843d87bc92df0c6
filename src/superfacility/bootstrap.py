"""Settings -> everything that runs: binds each port to its adapter. The only place that picks adapters.

`open_stores` is what an operator's command needs: the database and nothing that reaches a system. `open_services` opens
the systems too and adds the use cases, the worker and the loops in the background.
"""

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Any

import structlog

from superfacility.adapters.sql import (
    Database,
    FileLease,
    SqlAssertionLog,
    SqlAuditLog,
    SqlClientStore,
    SqlLedger,
    SqlPeople,
    SqlStatusBoard,
    SqlTaskQueue,
    migrate,
)
from superfacility.core.clock import Clock, SystemClock
from superfacility.facility.charges import Rate
from superfacility.facility.errors import InvalidInput
from superfacility.facility.people import UserName
from superfacility.facility.site import Site
from superfacility.facility.systems import Facility, Filesystem, FilesystemKind, System, SystemName
from superfacility.facility.transfers import Endpoint, TransferAgent
from superfacility.oauth.assertions import Profile
from superfacility.oauth.keys import SigningKeys
from superfacility.oauth.scopes import SecurityLevel
from superfacility.oauth.server_metadata import TOKEN_PATH
from superfacility.services.account import AccountService
from superfacility.services.charges import ChargeService
from superfacility.services.clients import ClientService
from superfacility.services.collector import Collector
from superfacility.services.compute import ComputeService, Visibility
from superfacility.services.meta import Change, MetaService
from superfacility.services.people import PeopleService
from superfacility.services.reservations import ReservationService
from superfacility.services.services import Services
from superfacility.services.status import StatusService
from superfacility.services.storage import StorageService
from superfacility.services.tasks import TaskService
from superfacility.services.tokens import TokenService
from superfacility.services.utilities import UtilityService
from superfacility.settings import BASE_PATH, AdapterSettings, Settings, SystemSettings
from superfacility.tasks.registry import Registry
from superfacility.tasks.worker import Worker

_HOUSEKEEPING_SECONDS = 600.0
_PAUSE_AFTER_FAULT = 10.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """What an installation remembers."""

    database: Database
    people: SqlPeople
    clients: SqlClientStore
    assertions: SqlAssertionLog
    board: SqlStatusBoard
    ledger: SqlLedger
    audit: SqlAuditLog
    queue: SqlTaskQueue

    async def aclose(self) -> None:
        await self.database.aclose()


def open_stores(settings: Settings, clock: Clock | None = None) -> Stores:
    """Open the database of an installation; it must be there and of the current schema."""
    clock = clock or SystemClock()
    database = Database.open(settings.path(settings.database))
    lease = FileLease(settings.path(settings.state) / "workers")
    return Stores(
        database=database,
        people=SqlPeople(database),
        clients=SqlClientStore(database),
        assertions=SqlAssertionLog(database),
        board=SqlStatusBoard(database, clock),
        ledger=SqlLedger(database),
        audit=SqlAuditLog(database),
        queue=SqlTaskQueue(database, lease, clock),
    )


def find_adapter(kind: str, name: str) -> Callable[..., Any]:
    """The factory that is registered under `superfacility.<kind>` by that name."""
    found = entry_points(group=f"superfacility.{kind}")
    for entry in found:
        if entry.name == name:
            try:
                factory: Callable[..., Any] = entry.load()
            except (ImportError, AttributeError) as problem:
                raise InvalidInput(f"The {kind[:-1]} {name!r} ({entry.value}) cannot be loaded: {problem}") from problem
            return factory
    known = ", ".join(sorted(found.names)) or "none; is Superfacility installed?"
    raise InvalidInput(f"The configuration names {kind[:-1]} {name!r}; installed are: {known}.")


def open_facility(settings: Settings) -> Facility:
    """Open every system and the transfer agent."""
    systems = {name: _open_system(settings, name, table) for name, table in settings.systems.items()}
    endpoints: dict[str, Endpoint] = {}
    for alias, table in settings.transfers.endpoints.items():
        root = None if table.root is None else str(settings.path(table.root))
        endpoints[alias] = Endpoint(alias, systems[table.system].transport, root)
        if table.uuid is not None:
            endpoints[str(table.uuid)] = endpoints[alias]
    return Facility(
        name=settings.name,
        systems=systems,
        aliases={alias: name for name, table in settings.systems.items() for alias in table.aliases},
        endpoints=endpoints,
        transfer_agent=_open_transfer_agent(settings.transfers.agent),
    )


def _open_system(settings: Settings, name: str, table: SystemSettings) -> System:
    filesystems = tuple(
        Filesystem(
            each, FilesystemKind(settings.filesystems[each].kind), settings.template(settings.filesystems[each].path)
        )
        for each in table.filesystems
    )
    site = _site(settings, name, filesystems)
    transport = find_adapter("transports", table.transport.adapter)(site, table.transport.options)
    scheduler = None
    if table.scheduler is not None:
        scheduler = find_adapter("schedulers", table.scheduler.adapter)(site, table.scheduler.options, transport)
    return System(
        name=SystemName(name),
        full_name=table.full_name,
        transport=transport,
        filesystems=filesystems,
        scheduler=scheduler,
        rate=Rate(
            table.charging.cores_per_node or os.cpu_count() or 1, table.charging.factor, dict(table.charging.qos)
        ),
    )


def _site(settings: Settings, name: str, filesystems: tuple[Filesystem, ...]) -> Site:
    state = settings.path(settings.state) / name
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state / "bin").mkdir(mode=0o700, exist_ok=True)
    homes = next((each for each in filesystems if each.kind is FilesystemKind.HOME), None)

    def home(user: UserName) -> str:
        if homes is None:
            raise InvalidInput(f"{name} has no home filesystem; the operator must add one to its `filesystems`.")
        return homes.path(user=user)

    return Site(name, home, tuple(each.root for each in filesystems), state, state / "bin")


def _open_transfer_agent(table: AdapterSettings | None) -> TransferAgent | None:
    if table is None:
        return None
    agent: TransferAgent = find_adapter("transfer_agents", table.adapter)(table.options)
    return agent


@dataclass(frozen=True, slots=True)
class Runtime:
    """A facility that runs."""

    settings: Settings
    stores: Stores
    facility: Facility
    services: Services
    worker: Worker
    clock: Clock

    async def work(self, stop: asyncio.Event) -> None:
        """Work on tasks and run the loops in the background, until `stop`; running tasks are handed back."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.worker.run(stop))
            group.create_task(self._background(stop))

    async def _background(self, stop: asyncio.Event) -> None:
        """What one process an installation does; the others wait until that one ends."""
        with (self.settings.path(self.settings.state) / "background.lock").open("w") as lock:
            while not _locked(lock.fileno()):
                if await _stopped(stop, 2.0):
                    return
            async with asyncio.TaskGroup() as group:
                group.create_task(_keep_running("charges", self.services.charges.run, stop))
                group.create_task(_keep_running("housekeeping", self._housekeeping, stop))

    async def _housekeeping(self, stop: asyncio.Event) -> None:
        limits = self.settings.limits
        while True:
            now = self.clock.now()
            tasks = await self.stores.queue.purge(now - timedelta(days=limits.task_retention_days))
            audit = await self.stores.audit.purge(now - timedelta(days=limits.audit_retention_days))
            assertions = await self.stores.assertions.forget(now)
            _log.debug("purged", tasks=tasks, audit=audit, assertions=assertions)
            if await _stopped(stop, _HOUSEKEEPING_SECONDS):
                return

    async def aclose(self) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.stores.aclose)
            for system in self.facility.systems.values():
                stack.push_async_callback(system.transport.aclose)
                if system.scheduler is not None:
                    stack.push_async_callback(system.scheduler.aclose)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _keep_running(name: str, loop: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    """A fault in the background is told and tried again: it must not take the API down, whatever it is."""
    while not stop.is_set():
        try:
            await loop(stop)
        except Exception:
            _log.exception("background loop failed", loop=name)
            await _stopped(stop, _PAUSE_AFTER_FAULT)


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


def open_services(settings: Settings, *, public_url: str | None = None, clock: Clock | None = None) -> Runtime:
    """Open an installation whole. `public_url` counts where the settings have none: the address that was bound."""
    clock = clock or SystemClock()
    stores = open_stores(settings, clock)
    facility = open_facility(settings)
    services = _services(settings, stores, facility, public_url or "http://127.0.0.1:8000", clock)
    registry = Registry(
        (
            *services.compute.handlers(),
            *services.reservations.handlers(),
            *services.storage.handlers(),
            *services.utilities.handlers(),
        )
    )
    lease = FileLease(settings.path(settings.state) / "workers")
    worker = Worker(stores.queue, registry, lease, clock, concurrency=settings.server.concurrent_tasks)
    return Runtime(settings, stores, facility, services, worker, clock)


def _services(settings: Settings, stores: Stores, facility: Facility, bound_url: str, clock: Clock) -> Services:
    people, queue, limits = stores.people, stores.queue, settings.limits
    collectors = {
        name: Collector(system, clock, period=settings.systems[name].refresh_seconds)
        for name, system in facility.systems.items()
        if system.scheduler is not None
    }
    charges = ChargeService(stores.ledger, people, facility, clock)
    return Services(
        account=AccountService(people, stores.clients, charges, facility, collectors, clock),
        charges=charges,
        clients=open_client_service(settings, stores, clock),
        compute=ComputeService(facility, queue, clock, collectors, people, Visibility(settings.visibility)),
        meta=_meta(settings, facility),
        people=PeopleService(people, clock),
        reservations=ReservationService(facility, queue, clock, people),
        status=StatusService(stores.board, clock),
        storage=StorageService(facility, queue, clock, guard_dot_files=limits.guard_dot_files),
        tasks=TaskService(queue, clock),
        tokens=_token_service(settings, stores, bound_url, clock),
        utilities=UtilityService(
            facility,
            queue,
            stores.audit,
            clock,
            upload_limit=limits.upload_bytes,
            command_time_limit=limits.command_seconds,
            download_limit=limits.download_bytes,
            guard_dot_files=limits.guard_dot_files,
        ),
    )


def open_client_service(settings: Settings, stores: Stores, clock: Clock) -> ClientService:
    lifetimes = {SecurityLevel.from_label(label): lifetime for label, lifetime in settings.client_lifetimes.items()}
    return ClientService(stores.clients, stores.people, clock, lifetimes=lifetimes)


def _token_service(settings: Settings, stores: Stores, bound_url: str, clock: Clock) -> TokenService:
    issuer = settings.public_url or bound_url
    own = [issuer + TOKEN_PATH]
    if settings.public_url is None:
        own.append(issuer.replace("//127.0.0.1:", "//localhost:") + TOKEN_PATH)
    return TokenService(
        clients=stores.clients,
        assertions=stores.assertions,
        people=stores.people,
        keys=SigningKeys.load(settings.path(settings.keys)),
        issuer=issuer,
        audience=issuer + BASE_PATH,
        token_urls=(*own, *settings.tokens.additional_urls),
        profile=Profile(settings.tokens.profile),
        clock=clock,
        audit=stores.audit,
    )


def _meta(settings: Settings, facility: Facility) -> MetaService:
    targets = [name for name, system in facility.systems.items() if system.scheduler is not None]
    return MetaService(
        changelog=[Change(entry.day, entry.change) for entry in settings.changelog],
        config={
            "facility.name": settings.name,
            "compute.targets": ",".join(targets),
            "utilities.targets": ",".join(facility.systems),
            "storage.endpoints": ",".join(settings.transfers.endpoints),
            "utilities.upload_bytes": str(settings.limits.upload_bytes),
            "utilities.download_bytes": str(settings.limits.download_bytes),
        },
    )


def migrate_database(settings: Settings) -> None:
    """Bring the database that is there to the schema of this code."""
    path = settings.path(settings.database)
    if not path.is_file():
        raise InvalidInput(f"There is no database {path}; make an installation with: sfapi init DIR")
    migrate(path)


def prepare(settings: Settings) -> None:
    """Make what an installation needs before it can be opened: folders, database, signing keys."""
    for folder in (settings.keys, settings.state):
        settings.path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    migrate(settings.path(settings.database))
    SigningKeys.create(settings.path(settings.keys))
