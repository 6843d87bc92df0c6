"""What a system consists of and how it is: nodes, partitions, and how full they are."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Node:
    """`state` in the scheduler's words, lower case and without marks (`idle`, `mixed`, `allocated`, `down`, `drained`).

    `reachable` is False where the scheduler marks it as not responding; `reason` is why it is down or drained.
    Memory is in MiB.
    """

    name: str
    state: str
    partitions: tuple[str, ...]
    cpus: int
    cpus_allocated: int
    memory: int
    features: tuple[str, ...] = ()
    gres: str = ""
    reachable: bool = True
    reason: str = ""

    @property
    def usable(self) -> bool:
        """Runs jobs, or would."""
        return self.reachable and self.state in {
            "idle", "mixed", "allocated", "completing", "reserved", "planned", "blocked",
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Partition:
    """`state` is `up`, `down`, `drain` or `inactive`; a `time_limit` of None is without limit."""

    name: str
    state: str
    default: bool
    time_limit: timedelta | None
    nodes: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """All of it at one moment (aware)."""

    nodes: tuple[Node, ...]
    partitions: tuple[Partition, ...]
    taken_at: datetime
