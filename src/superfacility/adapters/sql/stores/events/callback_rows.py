"""Rows of callbacks, and what they are made from and into."""

from typing import Any

from superfacility.facility.deliveries import (
    Channel,
    Delivery,
    DeliveryState,
    Element,
    NewDelivery,
    SigningSalt,
    Watch,
)
from superfacility.facility.jobs import JobId, JobState
from superfacility.facility.people import UserName


def watch_row(watch: Watch) -> dict[str, Any]:
    return {
        "task_id": watch.task_id,
        "owner": watch.owner,
        "system": watch.system,
        "created_at": watch.created_at,
        "since": watch.since,
        "url": watch.url,
        "email": watch.email,
        "deadline": watch.deadline,
        "job_id": watch.job_id,
        "settling": watch.settling,
        "ended": False,
    }


def watch_of(row: Any) -> Watch:
    return Watch(
        task_id=row.task_id,
        owner=UserName(row.owner),
        system=row.system,
        created_at=row.created_at,
        since=row.since,
        url=row.url,
        email=row.email,
        deadline=row.deadline,
        job_id=None if row.job_id is None else JobId(row.job_id),
        settling=row.settling,
    )


def element_row(element: Element) -> dict[str, Any]:
    return {
        "task_id": element.task_id,
        "job_id": element.job_id,
        "state": None if element.state is None else element.state.value,
        "exit_code": element.exit_code,
    }


def element_of(row: Any) -> Element:
    return Element(row.task_id, row.job_id, None if row.state is None else JobState(row.state), row.exit_code)


def delivery_row(new: NewDelivery) -> dict[str, Any]:
    state = DeliveryState.PENDING if new.dead_because is None else DeliveryState.DEAD
    return {
        "task_id": new.task_id,
        "owner": new.owner,
        "system": new.system,
        "job_id": new.job_id,
        "channel": new.channel.value,
        "target": new.target,
        "place": new.place,
        "kind": new.kind,
        "body": new.body,
        "message_id": new.message_id,
        "created_at": new.created_at,
        "expires_at": new.give_up_at,
        "state": state.value,
        "attempts": 0,
        "due_at": new.created_at,
        "give_up_at": new.give_up_at,
        "updated_at": new.created_at,
        "dead_because": new.dead_because,
        "error": new.dead_because,
    }


def delivery_of(row: Any) -> Delivery:
    what = NewDelivery(
        task_id=row.task_id,
        owner=UserName(row.owner),
        system=row.system,
        job_id=None if row.job_id is None else JobId(row.job_id),
        channel=Channel(row.channel),
        target=row.target,
        place=row.place,
        kind=row.kind,
        body=row.body,
        message_id=row.message_id,
        created_at=row.created_at,
        give_up_at=row.expires_at,
        dead_because=row.dead_because,
    )
    return Delivery(
        id=row.id,
        what=what,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        give_up_at=row.give_up_at,
        updated_at=row.updated_at,
        status=row.status,
        error=row.error,
    )


def salt_of(row: Any) -> SigningSalt:
    return SigningSalt(row.current, row.previous, row.rotated_at)
