"""Everything that runs: use cases, worker, and the loops in the background."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from superfacility.bootstrap.audit import open_sealer
from superfacility.bootstrap.background import Background, Loop, keep_running, stopped
from superfacility.bootstrap.clients import open_expiry_warnings
from superfacility.bootstrap.directory import Directory, open_directory
from superfacility.bootstrap.facility import open_facility
from superfacility.bootstrap.first_look import probe_schedulers
from superfacility.bootstrap.stores import Stores, open_stores
from superfacility.bootstrap.use_cases import open_probes, open_senders, open_use_cases
from superfacility.core.clock import Clock, SystemClock
from superfacility.facility.callbacks import WebhookSender
from superfacility.facility.systems import Facility
from superfacility.oauth.identity.attempts import FORGOTTEN_AFTER
from superfacility.services.accounting.associations import AssociationKeeper
from superfacility.services.audit import Sealer
from superfacility.services.services import Services
from superfacility.services.status import StatusWatch
from superfacility.settings import Settings
from superfacility.tasks.keys import KEPT_FOR
from superfacility.tasks.registry import Registry
from superfacility.tasks.worker import Worker

_HOUSEKEEPING_SECONDS = 600.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Runtime:
    """A facility that runs."""

    settings: Settings
    stores: Stores
    facility: Facility
    services: Services
    worker: Worker
    webhooks: WebhookSender
    sealer: Sealer
    clock: Clock
    directory: Directory | None = None

    async def work(self, stop: asyncio.Event) -> None:
        """Work on tasks and run the loops in the background, until `stop`; running tasks are handed back."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.worker.run(stop))
            group.create_task(probe_schedulers(self.facility, stop))
            group.create_task(keep_running("events", self.services.events.feed.run, stop))
            group.create_task(keep_running("waits", self.services.tasks.waits.run, stop))
            group.create_task(Background(self.stores.locks, self._loops()).run(stop))

    def _loops(self) -> dict[str, Loop]:
        services = self.services
        return {
            "charges": services.charges.run,
            "callbacks": services.callbacks.run,
            "status": StatusWatch(services.status, self.clock, self.stores.events).run,
            "probes": open_probes(self.settings, self.facility, services, self.clock).run,
            "audit": self.sealer.run,
            "housekeeping": self._housekeeping,
            **self._warnings(),
            **{f"associations/{keeper.system}": keeper.run for keeper in self._keepers()},
            **({} if self.directory is None else {"directory": self.directory.sync.run}),
            **{f"collector/{name}": collector.run for name, collector in services.jobs.collectors.items()},
        }

    def _warnings(self) -> dict[str, Loop]:
        """Nothing to do where no mail is sent."""
        if self.settings.mail is None:
            return {}
        opened = open_expiry_warnings(self.settings, self.stores, self.services.notices, self.clock)
        return {"warnings": opened.run}

    def _keepers(self) -> Iterator[AssociationKeeper]:
        """For systems whose accounts keep in step by themselves."""
        stores = self.stores
        for name, table in self.settings.systems.items():
            scheduler = self.facility.systems[name].scheduler
            if table.associations == "keep" and scheduler is not None:
                book = scheduler.associations()
                yield AssociationKeeper(name, book, stores.people, stores.audit, self.clock)

    async def _housekeeping(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._purge()
            await stopped(stop, _HOUSEKEEPING_SECONDS)

    async def _purge(self) -> None:
        limits, now, stores = self.settings.limits, self.clock.now(), self.stores
        purged = {
            "tasks": await stores.queue.purge(now - timedelta(days=limits.task_retention_days)),
            "answers": await stores.answers.forget(now - KEPT_FOR),
            "allowances": await stores.allowances.forget((now - timedelta(days=1)).date()),
            "callbacks": await stores.callbacks.purge(now - timedelta(days=limits.task_retention_days)),
            "audit": await self.sealer.purge(now - timedelta(days=limits.audit_retention_days)),
            "events": await stores.events.purge(now - timedelta(days=limits.event_retention_days)),
            "status": await self.services.status.purge(now - timedelta(days=limits.status_retention_days)),
            "assertions": await stores.assertions.forget(now),
            "revoked tokens": await stores.revoked_tokens.forget(now),
            "warnings": await stores.client_warnings.forget(now),
            "tickets": await stores.tickets.forget(now - timedelta(days=1)),
            "grants": await stores.applications.forget_grants(now - timedelta(days=30)),
            "admissions": await stores.admissions.forget(now - timedelta(days=limits.task_retention_days)),
            "logins": await stores.login_sessions.forget(now),
            "login links": await stores.accounts.forget_links(now),
            "login attempts": await stores.attempts.forget(now - FORGOTTEN_AFTER),
        }
        _log.debug("purged", **purged)

    async def aclose(self) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.stores.aclose)
            stack.push_async_callback(self.webhooks.aclose)
            if self.directory is not None:
                stack.push_async_callback(self.directory.port.aclose)
            for system in self.facility.systems.values():
                stack.push_async_callback(system.transport.aclose)
                if system.scheduler is not None:
                    stack.push_async_callback(system.scheduler.aclose)


def open_services(settings: Settings, *, public_url: str | None = None, clock: Clock | None = None) -> Runtime:
    """Open an installation whole. `public_url` counts where the settings have none: the address that was bound."""
    clock = clock or SystemClock()
    stores = open_stores(settings, clock)
    facility = open_facility(settings)
    senders = open_senders(settings)
    directory = open_directory(settings, stores, clock)
    if directory is not None:
        stores = replace(stores, users=directory.users)
    bound_url = public_url or "http://127.0.0.1:8000"
    services = open_use_cases(settings, stores, facility, senders, bound_url, clock)
    worker = Worker(
        stores.queue, _registry(services), stores.lease, clock, concurrency=settings.server.concurrent_tasks
    )
    stores.queue.attend(worker)
    return Runtime(
        settings,
        stores,
        facility,
        services,
        worker,
        senders.webhooks,
        open_sealer(settings, stores, clock),
        clock,
        directory,
    )


def _registry(services: Services) -> Registry:
    return Registry(
        (
            *services.compute.handlers(),
            *services.control.handlers(),
            *services.reservations.handlers(),
            *services.storage.handlers(),
            *services.utilities.handlers(),
        )
    )
