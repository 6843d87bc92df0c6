"""`/status`: prepared once per change and minute, served as bytes with an ETag."""

from collections.abc import Callable
from hashlib import blake2b

from fastapi import APIRouter, Request, Response

from superfacility.http.context import UseCases
from superfacility.http.polling import Parameters, json_answer, public_read
from superfacility.http.ready_answers import Answer
from superfacility.http.security import PUBLIC
from superfacility.services.services import Services
from superfacility.services.status import StatusService, StatusView
from superfacility.sfapi.status import extensions, schemas
from superfacility.sfapi.status.schemas import NoteRecord, OutageRecord, ResourceStatus

router = APIRouter(prefix="/status", tags=["status"])

Render = Callable[[StatusView], bytes]


@router.get("", dependencies=[PUBLIC], response_model=list[ResourceStatus], summary="The state of every resource")
async def resources(request: Request, use_cases: UseCases) -> Response:
    """Machines, filesystems, storage and services. Needs no token."""
    return await _answer(request, use_cases.status, "resources", schemas.all_resources)


@router.get(
    "/outages", dependencies=[PUBLIC], response_model=list[list[OutageRecord]], summary="Outages of every resource"
)
async def outages(request: Request, use_cases: UseCases) -> Response:
    """Past, present and planned; one inner list a resource that has any."""
    return await _answer(request, use_cases.status, "outages", schemas.all_outages)


@router.get(
    "/outages/planned",
    dependencies=[PUBLIC],
    response_model=list[list[OutageRecord]],
    summary="Planned outages of every resource",
)
async def planned_outages(request: Request, use_cases: UseCases) -> Response:
    """Those that have not begun and are not cancelled; one inner list a resource that has any."""
    return await _answer(request, use_cases.status, "planned", schemas.all_planned)


@router.get(
    "/outages/planned/{name}",
    dependencies=[PUBLIC],
    response_model=list[OutageRecord],
    summary="Planned outages of a resource",
)
async def planned_outages_of(request: Request, name: str, use_cases: UseCases) -> Response:
    """Those that have not begun and are not cancelled."""
    return await _answer(request, use_cases.status, f"planned/{name}", schemas.planned_of(name))


@router.get(
    "/outages/{name}", dependencies=[PUBLIC], response_model=list[OutageRecord], summary="Outages of a resource"
)
async def outages_of(request: Request, name: str, use_cases: UseCases) -> Response:
    """Newest first."""
    return await _answer(request, use_cases.status, f"outages/{name}", schemas.outages_of(name))


@router.get(
    "/notes", dependencies=[PUBLIC], response_model=list[list[NoteRecord]], summary="Notes about every resource"
)
async def notes(request: Request, use_cases: UseCases) -> Response:
    """One inner list a resource that has any."""
    return await _answer(request, use_cases.status, "notes", schemas.all_notes)


@router.get("/notes/{name}", dependencies=[PUBLIC], response_model=list[NoteRecord], summary="Notes about a resource")
async def notes_of(request: Request, name: str, use_cases: UseCases) -> Response:
    """Newest first."""
    return await _answer(request, use_cases.status, f"notes/{name}", schemas.notes_of(name))


@router.get("/{name}", dependencies=[PUBLIC], response_model=ResourceStatus, summary="The state of a resource")
async def resource(request: Request, name: str, use_cases: UseCases) -> Response:
    """Ask this before you begin: `active` means that work can start."""
    return await _answer(request, use_cases.status, f"resource/{name}", schemas.one_resource(name))


router.include_router(extensions.router)

_LISTS: dict[str, Render] = {"outages": schemas.all_outages, "notes": schemas.all_notes}


async def _polled_resources(services: Services, _: Parameters) -> Answer | None:
    return _polled(services.status, "resources", schemas.all_resources)


async def _polled_resource(services: Services, parameters: Parameters) -> Answer | None:
    name = parameters["name"]
    if name in _LISTS:
        return _polled(services.status, name, _LISTS[name])
    return _polled(services.status, f"resource/{name}", schemas.one_resource(name))


POLLED = [public_read("/status", _polled_resources), public_read("/status/{name}", _polled_resource)]


def _polled(service: StatusService, key: str, render: Render) -> Answer | None:
    """None unless the view is current; the answer is prepared once a view."""
    view = service.current()
    return None if view is None else _prepared(view, key, render)


async def _answer(request: Request, service: StatusService, key: str, render: Render) -> Response:
    view = await service.view()
    prepared = _prepared(view, key, render)
    headers = {name.decode(): value.decode() for name, value in prepared.headers}
    if view.stale:
        headers["age"] = str(int((service.clock.now() - view.read_at).total_seconds()))
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(
            status_code=304,
            headers={name: headers[name] for name in ("etag", "cache-control", "age") if name in headers},
        )
    return Response(prepared.body, headers=headers)


def _prepared(view: StatusView, key: str, render: Render) -> Answer:
    found: Answer | None = view.answers.get(key)
    if found is None:
        body = render(view)
        etag = b'"' + blake2b(body, digest_size=12).hexdigest().encode() + b'"'
        found = view.answers[key] = json_answer(body, [(b"etag", etag), (b"cache-control", b"no-cache")])
    return found
