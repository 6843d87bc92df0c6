"""Beside the contract: how resources came to be as they are, and how full systems are."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from superfacility.http.context import UseCases
from superfacility.http.security import PUBLIC, requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.status.records import (
    NodesRecord,
    ObservationRecord,
    PartitionsRecord,
    QueueRecord,
    StateChangeRecord,
    UnusableNode,
)

router = APIRouter()

Reader = Annotated[Principal, requires(Scope.JOBS_READ)]
Name = Annotated[str, Path(description="A resource of `GET /status`.", examples=["perlmutter"])]
Machine = Annotated[str, Path(alias="name", description="A system of `compute.targets`.", examples=["perlmutter"])]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1, description="The `id` of the last row of the page before.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most rows to answer with.")]


@router.get("/{name}/history", dependencies=[PUBLIC], summary="How a resource and its outages changed")
async def history(
    name: Name, use_cases: UseCases, before: Before = None, limit: Limit = 100
) -> list[StateChangeRecord]:
    """Newest first. Ask for the next page with `before`."""
    changes = await use_cases.status.history(name, before=before, limit=limit)
    return [StateChangeRecord.of(each) for each in changes]


@router.get("/{name}/observations", dependencies=[PUBLIC], summary="What probes observe of a resource")
async def observations(name: Name, use_cases: UseCases) -> list[ObservationRecord]:
    """One row a probe, as long as its last look is young enough to count."""
    view = await use_cases.status.view()
    return [ObservationRecord.of(each) for each in view.observations.get(view.resource(name).name, ())]


@router.get("/{name}/nodes", dependencies=[PUBLIC], summary="The nodes of a system, counted")
async def nodes(name: Machine, use_cases: UseCases) -> NodesRecord:
    """As they were at `data_as_of`."""
    return NodesRecord.of(await use_cases.summaries.nodes(name))


@router.get("/{name}/nodes/unusable", summary="The nodes of a system that are out of service, and why")
async def unusable_nodes(name: Machine, principal: Reader, use_cases: UseCases) -> list[UnusableNode]:
    """For the facility's staff."""
    return [UnusableNode.of(each) for each in await use_cases.summaries.unusable_nodes(principal, name)]


@router.get("/{name}/partitions", dependencies=[PUBLIC], summary="The partitions of a system")
async def partitions(name: Machine, use_cases: UseCases) -> PartitionsRecord:
    """With their limits, and their nodes counted, as they were at `data_as_of`."""
    return PartitionsRecord.of(await use_cases.summaries.partitions(name))


@router.get("/{name}/queue", dependencies=[PUBLIC], summary="How many jobs wait and run on a system")
async def queue(name: Machine, use_cases: UseCases) -> QueueRecord:
    """By partition and QOS, and since when the first of them waits, as it was at `data_as_of`."""
    return QueueRecord.of(await use_cases.summaries.queue(name))
