"""The single looks: is the scheduler there, are the nodes up, does the login answer, can a filesystem be written.

Each raises a `FacilityError` where it finds trouble, or returns what it found. Their words are for the public.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from posixpath import join

from superfacility.core.clock import Clock
from superfacility.facility.files import WriteTarget
from superfacility.facility.inventory import Inventory
from superfacility.facility.people import User
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.status import ResourceState
from superfacility.facility.transport import Transport
from superfacility.services.status.settling import Finding

FINE = Finding(ResourceState.ACTIVE, "System is active")
FILE_NAME = ".sfapi-probe"

Check = Callable[[], Awaitable[Finding | None]]
"""None: nothing was learned."""


def scheduler_answers(scheduler: Scheduler) -> Check:
    async def check() -> Finding:
        await scheduler.ping()
        return FINE

    return check


def login_answers(transport: Transport) -> Check:
    async def check() -> Finding:
        await transport.ping()
        return FINE

    return check


def folder_is_writable(transport: Transport, account: User, folder: str) -> Check:
    """Writes a small file and removes it; always the same name, so that nothing piles up."""
    path = join(folder, FILE_NAME)

    async def check() -> Finding:
        await transport.write(account, path, _content(), _allow)
        await transport.remove(account, path)
        return FINE

    return check


@dataclass(frozen=True, slots=True)
class Shares:
    """From which share of unusable nodes on a system is degraded, and from which it is unavailable."""

    degraded: float = 0.1
    unavailable: float = 0.5

    def finding(self, inventory: Inventory) -> Finding | None:
        total = len(inventory.nodes)
        if total == 0:
            return None
        out = sum(not each.usable for each in inventory.nodes)
        if out == 0 or out / total < self.degraded:
            return FINE
        state = ResourceState.UNAVAILABLE if out / total >= self.unavailable else ResourceState.DEGRADED
        return Finding(state, f"{out} of {total} nodes are down or drained")


def nodes_are_up(
    read: Callable[[], Awaitable[Inventory]], shares: Shares, clock: Clock, *, max_age: timedelta
) -> Check:
    """A reading that is older than `max_age` says nothing: the scheduler did not answer since."""

    async def check() -> Finding | None:
        inventory = await read()
        return shares.finding(inventory) if clock.now() - inventory.taken_at <= max_age else None

    return check


async def _content() -> AsyncIterator[bytes]:
    yield b"Written and removed by the status page's probe.\n"


def _allow(_: WriteTarget) -> None:
    """The folder is the operator's choice."""
