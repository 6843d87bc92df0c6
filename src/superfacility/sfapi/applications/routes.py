"""`/account/applications` and `/account/grants`."""

from typing import Annotated

from fastapi import APIRouter

from superfacility.http.context import UseCases
from superfacility.http.idempotency import answered_once
from superfacility.http.security import requires
from superfacility.http.strict_bodies import strict_body
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.services.access.applications import Actor
from superfacility.services.clients.power import require_person
from superfacility.sfapi.applications.schemas import (
    ApplicationChange,
    ApplicationForm,
    ApplicationRecord,
    GrantRecord,
    RevokedGrant,
    Verdict,
)

router = APIRouter(prefix="/account", tags=["account"])

Reader = Annotated[Principal, requires(Scope.ACCOUNT_READ)]
Writer = Annotated[Principal, requires(Scope.APPLICATIONS_WRITE)]


@router.get("/applications", summary="Applications that you may change")
async def applications(principal: Reader, use_cases: UseCases) -> list[ApplicationRecord]:
    """Yours and those of projects that you manage, newest first; staff see all."""
    return [ApplicationRecord.of(each) for each in await use_cases.applications.visible(Actor.of(principal))]


@router.post("/applications", status_code=201, summary="Register an application")
@answered_once
async def register(
    principal: Writer, use_cases: UseCases, body: Annotated[ApplicationForm, strict_body(ApplicationForm)]
) -> ApplicationRecord:
    """Above a level that the facility chooses, people can log in to it once staff have approved it."""
    found = await use_cases.applications.add(body.wish(), principal.user.name, Actor.of(principal))
    return ApplicationRecord.of(found)


@router.get("/applications/{application_id}", summary="An application")
async def application(application_id: str, principal: Reader, use_cases: UseCases) -> ApplicationRecord:
    """One that you may change."""
    return ApplicationRecord.of(await use_cases.applications.get(application_id, Actor.of(principal)))


@router.patch("/applications/{application_id}", summary="Change an application")
async def change(
    application_id: str,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[ApplicationChange, strict_body(ApplicationChange)],
) -> ApplicationRecord:
    """What is left out stays. Above that level staff look again after each change, and nobody can use it meanwhile."""
    found = await use_cases.applications.change(application_id, Actor.of(principal), **body.changes())
    return ApplicationRecord.of(found)


@router.delete("/applications/{application_id}", summary="Revoke an application")
async def revoke(application_id: str, principal: Writer, use_cases: UseCases) -> ApplicationRecord:
    """For good, with everything that people have allowed it."""
    return ApplicationRecord.of(await use_cases.applications.revoke(application_id, Actor.of(principal)))


@router.post("/applications/{application_id}/approval", summary="Approve or refuse an application")
@answered_once
async def decide(
    application_id: str, principal: Writer, use_cases: UseCases, body: Annotated[Verdict, strict_body(Verdict)]
) -> ApplicationRecord:
    """For staff who have logged in, and never about their own."""
    require_person(principal, "Deciding about applications")
    found = await use_cases.applications.decide(
        application_id, Actor.of(principal), approve=body.approve, seen=body.seen
    )
    return ApplicationRecord.of(found)


@router.get("/grants", summary="What you have allowed applications")
async def grants(principal: Reader, use_cases: UseCases) -> list[GrantRecord]:
    """In force now, newest first."""
    return [GrantRecord.of(each) for each in await use_cases.grants.of(principal.user.name)]


@router.delete("/grants/{grant_id}", summary="Take back what you have allowed")
async def take_back(grant_id: str, principal: Writer, use_cases: UseCases) -> RevokedGrant:
    """With all its tokens, at once."""
    await use_cases.grants.revoke(principal.user.name, grant_id, Actor.of(principal))
    return RevokedGrant(id=grant_id)
