"""`/account/clients` beyond the contract's list: making and keeping clients of one's own."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from superfacility.http.context import UseCases
from superfacility.http.idempotency import answered_once
from superfacility.http.security import requires
from superfacility.http.strict_bodies import strict_body
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.account.client_schemas import (
    Addresses,
    ClientChange,
    ClientDetails,
    ClientForm,
    CollaborationRecord,
    LevelRecord,
    NewKey,
    Renewal,
    lifetime,
)

router = APIRouter(prefix="/account", tags=["account"])

Reader = Annotated[Principal, requires(Scope.CLIENTS_READ)]
Writer = Annotated[Principal, requires(Scope.CLIENTS_WRITE)]


@router.get("/clients/levels", summary="What clients of each level may do, for how long and from where")
async def levels(principal: Reader, use_cases: UseCases) -> list[LevelRecord]:
    """From the least power to the most: what you may make yourself, and what staff may give."""
    return [LevelRecord.of(each) for each in await use_cases.own_clients.levels()]


@router.get("/clients/addresses", summary="The address you are seen at, and the facility's networks by name")
async def addresses(principal: Reader, use_cases: UseCases) -> Addresses:
    """What to write into `ranges`."""
    return Addresses.of(principal.address, await use_cases.own_clients.networks())


@router.get("/clients/details", summary="Your clients in full")
async def client_details(
    principal: Reader,
    use_cases: UseCases,
    user: Annotated[str | None, Query(description="A collaboration account that you manage; you if left out.")] = None,
) -> list[ClientDetails]:
    """Newest first, also expired and revoked ones."""
    own = use_cases.own_clients
    return [ClientDetails.of(each, own.clock.now()) for each in await own.list(principal, user)]


@router.get("/clients/{client_id}", summary="A client in full")
async def client(client_id: str, principal: Reader, use_cases: UseCases) -> ClientDetails:
    """Yours, or of an account that you manage; staff see all."""
    own = use_cases.own_clients
    return ClientDetails.of(await own.get(principal, client_id), own.clock.now())


@router.post("/clients", status_code=201, summary="Create a client")
@answered_once
async def create(
    principal: Writer, use_cases: UseCases, body: Annotated[ClientForm, strict_body(ClientForm)]
) -> ClientDetails:
    """Who has logged in makes what their facility allows; a program makes none that can do more than itself, or live
    longer."""
    own = use_cases.own_clients
    return ClientDetails.of(await own.create(principal, body.wish()), own.clock.now())


@router.patch("/clients/{client_id}", summary="Change a client")
async def change_client(
    client_id: str, principal: Writer, use_cases: UseCases, body: Annotated[ClientChange, strict_body(ClientChange)]
) -> ClientDetails:
    """What is left out stays. Clients that it has made and that can do more than it can now are revoked."""
    own = use_cases.own_clients
    changed = await own.change(
        principal, client_id, name=body.name, ranges=body.ranges, scopes=body.scopes, comments=body.comments
    )
    return ClientDetails.of(changed, own.clock.now())


@router.post("/clients/{client_id}/renew", summary="Renew a client")
@answered_once
async def renew(
    client_id: str, principal: Writer, use_cases: UseCases, body: Annotated[Renewal, strict_body(Renewal)]
) -> ClientDetails:
    """From now, for as long as its level may. A program cannot renew itself."""
    own = use_cases.own_clients
    return ClientDetails.of(await own.renew(principal, client_id, lifetime(body.days)), own.clock.now())


@router.post("/clients/{client_id}/key", summary="Give a client another key")
@answered_once
async def rotate(
    client_id: str, principal: Writer, use_cases: UseCases, body: Annotated[NewKey, strict_body(NewKey)]
) -> ClientDetails:
    """The old one is good for the overlap, or not at all any more."""
    own = use_cases.own_clients
    overlap = timedelta(hours=body.overlap_hours)
    return ClientDetails.of(await own.rotate(principal, client_id, body.public_key, overlap), own.clock.now())


@router.delete("/clients/{client_id}", summary="Revoke a client")
async def revoke_client(client_id: str, principal: Writer, use_cases: UseCases) -> ClientDetails:
    """At once and for good, with those that it has made. Tasks of theirs that have not started are cancelled."""
    own = use_cases.own_clients
    return ClientDetails.of(await own.revoke(principal, client_id), own.clock.now())


@router.get("/collaborations", summary="Accounts that you manage")
async def collaborations(principal: Reader, use_cases: UseCases) -> list[CollaborationRecord]:
    """Accounts that programs act as, and for which you may make clients."""
    found = await use_cases.collaborations.managed_by(principal.user)
    return [CollaborationRecord.of(each) for each in found]
