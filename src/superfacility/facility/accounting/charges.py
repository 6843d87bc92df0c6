"""What a job costs, and the ledger of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from superfacility.facility.jobs import Job

_FEATURE = re.compile(r"[A-Za-z0-9_.:-]+")


class HoursKind(StrEnum):
    """Which of a project's hours a job is charged to."""

    CPU = "cpu"
    GPU = "gpu"


@dataclass(frozen=True, slots=True)
class NodeType:
    """How some nodes of a system are charged. A job runs on them if every condition that is given holds: its partition
    is one of `partitions`, it asks for one of `features`, it holds GPUs."""

    name: str
    cores_per_node: int
    gpus_per_node: int = 0
    factor: float = 1.0
    kind: HoursKind = HoursKind.CPU
    partitions: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    with_gpus: bool = False

    def has(self, partition: str, features: str, gpus: int) -> bool:
        return (
            (not self.partitions or partition in self.partitions)
            and (not self.features or not self.features.isdisjoint(_FEATURE.findall(features)))
            and (not self.with_gpus or gpus > 0)
        )


@dataclass(frozen=True, slots=True)
class Rate:
    """How a system charges: `factor` per node hour, times the factors of the job's QOS (1.0 if not named) and of its
    node type, the first that it is of. One of none is charged by the system's own cores, GPUs and `kind`.

    `default_partition` and `default_qos` are those of scripts that name none.
    """

    cores_per_node: int
    factor: float = 1.0
    qos_factors: Mapping[str, float] = field(default_factory=dict)
    gpus_per_node: int = 0
    kind: HoursKind = HoursKind.CPU
    node_types: tuple[NodeType, ...] = ()
    default_partition: str = ""
    default_qos: str = ""

    def node_type(self, partition: str, features: str, gpus: int) -> NodeType:
        for each in self.node_types:
            if each.has(partition, features, gpus):
                return each
        return NodeType("", self.cores_per_node, self.gpus_per_node, kind=self.kind)

    def factor_of(self, node_type: NodeType, qos: str) -> float:
        """Node hours charged for an hour of one whole node."""
        return self.factor * node_type.factor * self.qos_factors.get(qos, 1.0)

    @property
    def counts_gpus(self) -> bool:
        """Whether what a job costs can depend on its GPUs."""
        return self.gpus_per_node > 0 or any(each.gpus_per_node or each.with_gpus for each in self.node_types)


def price(job: Job, rate: Rate) -> tuple[HoursKind, float]:
    """Which hours, and how many: elapsed time × the share of nodes held × the factors of system, QOS and node type.

    The share is the largest that the job holds of a node's cores or GPUs, at least one core's: a job of 64 cores on
    nodes of 128 holds half, one of 2 cores and 2 of 4 GPUs too.
    """
    gpus = job.gpus or 0
    nodes = rate.node_type(job.partition, job.features, gpus)
    share = max(job.cpus, 1) / max(nodes.cores_per_node, 1)
    if nodes.gpus_per_node:
        share = max(share, gpus / nodes.gpus_per_node)
    return nodes.kind, job.elapsed.total_seconds() / 3600 * share * rate.factor_of(nodes, job.qos)


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of the ledger, unique per system, job id and submit time."""

    system: str
    job_id: str
    submitted_at: datetime
    project: str
    user: str
    node_hours: float
    ended_at: datetime
    kind: HoursKind = HoursKind.CPU
    qos: str = ""
    partition: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Node hours used."""

    project: str
    user: str
    node_hours: float
    kind: HoursKind = HoursKind.CPU


class Step(StrEnum):
    """Lengths of time that usage is summed over. Weeks begin on Monday; all begin at midnight in UTC."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class UsageBy(StrEnum):
    """What usage is told apart by."""

    USER = "user"
    SYSTEM = "system"
    QOS = "qos"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Of jobs that ended from `first` to `last`, both included (UTC); of one project, one user, or both.

    `by` None: all together.
    """

    first: date
    last: date
    step: Step = Step.DAY
    by: UsageBy | None = None
    project: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class UsageStep:
    """What was used in the step that begins on `begins`; `of` is a name of what it is told apart by."""

    begins: date
    kind: HoursKind
    of: str
    node_hours: float
    jobs: int


class Ledger(Protocol):
    """Keeps charges. Balances read it, never a year of accounting."""

    async def record(self, charges: Sequence[Charge]) -> int:
        """Add those not there yet; returns how many were new. All or nothing."""

    async def usage(self, *, projects: Sequence[str] | None = None) -> Sequence[Usage]:
        """Sums of all time by project, user and kind."""

    async def over_time(self, query: UsageQuery) -> Sequence[UsageStep]:
        """Sums by step, kind and what `query` tells apart, in that order; steps without usage are left out. The first
        step begins where its week or month does, even before `query.first`, but holds nothing from before."""

    async def last_end(self, system: str) -> datetime | None:
        """When the latest charged job of a system ended: where the next reading of accounting begins."""
