"""Bodies of `/callbacks`, and how they are made from deliveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, Field

from superfacility.facility.deliveries import Channel, Delivery, DeliveryState
from superfacility.facility.people import UserName


class CallbackRecord(BaseModel):
    """One message about a job of yours, and what became of it."""

    id: str
    type: str = Field(description="`job.ended`, `job.lost`, `job.timeout` or `job.refused`.", examples=["job.ended"])
    task_id: str = Field(description="The task of the submission.", examples=["703"])
    machine: str = Field(examples=["perlmutter"])
    jobid: str | None = Field(description="Null where the submission made no job.", examples=["43778070"])
    channel: Channel
    target: str = Field(
        description="Where it goes. Staff see another's without its query, which may hold a secret.",
        examples=["https://example.org/hook"],
    )
    state: DeliveryState = Field(
        description="`pending` (waits, perhaps for another attempt), `delivered`, or `dead` (given up)."
    )
    attempts: int
    http_status: int | None = Field(description="What the receiver last answered.", examples=[204])
    error: str | None = Field(description="Why the last attempt failed.")
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime | None
    message: dict[str, Any] = Field(description="The body, as it is sent.")

    @classmethod
    def of(cls, delivery: Delivery, reader: UserName) -> "CallbackRecord":
        what = delivery.what
        return cls(
            id=str(delivery.id),
            type=what.kind,
            task_id=what.task_id,
            machine=what.system,
            jobid=what.job_id,
            channel=what.channel,
            target=what.target if reader == what.owner else what.target.partition("?")[0],
            state=delivery.state,
            attempts=delivery.attempts,
            http_status=delivery.status,
            error=delivery.error,
            created_at=what.created_at,
            updated_at=delivery.updated_at,
            next_attempt_at=delivery.due_at if delivery.state is DeliveryState.PENDING else None,
            message=orjson.loads(what.body),
        )


class CallbackList(BaseModel):
    """Newest first."""

    callbacks: list[CallbackRecord]

    @classmethod
    def of(cls, deliveries: Sequence[Delivery], reader: UserName) -> "CallbackList":
        return cls(callbacks=[CallbackRecord.of(each, reader) for each in deliveries])


class CallbackSecret(BaseModel):
    """What your webhooks are signed with."""

    secret: str = Field(
        description="`whsec_` and Base64: give it to a library of Standard Webhooks.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
