"""`/compute`: list, look at, submit and cancel jobs."""

import asyncio
import gzip
from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response

from superfacility.core.pagination import Page
from superfacility.facility.errors import InvalidInput, Refused, Unsupported
from superfacility.http.bodies import form_body
from superfacility.http.context import UseCases
from superfacility.http.polling import Answer, Parameters, json_answer, scoped_read
from superfacility.http.security import requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.services.collector import QueueView
from superfacility.services.compute import JobRequest
from superfacility.services.services import Services
from superfacility.sfapi.compute.schemas import JobForm, JobOutput, JobTask, accepted, problem, refused, rows
from superfacility.tasks.queue import IdempotencyKey

_WORTH_COMPRESSING = 16 * 1024
"""Bytes from which a listing is compressed for callers that take it."""

router = APIRouter(prefix="/compute", tags=["compute"])

Reader = Annotated[Principal, requires(Scope.JOBS_READ)]
Writer = Annotated[Principal, requires(Scope.JOBS_WRITE)]
Machine = Annotated[str, Path(description="A system of `compute.targets`.", examples=["perlmutter"])]
JobIdentifier = Annotated[str, Path(description="`123`, or `123_7` for an element of an array.", examples=["43778070"])]
Sacct = Annotated[
    bool, Query(description="From the accounting (sacct: also jobs that have ended) and not from the queue (squeue).")
]
Cached = Annotated[bool, Query(description="Whether knowledge of a moment ago is good enough; `false` asks anew.")]


@router.get("/jobs/{machine}", response_model=JobOutput, summary="List jobs")
async def jobs(
    request: Request,
    machine: Machine,
    principal: Reader,
    use_cases: UseCases,
    index: Annotated[int, Query(ge=0, description="The first row.")] = 0,
    limit: Annotated[int | None, Query(ge=0, description="How many rows; all if left out.")] = None,
    sacct: Sacct = False,
    cached: Cached = True,
    kwargs: Annotated[
        list[str],
        Query(
            description="Filters `name=value`, combined by AND: jobid, user, partition, qos, state, account, name "
            "(values separated by commas), starttime, endtime (ISO 8601; without an offset in the facility's local "
            "time). Without starttime and jobid, sacct begins at the last midnight.",
            examples=[["user=demo1", "partition=regular,debug"]],
        ),
    ] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """One row a job; an element of an array is a job."""
    try:
        listing = await use_cases.compute.jobs(principal, machine, JobRequest(tuple(kwargs), sacct, cached))
    except (InvalidInput, Refused, Unsupported) as error:
        return _json(problem(error))
    page = Page(index, limit)
    if listing.view is None or page != Page():
        return _json(rows(page.of(listing.jobs)))
    return await _whole(listing.view, takes_gzip="gzip" in request.headers.get("accept-encoding", ""))


@router.get("/jobs/{machine}/{jobid}", response_model=JobOutput, summary="Look at a job")
async def job(
    machine: Machine,
    jobid: JobIdentifier,
    principal: Reader,
    use_cases: UseCases,
    sacct: Sacct = False,
    cached: Cached = True,
) -> Response:
    """No row for a job that is not there; the elements of an array for the array's id."""
    try:
        found = await use_cases.compute.job(principal, machine, jobid, JobRequest((), sacct, cached))
    except (InvalidInput, Refused, Unsupported) as error:
        return _json(problem(error))
    return _json(rows(found))


@router.post("/jobs/{machine}", summary="Submit a job")
async def submit_job(
    request: Request,
    machine: Machine,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[JobForm, form_body(JobForm)],
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            description="Your own name for this submission: sent again, it answers the first task and submits nothing.",
        ),
    ] = None,
) -> JobTask:
    """Answers at once with a task. Its result has the job's id, or the scheduler's own words of refusal.

    The job runs in your home directory.
    """
    key = None if idempotency_key is None else _idempotency(request, principal, body, idempotency_key)
    try:
        task = await use_cases.compute.submit(principal, machine, body.script(), body.callback(), key)
    except (Refused, Unsupported) as error:
        return refused(error)
    return accepted(task)


@router.delete("/jobs/{machine}/{jobid}", summary="Cancel a job")
async def cancel_job(machine: Machine, jobid: JobIdentifier, principal: Writer, use_cases: UseCases) -> JobTask:
    """Answers at once with a task that cancels; the job then shows `CANCELLED`. A whole array by its parent's id."""
    try:
        return accepted(await use_cases.compute.cancel(principal, machine, jobid))
    except (InvalidInput, Refused, Unsupported) as error:
        return refused(error)


async def _polled_job(services: Services, parameters: Parameters, principal: Principal) -> Answer | None:
    known = services.compute.known_job(principal, parameters["machine"], parameters["jobid"])
    return None if known is None else json_answer(rows(known))


POLLED = [scoped_read("/compute/jobs/{machine}/{jobid}", Scope.JOBS_READ, _polled_job)]


async def _whole(view: QueueView, *, takes_gzip: bool) -> Response:
    """Every job of a view: rendered and compressed once, whoever asks for it."""
    body = view.answers.get("jobs")
    if body is None:
        body = view.answers["jobs"] = rows(view.jobs)
    if not takes_gzip or len(body) < _WORTH_COMPRESSING:
        return _json(body)
    packed = view.answers.get("jobs.gz")
    if packed is None:
        packed = view.answers["jobs.gz"] = await asyncio.to_thread(gzip.compress, body, 1, mtime=0)
    return Response(
        packed, media_type="application/json", headers={"content-encoding": "gzip", "vary": "accept-encoding"}
    )


def _idempotency(request: Request, principal: Principal, body: JobForm, key: str) -> IdempotencyKey:
    fingerprint = blake2b(body.model_dump_json().encode(), digest_size=32).hexdigest()
    return IdempotencyKey(principal.client_id, request.method, request.url.path, key, fingerprint)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
