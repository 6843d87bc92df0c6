"""How an installation itself is doing, for those who watch it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Vitals:
    """Numbers of this moment. `clients` are those in force, by the label of their level."""

    open_tasks: int
    oldest_task_seconds: float
    pending_deliveries: int
    unsealed_audit: int
    clients: Mapping[str, int]


class VitalsReader(Protocol):
    """Asks the database, by its indexes alone: it may be asked every few seconds."""

    async def read(self) -> Vitals: ...
