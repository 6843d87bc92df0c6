"""`/callbacks`: what was sent of one's jobs."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from superfacility.facility.deliveries import DeliveryState
from superfacility.http.context import UseCases
from superfacility.http.idempotency import answered_once
from superfacility.http.security import requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.callbacks.schemas import CallbackList, CallbackRecord, CallbackSecret

router = APIRouter(prefix="/callbacks", tags=["callbacks"])

Reader = Annotated[Principal, requires(Scope.TASKS_READ)]
Sender = Annotated[Principal, requires(Scope.TASKS_WRITE)]
Submitter = Annotated[Principal, requires(Scope.JOBS_WRITE)]
Identifier = Annotated[str, Path(description="The `id` of a callback.", examples=["12"])]
State = Annotated[DeliveryState | None, Query(description="Only those in this state.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
User = Annotated[str | None, Query(description="Another's: for staff.", max_length=64)]


@router.get("", summary="Your callbacks")
async def callbacks(
    principal: Reader, use_cases: UseCases, state: State = None, limit: Limit = 100, user: User = None
) -> CallbackList:
    """Newest first. They are made when a job ends that was submitted with `callbackUrl` or `callbackEmail`."""
    found = await use_cases.callbacks.deliveries(principal, user=user, state=state, limit=limit)
    return CallbackList.of(found, principal.user.name)


@router.get("/secret", summary="The secret that your webhooks are signed with")
async def callback_secret(principal: Submitter, use_cases: UseCases) -> CallbackSecret:
    """Made when it is first asked for. Whoever knows it can pretend to be this facility to your receiver."""
    return CallbackSecret(secret=await use_cases.callbacks.secret(principal))


@router.post("/secret", summary="Replace the secret that your webhooks are signed with")
@answered_once
async def rotate_callback_secret(principal: Submitter, use_cases: UseCases) -> CallbackSecret:
    """For a day everything is signed with both, the new one first, so that receivers can change over."""
    return CallbackSecret(secret=await use_cases.callbacks.rotate_secret(principal))


@router.get("/{id}", summary="A callback")
async def callback(id: Identifier, principal: Reader, use_cases: UseCases) -> CallbackRecord:  # noqa: A002
    """With the message as it is sent."""
    return CallbackRecord.of(await use_cases.callbacks.delivery(principal, id), principal.user.name)


@router.post("/{id}/redeliver", summary="Send a callback again")
@answered_once
async def redeliver_callback(id: Identifier, principal: Sender, use_cases: UseCases) -> CallbackRecord:  # noqa: A002
    """Whatever became of it, at once and then for another day. Its `webhook-id` stays, so receivers can tell."""
    return CallbackRecord.of(await use_cases.callbacks.redeliver(principal, id), principal.user.name)
