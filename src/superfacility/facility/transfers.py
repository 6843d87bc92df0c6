"""Copies between places, and what makes them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NewType, Protocol
from uuid import UUID

from superfacility.facility.files import WriteGuard
from superfacility.facility.people import User
from superfacility.facility.transport import Transport

TransferId = NewType("TransferId", UUID)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A place: a system's transport under an alias (`dtn`, `perlmutter`, `hpss`) or a UUID. `root` is put before every
    path where the place is a folder of its own (the archive); None takes paths as they are."""

    name: str
    transport: Transport
    root: str | None = None


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """Copy `source_path` (a file, or a folder with all in it) to `target_path` (a file's new name, or a folder)."""

    source: Endpoint
    source_path: str
    target: Endpoint
    target_path: str


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """Totals are known once the source was walked. `skipped` names what is not copied, each with its reason."""

    files_total: int = 0
    files_done: int = 0
    bytes_total: int = 0
    bytes_done: int = 0
    skipped: tuple[str, ...] = ()


ProgressSink = Callable[[TransferProgress], Awaitable[None]]


class TransferAgent(Protocol):
    """Copies files and trees, checks them, and starts again where it stopped."""

    async def copy(
        self, user: User, request: TransferRequest, guard: WriteGuard, progress: ProgressSink
    ) -> TransferProgress:
        """Run to the end, as often as needed: a file that is there with the same checksum is not copied again.

        Every file appears at its target at once and whole, and is compared by SHA-256 afterwards. Raises as
        `Transport` does; cancelling leaves whole files only.
        """
