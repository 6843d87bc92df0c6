"""How full a system is, without anybody's name: nodes, partitions, and the depth of the queue by the last readings."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from superfacility.facility.errors import NotPermitted, Unsupported
from superfacility.facility.inventory import Inventory, Node, Partition
from superfacility.facility.jobs import Job, JobState
from superfacility.facility.systems import Facility, System
from superfacility.oauth.principal import Principal


class QueueReading(Protocol):
    """Every job that is pending or running, as it was at `began_at` (aware)."""

    @property
    def jobs(self) -> tuple[Job, ...]: ...

    @property
    def began_at(self) -> datetime: ...


class Readings(Protocol):
    """The last readings of one scheduler, shared by all who ask; `Unavailable` while there never was one."""

    async def inventory(self) -> Inventory: ...

    async def view(self) -> QueueReading: ...


@dataclass(frozen=True, slots=True)
class NodeTotals:
    """Of some nodes. `states` counts them by the scheduler's word; `usable` ones run jobs, or would."""

    nodes: int
    usable: int
    states: Mapping[str, int]
    cpus: int
    cpus_allocated: int

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> "NodeTotals":
        return cls(
            nodes=len(nodes),
            usable=sum(each.usable for each in nodes),
            states=dict(sorted(Counter(each.state for each in nodes).items())),
            cpus=sum(each.cpus for each in nodes),
            cpus_allocated=sum(each.cpus_allocated for each in nodes),
        )


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Jobs of one partition and QOS. `other` are neither waiting nor running (completing, suspended)."""

    partition: str
    qos: str
    pending: int
    running: int
    other: int
    oldest_pending_at: datetime | None


@dataclass(frozen=True, slots=True)
class NodeSummary:
    system: System
    taken_at: datetime
    totals: NodeTotals


@dataclass(frozen=True, slots=True)
class PartitionSummary:
    system: System
    taken_at: datetime
    partitions: tuple[tuple[Partition, NodeTotals], ...]


@dataclass(frozen=True, slots=True)
class QueueSummary:
    system: System
    taken_at: datetime
    depths: tuple[QueueDepth, ...]


class SystemSummaries:
    """`readings` has one for each system with a scheduler, by the system's name. The scheduler is never asked here."""

    def __init__(self, facility: Facility, readings: Mapping[str, Readings]) -> None:
        self._facility = facility
        self._readings = readings
        self._depths: dict[str, tuple[tuple[Job, ...], tuple[QueueDepth, ...]]] = {}

    async def nodes(self, machine: str) -> NodeSummary:
        system, readings = self._found(machine)
        inventory = await readings.inventory()
        return NodeSummary(system, inventory.taken_at, NodeTotals.of(inventory.nodes))

    async def unusable_nodes(self, principal: Principal, machine: str) -> Sequence[Node]:
        """For staff alone: reasons name people and their jobs."""
        if not principal.user.staff:
            raise NotPermitted("Why nodes are out of service is for the facility's staff; the counts are public.")
        _, readings = self._found(machine)
        return [each for each in (await readings.inventory()).nodes if not each.usable]

    async def partitions(self, machine: str) -> PartitionSummary:
        system, readings = self._found(machine)
        inventory = await readings.inventory()
        members: defaultdict[str, list[Node]] = defaultdict(list)
        for node in inventory.nodes:
            for name in node.partitions:
                members[name].append(node)
        rows = tuple((each, NodeTotals.of(members[each.name])) for each in inventory.partitions)
        return PartitionSummary(system, inventory.taken_at, rows)

    async def queue(self, machine: str) -> QueueSummary:
        """Counted once a reading, however many ask."""
        system, readings = self._found(machine)
        view = await readings.view()
        jobs, depths = self._depths.get(system.name, ((), ()))
        if jobs is not view.jobs:
            depths = queue_depths(view.jobs)
            self._depths[system.name] = view.jobs, depths
        return QueueSummary(system, view.began_at, depths)

    def _found(self, machine: str) -> tuple[System, Readings]:
        system = self._facility.system(machine)
        found = self._readings.get(system.name)
        if found is None:
            raise Unsupported(f"{system.name} runs no batch jobs; choose a system with a scheduler.")
        return system, found


def queue_depths(jobs: Iterable[Job]) -> tuple[QueueDepth, ...]:
    """By partition, then QOS. A job that may run in several partitions counts under all their names together."""
    found: defaultdict[tuple[str, str], list[Job]] = defaultdict(list)
    for job in jobs:
        found[job.partition, job.qos].append(job)
    return tuple(_depth(*key, found[key]) for key in sorted(found))


def _depth(partition: str, qos: str, jobs: Sequence[Job]) -> QueueDepth:
    states = Counter(each.state for each in jobs)
    pending, running = states[JobState.PENDING], states[JobState.RUNNING]
    waiting = [each.submitted_at for each in jobs if each.state is JobState.PENDING and each.submitted_at is not None]
    return QueueDepth(
        partition, qos, pending, running, len(jobs) - pending - running, min(waiting) if waiting else None
    )
