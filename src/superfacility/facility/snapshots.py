"""The last reading of each scheduler, kept for every process and for the time when the scheduler does not answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from superfacility.facility.events import NewEvent


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """`payload` is opaque here; `began_at` (aware) is when the reading began: what happened later may be missing."""

    system: str
    kind: str
    """`queue` or `inventory`."""
    began_at: datetime
    payload: bytes


class SnapshotStore(Protocol):
    """One snapshot for each system and kind: the latest."""

    async def publish(
        self, snapshot: StoredSnapshot, *, replacing: datetime | None, events: Sequence[NewEvent] = ()
    ) -> bool:
        """Keep it instead of the one that began at `replacing` (None: there was none), and append the events to the
        log: both or neither. False, and nothing happened, where another one is kept by now.

        Cheap where the payload is the one that is kept already.
        """

    async def latest(self, system: str, kind: str, *, newer_than: datetime | None = None) -> StoredSnapshot | None:
        """None if there is none, or none that began after `newer_than`. Cheap where nothing has changed."""
