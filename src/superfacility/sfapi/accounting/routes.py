"""`/account/allocations`, `/account/usage`, and the same of one project."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from superfacility.facility.accounting.charges import Step, UsageBy
from superfacility.http.context import UseCases
from superfacility.http.idempotency import answered_once
from superfacility.http.security import requires
from superfacility.http.strict_bodies import strict_body
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.services.access.applications import Actor
from superfacility.sfapi.accounting.schemas import (
    AllocationChange,
    AllocationForm,
    AllocationRecord,
    RuleForm,
    RuleRecord,
    ShareForm,
    ShareRecord,
    StandingRecord,
    UsageRecord,
)

router = APIRouter(prefix="/account", tags=["account"])
_PROJECT = "/projects/{repo_name}"

Reader = Annotated[Principal, requires(Scope.ACCOUNT_READ)]
Writer = Annotated[Principal, requires(Scope.ALLOCATIONS_WRITE)]
Start = Annotated[date | None, Query(description="The first day, in UTC; 30 days before the last if left out.")]
End = Annotated[date | None, Query(description="The last day; today if left out.")]
Unlimited = Annotated[
    bool, Query(description="Needed for the last allocation of a kind: without any, a project's hours have no limit.")
]
StepName = Annotated[Literal["day", "week", "month"], Query(description="What is summed up.")]


@router.get("/allocations", summary="The hours of your projects")
async def own_allocations(principal: Reader, use_cases: UseCases) -> list[StandingRecord]:
    """Past, present and to come, with what was used of them by all and by you."""
    found = await use_cases.allocations.standings(Actor.of(principal))
    return [StandingRecord.standing(each, use_cases.allocations.today()) for each in found]


@router.get("/usage", summary="What you have used over time")
async def own_usage(
    principal: Reader,
    use_cases: UseCases,
    start: Start = None,
    end: End = None,
    step: StepName = "day",
    by: Annotated[Literal["project", "system", "qos"] | None, Query(description="What is told apart.")] = None,
) -> UsageRecord:
    """In all your projects."""
    chosen = None if by is None else UsageBy(by)
    query = use_cases.allocations.query(start, end, Step(step), chosen)
    return UsageRecord.of(*await use_cases.allocations.own_usage(Actor.of(principal), query))


@router.get(f"{_PROJECT}/allocations", summary="The hours of a project")
async def allocations(repo_name: str, principal: Reader, use_cases: UseCases) -> list[StandingRecord]:
    """For its members; staff see all."""
    found = await use_cases.allocations.standings(Actor.of(principal), repo_name)
    return [StandingRecord.standing(each, use_cases.allocations.today()) for each in found]


@router.post(f"{_PROJECT}/allocations", status_code=201, summary="Give a project hours")
@answered_once
async def allocate(
    repo_name: str, principal: Writer, use_cases: UseCases, body: Annotated[AllocationForm, strict_body(AllocationForm)]
) -> AllocationRecord:
    """For the facility's staff. Times of one kind may follow one another and never overlap."""
    saved = await use_cases.allocations.allocate(Actor.of(principal), body.allocation(repo_name))
    return AllocationRecord.of(saved)


@router.patch(f"{_PROJECT}/allocations/{{allocation_id}}", summary="Change hours or days of an allocation")
async def change_allocation(
    repo_name: str,
    allocation_id: int,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[AllocationChange, strict_body(AllocationChange)],
) -> AllocationRecord:
    """For the facility's staff."""
    changed = await use_cases.allocations.change(Actor.of(principal), repo_name, allocation_id, body.changes())
    return AllocationRecord.of(changed)


@router.delete(f"{_PROJECT}/allocations/{{allocation_id}}", summary="Take an allocation away")
async def remove_allocation(
    repo_name: str, allocation_id: int, principal: Writer, use_cases: UseCases, unlimited: Unlimited = False
) -> AllocationRecord:
    """For the facility's staff. What was used stays in the ledger."""
    removed = await use_cases.allocations.remove(Actor.of(principal), repo_name, allocation_id, unlimited=unlimited)
    return AllocationRecord.of(removed)


@router.get(f"{_PROJECT}/shares", summary="How a project's hours are divided")
async def shares(repo_name: str, principal: Reader, use_cases: UseCases) -> list[ShareRecord]:
    """Members without a share may use all that is left."""
    return [ShareRecord.of(each) for each in await use_cases.allocations.shares(Actor.of(principal), repo_name)]


@router.put(f"{_PROJECT}/shares/{{user}}", summary="Bound what a member may use")
async def set_share(
    repo_name: str,
    user: str,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[ShareForm, strict_body(ShareForm)],
) -> ShareRecord:
    """Needs the permission `edit_allocation`. Without hours and percent the bound is taken away."""
    share = body.share(repo_name, user)
    await use_cases.allocations.set_share(Actor.of(principal), share)
    return ShareRecord.of(share)


@router.get(f"{_PROJECT}/allocation_rule", summary="What happens when a project's hours are used up")
async def rule(repo_name: str, principal: Reader, use_cases: UseCases) -> RuleRecord:
    """`facility` where it has no rule of its own."""
    found = await use_cases.allocations.rule(Actor.of(principal), repo_name)
    return RuleRecord(project=repo_name, when_exhausted="facility" if found is None else found.value)


@router.put(f"{_PROJECT}/allocation_rule", summary="Choose what happens when a project's hours are used up")
async def set_rule(
    repo_name: str, principal: Writer, use_cases: UseCases, body: Annotated[RuleForm, strict_body(RuleForm)]
) -> RuleRecord:
    """For the facility's staff."""
    await use_cases.allocations.set_rule(Actor.of(principal), repo_name, body.rule())
    return RuleRecord(project=repo_name, when_exhausted=body.when_exhausted)


@router.get(f"{_PROJECT}/usage", summary="What a project has used over time")
async def usage(
    repo_name: str,
    principal: Reader,
    use_cases: UseCases,
    start: Start = None,
    end: End = None,
    step: StepName = "day",
    by: Annotated[Literal["user", "system", "qos"] | None, Query(description="What is told apart.")] = None,
) -> UsageRecord:
    """For its members, of all of them."""
    chosen = None if by is None else UsageBy(by)
    query = use_cases.allocations.query(start, end, Step(step), chosen)
    return UsageRecord.of(*await use_cases.allocations.project_usage(Actor.of(principal), repo_name, query))
