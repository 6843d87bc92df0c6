"""What a job costs, and the ledger of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from superfacility.facility.jobs import Job


@dataclass(frozen=True, slots=True)
class Rate:
    """How a system charges: `factor` per node hour, times the factor of the job's QOS (1.0 if not named)."""

    cores_per_node: int
    factor: float = 1.0
    qos_factors: Mapping[str, float] = field(default_factory=dict)


def node_hours(job: Job, rate: Rate) -> float:
    """Elapsed time in hours × the share of nodes used × the factor of system and QOS.

    The share is what the job holds of a node, at least one core's worth: a job of 64 cores on nodes of 128 holds half.
    """
    share = max(job.cpus, 1) / max(rate.cores_per_node, 1)
    return job.elapsed.total_seconds() / 3600 * share * rate.factor * rate.qos_factors.get(job.qos, 1.0)


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


@dataclass(frozen=True, slots=True)
class Usage:
    """Node hours used."""

    project: str
    user: str
    node_hours: float


class Ledger(Protocol):
    """Keeps charges. Balances read it, never a year of accounting."""

    async def record(self, charges: Sequence[Charge]) -> int:
        """Add those not there yet; returns how many were new. All or nothing."""

    async def usage(self, *, projects: Sequence[str] | None = None) -> Sequence[Usage]:
        """Sums by project and user."""

    async def last_end(self, system: str) -> datetime | None:
        """When the latest charged job of a system ended: where the next reading of accounting begins."""
