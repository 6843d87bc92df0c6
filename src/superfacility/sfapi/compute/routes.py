"""`/compute`: submit and cancel jobs; the modules beside it list, change and follow them."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from superfacility.facility.errors import InvalidInput, Refused, Unsupported
from superfacility.http.bodies import form_body
from superfacility.http.context import UseCases
from superfacility.http.idempotency import KeyHeader, idempotency
from superfacility.http.security import requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.compute import control, listing, output
from superfacility.sfapi.compute.schemas import JobForm, JobTask, accepted, refused

router = APIRouter(prefix="/compute", tags=["compute"])
router.include_router(listing.router)
router.include_router(control.router)
router.include_router(output.router)

Writer = Annotated[Principal, requires(Scope.JOBS_WRITE)]
Machine = Annotated[str, Path(description="A system of `compute.targets`.", examples=["perlmutter"])]
JobIdentifier = Annotated[str, Path(description="`123`, or `123_7` for an element of an array.", examples=["43778070"])]


@router.post("/jobs/{machine}", summary="Submit a job")
async def submit_job(
    request: Request,
    machine: Machine,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[JobForm, form_body(JobForm)],
    idempotency_key: KeyHeader = None,
) -> JobTask:
    """Answers at once with a task. Its result has the job's id, or the scheduler's own words of refusal.

    The job runs in your home directory.
    """
    key = idempotency(request, principal, body, idempotency_key)
    try:
        task = await use_cases.compute.submit(principal, machine, body.script(), body.callback(), key)
    except (Refused, Unsupported) as error:
        return refused(error)
    return accepted(task)


@router.delete("/jobs/{machine}/{jobid}", summary="Cancel a job")
async def cancel_job(machine: Machine, jobid: JobIdentifier, principal: Writer, use_cases: UseCases) -> JobTask:
    """Answers at once with a task that cancels; the job then shows `CANCELLED`. A whole array by its parent's id."""
    try:
        return accepted(await use_cases.control.cancel(principal, machine, jobid))
    except (InvalidInput, Refused, Unsupported) as error:
        return refused(error)


POLLED = listing.POLLED
