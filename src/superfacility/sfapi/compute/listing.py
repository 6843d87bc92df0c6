"""Reading jobs: lists and details."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Scope

from superfacility.core.pagination import Page
from superfacility.facility.errors import InvalidInput, Refused, Unsupported
from superfacility.http.context import UseCases
from superfacility.http.polling import Parameters, given_tags, json_answer, unchanged_answer, whole_read
from superfacility.http.ready_answers import Answer
from superfacility.http.rows import UNCHANGED, has_tag
from superfacility.http.security import requires
from superfacility.http.times import age_headers
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope as SecurityScope
from superfacility.services.compute.listings import JobRequest
from superfacility.services.services import Services
from superfacility.sfapi.compute.rendering import kept_body_of, listing_response, tag_within
from superfacility.sfapi.compute.schemas import JobOutput, problem

router = APIRouter()

Reader = Annotated[Principal, requires(SecurityScope.JOBS_READ)]
Machine = Annotated[str, Path(description="A system of `compute.targets`.", examples=["perlmutter"])]
JobIdentifier = Annotated[str, Path(description="`123`, or `123_7` for an element of an array.", examples=["43778070"])]
Sacct = Annotated[
    bool, Query(description="From the accounting (sacct: also jobs that have ended) and not from the queue (squeue).")
]
Cached = Annotated[bool, Query(description="Whether knowledge of a moment ago is good enough; `false` asks anew.")]


@router.get("/jobs/{machine}", response_model=JobOutput, responses=UNCHANGED, summary="List jobs")
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
        listing = await use_cases.jobs.listed(principal, machine, JobRequest(tuple(kwargs), sacct, cached))
    except (InvalidInput, Refused, Unsupported) as error:
        return _json(problem(error))
    return await listing_response(request, listing, Page(index, limit))


@router.get("/jobs/{machine}/{jobid}", response_model=JobOutput, responses=UNCHANGED, summary="Look at a job")
async def job(
    request: Request,
    machine: Machine,
    jobid: JobIdentifier,
    principal: Reader,
    use_cases: UseCases,
    sacct: Sacct = False,
    cached: Cached = True,
) -> Response:
    """No row for a job that is not there; the elements of an array for the array's id."""
    try:
        found = await use_cases.jobs.one(principal, machine, jobid, JobRequest((), sacct, cached))
    except (InvalidInput, Refused, Unsupported) as error:
        return _json(problem(error))
    return await listing_response(request, found, Page())


async def _polled_job(
    services: Services, parameters: Parameters, principal: Principal, scope: Scope
) -> Answer | ASGIApp | None:
    machine, job_id = parameters["machine"], parameters["jobid"]
    found = services.jobs.known(principal, machine, job_id) if not scope["query_string"] else None
    if found is None and (request := _quick_request(scope)) is not None and not request.filters:
        found = await services.jobs.one(principal, machine, job_id, request)
    if found is None:
        return None
    if len(found.jobs) > 1:
        return await listing_response(Request(scope), found, Page())
    prepared = _prepared(kept_body_of(found), found.as_of)
    given = given_tags(scope)
    has = given is not None and has_tag(given.decode("latin-1"), prepared.tag)
    return prepared.unchanged if has else prepared.whole


async def _polled_jobs(
    services: Services, parameters: Parameters, principal: Principal, scope: Scope
) -> Answer | ASGIApp | None:
    request = _quick_request(scope)
    if request is None:
        return None
    listing = await services.jobs.listed(principal, parameters["machine"], request)
    return await listing_response(Request(scope), listing, Page())


def _quick_request(scope: Scope) -> JobRequest | None:
    """What pollers ask of the queue; None for whatever else there is to ask."""
    query = QueryParams(scope["query_string"])
    sacct, cached = (_TRUTH.get(query.get(name, default)) for name, default in (("sacct", "false"), ("cached", "true")))
    if sacct is not False or cached is None or not query.keys() <= {"sacct", "cached", "kwargs"}:
        return None
    return JobRequest(tuple(query.getlist("kwargs")), sacct=False, cached=cached)


_TRUTH = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}
POLLED = [
    whole_read("/compute/jobs/{machine}", SecurityScope.JOBS_READ, _polled_jobs),
    whole_read("/compute/jobs/{machine}/{jobid}", SecurityScope.JOBS_READ, _polled_job),
]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What who asks for one job is answered, without its rows where they are there already."""

    tag: str
    whole: Answer
    unchanged: Answer


@lru_cache(maxsize=4096)
def _prepared(body: bytes, as_of: datetime) -> _Prepared:
    """Put together once for each body: a poll that finds it again costs a look-up."""
    tag = tag_within(body).decode()
    told = age_headers(as_of) | {"etag": tag, "vary": "accept-encoding, authorization"}
    headers = [(name.encode(), value.encode()) for name, value in told.items()]
    return _Prepared(tag, json_answer(body, headers), unchanged_answer(headers))


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
