"""`/account/client_requests`: clients that people may not make by themselves, and what staff say of them."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from superfacility.http.context import UseCases
from superfacility.http.idempotency import answered_once
from superfacility.http.security import requires
from superfacility.http.strict_bodies import strict_body
from superfacility.oauth.client_keys import thumbprint
from superfacility.oauth.principal import Principal
from superfacility.oauth.registration.requests import ClientRequest, RequestState
from superfacility.oauth.scopes import Scope
from superfacility.services.access.applications import Actor
from superfacility.sfapi.account.client_schemas import FORM, ClientForm, LevelName, lifetime

router = APIRouter(prefix="/account/client_requests", tags=["account"])

Reader = Annotated[Principal, requires(Scope.CLIENTS_READ)]
Writer = Annotated[Principal, requires(Scope.CLIENTS_WRITE)]


class RequestForm(ClientForm):
    """A client to ask for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**FORM, "purpose": "Submits the night shift's scans by itself."}]}
    )

    purpose: str = Field(description="What it is for; staff decide by it.", max_length=4000)


class Approval(BaseModel):
    """What staff give."""

    days: float | None = Field(None, gt=0, le=3660, description="Fewer than were asked for.")
    reason: str = Field("", max_length=4000)


class Refusal(BaseModel):
    """Why not."""

    reason: str = Field(description="The person who has asked reads it.", max_length=4000)


class RequestRecord(BaseModel):
    """A request and what became of it."""

    id: str
    state: Literal["pending", "approved", "refused", "withdrawn"]
    requester: str
    user: str = Field(description="As whom the client would act.")
    name: str
    level: LevelName
    scopes: list[str]
    ranges: list[str]
    days: float = Field(description="Asked for; they count from the approval.")
    project: str | None
    globus: bool
    strict: bool
    dpop: bool
    purpose: str
    comments: str
    key: str = Field(description="The thumbprint of its public key (RFC 7638).")
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str
    client_id: str | None = Field(description="The client that was made of it.")

    @classmethod
    def of(cls, request: ClientRequest) -> "RequestRecord":
        return cls(
            id=request.id,
            state=request.state.value,
            requester=request.requester,
            user=request.user,
            name=request.name,
            level=request.level.label,
            scopes=sorted(request.scopes),
            ranges=list(request.ranges),
            days=request.lifetime / timedelta(days=1),
            project=request.project,
            globus=request.globus,
            strict=request.strict,
            dpop=request.dpop,
            purpose=request.purpose,
            comments=request.comments,
            key=thumbprint(request.keys[0].jwk),
            created_at=request.created_at,
            decided_at=request.decided_at,
            decided_by=request.decided_by,
            reason=request.reason,
            client_id=request.client_id,
        )


@router.get("", summary="Your requests for clients")
async def requests(
    principal: Reader,
    use_cases: UseCases,
    everybodys: Annotated[bool, Query(description="Of everybody: for staff.")] = False,
    state: Annotated[RequestState | None, Query(description="Only those in this state.")] = None,
) -> list[RequestRecord]:
    """Newest first."""
    found = await use_cases.client_requests.list(principal, everybodys=everybodys, state=state)
    return [RequestRecord.of(each) for each in found]


@router.post("", status_code=201, summary="Ask for a client")
@answered_once
async def ask(
    principal: Writer, use_cases: UseCases, body: Annotated[RequestForm, strict_body(RequestForm)]
) -> RequestRecord:
    """For one that lives longer, or may be used from more addresses, than you may make yourself. For people who have
    logged in."""
    return RequestRecord.of(await use_cases.client_requests.ask(principal, body.wish(), body.purpose))


@router.get("/{request_id}", summary="A request for a client")
async def request(request_id: str, principal: Reader, use_cases: UseCases) -> RequestRecord:
    """One of yours; staff see all."""
    return RequestRecord.of(await use_cases.client_requests.get(request_id, Actor.of(principal)))


@router.post("/{request_id}/approve", summary="Approve a request")
@answered_once
async def approve(
    request_id: str, principal: Writer, use_cases: UseCases, body: Annotated[Approval, strict_body(Approval)]
) -> RequestRecord:
    """For staff who have logged in, and not about their own. The client is made at once."""
    approved = await use_cases.client_requests.approved_by(
        principal, request_id, reason=body.reason, lifetime=lifetime(body.days)
    )
    return RequestRecord.of(approved)


@router.post("/{request_id}/refuse", summary="Refuse a request")
@answered_once
async def refuse(
    request_id: str, principal: Writer, use_cases: UseCases, body: Annotated[Refusal, strict_body(Refusal)]
) -> RequestRecord:
    """For staff who have logged in, and not about their own."""
    return RequestRecord.of(await use_cases.client_requests.refused_by(principal, request_id, body.reason))


@router.delete("/{request_id}", summary="Withdraw a request")
async def withdraw(request_id: str, principal: Writer, use_cases: UseCases) -> RequestRecord:
    """Before staff have decided it."""
    return RequestRecord.of(await use_cases.client_requests.withdraw(principal, request_id))
