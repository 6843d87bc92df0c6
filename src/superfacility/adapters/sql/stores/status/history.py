"""What probes observe and how resources and outages changed: the statements of the status board about them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from superfacility.adapters.sql.tables import observations, resources, state_changes
from superfacility.facility.status import Observation, ResourceName, ResourceState, StateChange


def observed(connection: Connection) -> list[Observation]:
    rows = connection.execute(select(observations).order_by(observations.c.resource, observations.c.probe))
    return [_observation(row) for row in rows]


def observe(connection: Connection, found: Sequence[Observation]) -> bool:
    """Whether anything differs that is shown."""
    known = set(connection.scalars(select(resources.c.name)))
    differing = [_observe_one(connection, each) for each in found if each.resource in known]
    return any(differing)


def _observe_one(connection: Connection, found: Observation) -> bool:
    row = {
        "probe": found.probe,
        "resource": found.resource,
        "state": found.state.value,
        "description": found.description,
        "latency": found.latency,
        "at": found.at,
        "expires_at": found.expires_at,
        "since": found.since,
    }
    own = observations.c.probe == found.probe
    old = connection.execute(select(observations).where(own)).first()
    if old is None:
        connection.execute(insert(observations).values(row))
        return True
    connection.execute(update(observations).where(own).values(row))
    return (old.resource, old.state, old.description) != (found.resource, found.state, found.description)


def record(connection: Connection, changes: Sequence[StateChange]) -> None:
    for each in changes:
        connection.execute(
            insert(state_changes).values(
                resource=each.resource,
                outage=each.outage,
                state=each.state,
                previous=each.previous,
                description=each.description,
                at=each.at,
            )
        )


def changes(connection: Connection, resource: ResourceName, before: int | None, limit: int) -> list[StateChange]:
    query = select(state_changes).where(state_changes.c.resource == resource)
    if before is not None:
        query = query.where(state_changes.c.id < before)
    return [_change(row) for row in connection.execute(query.order_by(state_changes.c.id.desc()).limit(limit))]


def last_changes(connection: Connection) -> list[StateChange]:
    query = select(state_changes).where(state_changes.c.id.in_(_LAST)).order_by(state_changes.c.id)
    return [_change(row) for row in connection.execute(query)]


def purge(connection: Connection, before: datetime) -> int:
    """All old changes but the last ones, which tell what was told of already."""
    old = delete(state_changes).where(state_changes.c.at < before, state_changes.c.id.not_in(_LAST))
    expired = delete(observations).where(observations.c.expires_at < before)
    return connection.execute(old).rowcount + connection.execute(expired).rowcount


_LAST = select(func.max(state_changes.c.id)).group_by(state_changes.c.resource, state_changes.c.outage)


def _observation(row: Any) -> Observation:
    return Observation(
        resource=ResourceName(row.resource),
        probe=row.probe,
        state=ResourceState(row.state),
        description=row.description,
        latency=row.latency,
        at=row.at,
        expires_at=row.expires_at,
        since=row.since,
    )


def _change(row: Any) -> StateChange:
    return StateChange(
        resource=ResourceName(row.resource),
        state=row.state,
        previous=row.previous,
        description=row.description,
        at=row.at,
        outage=row.outage,
        id=row.id,
    )
