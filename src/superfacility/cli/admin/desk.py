"""Where an operator's command works: the use cases of an installation, without reaching any of its systems."""

import os
import pwd
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from superfacility.bootstrap.clients import open_client_service
from superfacility.bootstrap.stores import Stores, open_stores
from superfacility.cli.output import Shared
from superfacility.core.clock import Clock, SystemClock
from superfacility.facility.errors import InvalidInput
from superfacility.services.access.applications import ApplicationService
from superfacility.services.accounting.allocations import AllocationService
from superfacility.services.clients import ClientRequests, ClientService
from superfacility.services.membership.people import PeopleService
from superfacility.services.notices import Notices
from superfacility.services.status import StatusService
from superfacility.settings import Settings, configuration_file, load_settings


@dataclass(frozen=True, slots=True)
class Desk:
    """An open installation. `operator` is who acts, for the audit."""

    settings: Settings
    stores: Stores
    clock: Clock
    people: PeopleService
    allocations: AllocationService
    status: StatusService
    clients: ClientService
    operator: str

    @asynccontextmanager
    async def applications(self) -> AsyncIterator[ApplicationService]:
        """Mails that its changes cause have left when it closes."""
        from superfacility.bootstrap.access import open_applications
        from superfacility.bootstrap.mail import open_mail

        service = open_applications(self.settings, self.stores, open_mail(self.settings), self.clock)
        service.notices.on_failure = _not_mailed
        try:
            yield service
        finally:
            await service.notices.settle()

    @asynccontextmanager
    async def client_requests(self) -> AsyncIterator[ClientRequests]:
        """The same of requests for clients."""
        from superfacility.bootstrap.clients import open_client_requests

        async with self.notices() as notices:
            yield open_client_requests(self.settings, self.stores, notices, self.clock)

    @asynccontextmanager
    async def notices(self) -> AsyncIterator[Notices]:
        """Mails that have left when it closes."""
        from superfacility.bootstrap.access import open_notices
        from superfacility.bootstrap.mail import open_mail

        notices = open_notices(self.settings, self.stores, open_mail(self.settings))
        notices.on_failure = _not_mailed
        try:
            yield notices
        finally:
            await notices.settle()

    async def allow_one_more_user(self) -> None:
        """Where nothing keeps people apart, a second user needs the operator's word."""
        check_isolation(self.settings, 1 + await self.active_users())

    async def active_users(self) -> int:
        return sum(user.active for user in await self.people.users())


def _not_mailed(address: str, why: str) -> None:
    sys.stderr.write(f"Not mailed to {address}: {why}\n")


def check_isolation(settings: Settings, users: int) -> None:
    """Raises `InvalidInput` if so many users may not share the server's account."""
    local = sorted(name for name, system in settings.systems.items() if system.transport.adapter == "local")
    if users > 1 and local and not settings.shared_account:
        raise InvalidInput(
            f"That makes {users} users, and {', '.join(local)} runs everything under the server's own account: they "
            "could read and change each other's files. If all of them may, the operator writes shared_account = true "
            "into the configuration file; otherwise deactivate some: sfapi admin user list"
        )


def _login_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return str(os.getuid())


@asynccontextmanager
async def open_desk(shared: Shared) -> AsyncIterator[Desk]:
    """Open the installation that the command line names."""
    clock = SystemClock()
    settings = load_settings(configuration_file(shared.config))
    stores = open_stores(settings, clock)
    try:
        yield Desk(
            settings,
            stores,
            clock,
            PeopleService(stores.people, clock),
            AllocationService(stores.allocations, stores.ledger, stores.people, clock),
            StatusService(stores.board, clock),
            open_client_service(settings, stores, clock),
            f"operator:{_login_name()}",
        )
    finally:
        await stores.aclose()
