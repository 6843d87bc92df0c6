"""`/events`: a stream of what changes."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.datastructures import Headers, QueryParams
from starlette.types import Scope

from superfacility.facility.errors import FacilityError, InvalidInput
from superfacility.http.context import UseCases
from superfacility.http.event_stream import MEDIA_TYPE, EventStream
from superfacility.http.polling import Parameters, whole_read
from superfacility.http.security import authorize, requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope as SecurityScope
from superfacility.services.events.streams import EventWish
from superfacility.services.services import Services

router = APIRouter(prefix="/events", tags=["events"])

_LARGEST_ID = 2**63 - 1
_EXAMPLE = (
    'id: 4711\nevent: job\ndata: {"at":"2026-05-31T18:00:00+00:00","system":"perlmutter","subject":"43778070",'
    '"user":"demo1","project":"m0001","jobid":"43778070","state":"RUNNING","previous":"PENDING"}\n\n'
)
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events, until the caller goes or the access token ends.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}

Reader = Annotated[Principal, requires(SecurityScope.JOBS_READ)]


@router.get("", response_class=Response, responses=_RESPONSES, summary="Listen to events")
async def listen(
    request: Request,
    principal: Reader,
    use_cases: UseCases,
    machine: Annotated[str | None, Query(description="Of one system.", examples=["perlmutter"])] = None,
    jobid: Annotated[
        str | None, Query(description="Of one job, or of all elements of an array; needs `machine`.")
    ] = None,
    user: Annotated[str | None, Query(description="Of one person's jobs; `me` is the caller.")] = None,
    kind: Annotated[
        list[str], Query(description="Of these kinds: job, job.lost, resource, outage; repeat the key.")
    ] = [],  # noqa: B006 - FastAPI copies it
    last_event_id: Annotated[
        str | None, Query(description="As the header Last-Event-ID, for callers that cannot set one.")
    ] = None,
    last_event_id_header: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            description="The id that was received last: the stream goes on after it. Browsers send it by themselves.",
        ),
    ] = None,
) -> Response:
    """Jobs that appear, change their state and end, and resources and outages, as they are noticed.

    Filters are combined by AND. Each event has an id; a caller that comes back with the last one misses nothing. Where
    events after it are no longer kept, an event `reset` says so first. Comments keep the connection alive. The stream
    ends with the access token: come back with a new one. A caller that does not read is cut off.
    """
    wish = EventWish(machine, jobid, user, kind)
    return await _stream(use_cases, request.scope, principal, wish, last_event_id_header or last_event_id)


async def _stream(
    use_cases: Services, scope: Scope, principal: Principal, wish: EventWish, last_id: str | None
) -> EventStream:
    service = use_cases.events
    wanted, after = service.filter(principal, wish), _event_id(last_id)
    service.check_room(principal)
    viewer = await service.viewer(principal)
    allowed = partial(_still_allowed, use_cases, scope)
    return EventStream(service.feed, wanted, viewer, after, still_allowed=allowed, room=service.room(principal))


async def _still_allowed(use_cases: Services, scope: Scope) -> bool:
    try:
        principal = await authorize(scope, use_cases, SecurityScope.JOBS_READ)
    except FacilityError as refused:
        return refused.transient
    return not use_cases.events.has_expired(principal)


async def _quick(use_cases: Services, _: Parameters, principal: Principal, scope: Scope) -> EventStream | None:
    """Thousands of these are open at a time: what FastAPI would keep for each is left out."""
    query, headers = QueryParams(scope["query_string"]), Headers(scope=scope)
    if not query.keys() <= {"machine", "jobid", "user", "kind", "last_event_id"}:
        return None
    wish = EventWish(query.get("machine"), query.get("jobid"), query.get("user"), query.getlist("kind"))
    last_id = headers.get("last-event-id") or query.get("last_event_id")
    return await _stream(use_cases, scope, principal, wish, last_id)


POLLED = [whole_read("/events", SecurityScope.JOBS_READ, _quick)]


def _event_id(text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= _LARGEST_ID):
        raise InvalidInput(f"{text!r} is not the id of an event; send back the last `id` that you have received.")
    return int(text)
