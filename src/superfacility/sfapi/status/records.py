"""Bodies of what `/status` answers beside the contract."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from superfacility.facility.inventory import Partition
from superfacility.facility.status import ResourceState
from superfacility.http.times import Timestamp
from superfacility.services.status.summaries import NodeTotals


class _Record(BaseModel):
    """Filled from the attributes of what it tells of."""

    sources: ClassVar[Mapping[str, str]] = {}
    """Which attribute, where the names differ."""

    @classmethod
    def of(cls, told: object) -> Self:
        fields = {name: attrgetter(cls.sources.get(name, name))(told) for name in cls.model_fields}
        return cls.model_validate(fields, from_attributes=True)


class _SystemRecord(_Record):
    """What was read of a system, and when."""

    sources = {"name": "system.name", "full_name": "system.full_name", "data_as_of": "taken_at"}

    name: str = Field(description="The system.")
    full_name: str
    data_as_of: Timestamp


class StateChangeRecord(_Record):
    """A resource, or one of its outages, came to another state."""

    sources = {"name": "resource", "status": "state"}

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 17,
                    "name": "perlmutter",
                    "outage": None,
                    "status": "degraded",
                    "previous": "active",
                    "description": "12 of 100 nodes are down or drained",
                    "at": "2026-05-31T09:30:00+00:00",
                }
            ]
        }
    )

    id: int
    name: str = Field(description="The resource.")
    outage: int | None = Field(description="Which of its outages; null: the resource itself.")
    status: str = Field(description="As in `GET /status/{name}`, or for an outage as in `GET /status/outages/{name}`.")
    previous: str | None = Field(description="What it was before; null for the first that is known.")
    description: str
    at: Timestamp = Field(description="When this became known.")


class ObservationRecord(_Record):
    """What a probe found; one failure alone changes nothing."""

    sources = {"status": "state", "latency_seconds": "latency"}

    probe: str
    status: ResourceState
    description: str
    latency_seconds: float | None = Field(description="How long the last look took.")
    at: Timestamp = Field(description="When it last looked.")
    since: Timestamp | None = Field(description="Since when it finds this; null: never anything else.")


class NodeCounts(_Record):
    """Nodes and their CPUs, counted."""

    nodes: int
    usable: int = Field(description="Those that run jobs, or would.")
    states: Mapping[str, int] = Field(description="How many nodes are in which state, in the scheduler's words.")
    cpus: int
    cpus_allocated: int


class NodesRecord(_SystemRecord):
    """All nodes of a system, counted."""

    totals: NodeCounts


class UnusableNode(_Record):
    """A node that runs no jobs."""

    sources = {"status": "state"}

    name: str
    status: str = Field(description="Its state in the scheduler's words.")
    reachable: bool
    reason: str


class PartitionRecord(_Record):
    """A partition with its nodes counted; a node may be in several."""

    name: str
    status: str = Field(description="`up`, `down`, `drain` or `inactive`.")
    default: bool
    time_limit_seconds: float | None = Field(description="Longest time limit of a job; null: without limit.")
    totals: NodeCounts

    @model_validator(mode="before")
    @classmethod
    def _joined(cls, counted: tuple[Partition, NodeTotals]) -> Mapping[str, Any]:
        partition, totals = counted
        return {
            "name": partition.name,
            "status": partition.state,
            "default": partition.default,
            "time_limit_seconds": partition.time_limit and partition.time_limit.total_seconds(),
            "totals": totals,
        }


class PartitionsRecord(_SystemRecord):
    """All partitions of a system."""

    partitions: list[PartitionRecord]


class QueueCounts(_Record):
    """Jobs of one partition and QOS. An array that waits may count as one."""

    partition: str
    qos: str
    pending: int
    running: int
    other: int = Field(description="Neither waiting nor running: completing, suspended and the like.")
    oldest_pending_at: Timestamp | None = Field(description="When the first of those that wait was submitted.")


class QueueRecord(_SystemRecord):
    """The depth of a system's queue."""

    sources = {**_SystemRecord.sources, "queues": "depths"}

    queues: list[QueueCounts]
