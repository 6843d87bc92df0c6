"""Holding, releasing, requeueing and changing jobs, and cancelling many: beside the contract, each a task."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field, StrictInt

from superfacility.facility.errors import Refused, Unsupported
from superfacility.facility.jobs import JobChange
from superfacility.http.context import UseCases
from superfacility.http.idempotency import KeyHeader, idempotency
from superfacility.http.security import requires
from superfacility.http.strict_bodies import strict_body
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.services.compute.control import MOST_AT_ONCE
from superfacility.services.compute.control_handlers import Verb
from superfacility.sfapi.compute.schemas import JobTask, accepted, refused
from superfacility.sfapi.compute.time_limits import parse_time_limit

router = APIRouter()

Writer = Annotated[Principal, requires(Scope.JOBS_WRITE)]
Machine = Annotated[str, Path(description="A system of `compute.targets`.", examples=["perlmutter"])]
JobIdentifier = Annotated[str, Path(description="`123`, or `123_7` for an element of an array.", examples=["43778070"])]


Act = Callable[[Verb], Awaitable[JobTask]]


class JobChangeForm(BaseModel):
    """What to change of a job; what is left out stays as it is."""

    time_limit: StrictInt | str | None = Field(
        default=None, description="Minutes, or `[D-]HH:MM:SS`.", examples=[30, "1-12:00:00"]
    )
    qos: str | None = Field(default=None, description="The name of another quality of service.", examples=["debug"])

    def change(self) -> JobChange:
        limit = None if self.time_limit is None else parse_time_limit(self.time_limit)
        return JobChange(limit, self.qos)


class JobCancellations(BaseModel):
    """Jobs to cancel."""

    jobids: list[str] = Field(
        min_length=1, max_length=MOST_AT_ONCE, description="Ids of jobs; repeat the key.", examples=[["123", "124_7"]]
    )


@router.post("/jobs/{machine}/cancel", summary="Cancel many jobs")
async def cancel_jobs(
    request: Request,
    machine: Machine,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[JobCancellations, strict_body(JobCancellations)],
    idempotency_key: KeyHeader = None,
) -> JobTask:
    """Answers at once with one task. Its result has `jobs`: for each id a `status` and an `error`."""
    key = idempotency(request, principal, body, idempotency_key)
    try:
        return accepted(await use_cases.control.cancel_many(principal, machine, body.jobids, key))
    except (Refused, Unsupported) as error:
        return refused(error)


async def _on_one_job(
    request: Request,
    machine: Machine,
    jobid: JobIdentifier,
    principal: Writer,
    use_cases: UseCases,
    idempotency_key: KeyHeader = None,
) -> Act:
    """What holding, releasing and requeueing have in common."""
    key = idempotency(request, principal, None, idempotency_key)

    async def act(verb: Verb) -> JobTask:
        try:
            return accepted(await use_cases.control.act(principal, verb, machine, jobid, key))
        except (Refused, Unsupported) as error:
            return refused(error)

    return act


OnOneJob = Annotated[Act, Depends(_on_one_job)]


@router.post("/jobs/{machine}/{jobid}/hold", summary="Hold a job")
async def hold_job(act: OnOneJob) -> JobTask:
    """Keep a waiting job from starting. Answers at once with a task."""
    return await act(Verb.HOLD)


@router.post("/jobs/{machine}/{jobid}/release", summary="Release a job")
async def release_job(act: OnOneJob) -> JobTask:
    """End a hold of your own. Answers at once with a task."""
    return await act(Verb.RELEASE)


@router.post("/jobs/{machine}/{jobid}/requeue", summary="Requeue a job")
async def requeue_job(act: OnOneJob) -> JobTask:
    """Put a running job back into the queue, under the same id. Answers at once with a task."""
    return await act(Verb.REQUEUE)


@router.patch("/jobs/{machine}/{jobid}", summary="Change a job")
async def change_job(
    machine: Machine,
    jobid: JobIdentifier,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[JobChangeForm, strict_body(JobChangeForm)],
) -> JobTask:
    """Another time limit or quality of service, as far as the scheduler's rules go. Answers at once with a task."""
    try:
        return accepted(await use_cases.control.change(principal, machine, jobid, body.change()))
    except (Refused, Unsupported) as error:
        return refused(error)
