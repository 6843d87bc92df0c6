"""Which mails about ends of clients have left, and the port that remembers it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from superfacility.oauth.clients import Client


@dataclass(frozen=True, slots=True)
class Ending:
    """A client that ends soon, and the notices of this end that have left."""

    client: Client
    told: frozenset[str] = frozenset()


class WarningLog(Protocol):
    """Remembers notices, by client and end: a client that was renewed has another end."""

    async def ending(self, after: datetime, before: datetime) -> Sequence[Ending]:
        """Clients in force that end between the two, the first to end first."""

    async def record(self, client: Client, notices: Iterable[str]) -> None:
        """Of the client's end as it is here; recording again changes nothing."""

    async def forget(self, before: datetime) -> int:
        """Drop what was told of ends before; returns how many."""
