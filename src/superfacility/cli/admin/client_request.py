"""`sfapi admin client-request`: clients that people may not make by themselves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated

from cyclopts import App, Parameter, validators

from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.output import Row, Shared, done, show_record, show_rows
from superfacility.oauth.client_keys import thumbprint
from superfacility.oauth.registration.requests import ClientRequest, RequestState
from superfacility.services.access.applications import Actor
from superfacility.services.clients import ClientRequests

app = App(name="client-request", help="Clients that people ask for.", help_format="plaintext")
_SHARED = Shared()

Days = Annotated[
    float | None,
    Parameter(validator=validators.Number(gt=0, lte=3660), help="Fewer days than were asked for."),
]


def _row(request: ClientRequest) -> Row:
    return {
        "id": request.id,
        "state": request.state.value,
        "requester": request.requester,
        "user": request.user,
        "name": request.name,
        "level": request.level.label,
        "days": request.lifetime / timedelta(days=1),
        "ranges": list(request.ranges),
        "created_at": request.created_at,
    }


def _full_row(request: ClientRequest) -> Row:
    return {
        **_row(request),
        "scopes": sorted(request.scopes),
        "project": request.project,
        "globus": request.globus,
        "strict": request.strict,
        "dpop": request.dpop,
        "key": thumbprint(request.keys[0].jwk),
        "purpose": request.purpose,
        "comments": request.comments,
        "decided_at": request.decided_at,
        "decided_by": request.decided_by,
        "reason": request.reason,
        "client_id": request.client_id,
    }


@asynccontextmanager
async def _requests(shared: Shared) -> AsyncIterator[tuple[Desk, ClientRequests]]:
    async with open_desk(shared) as desk, desk.client_requests() as requests:
        yield desk, requests


@app.command(name="list")
async def list_requests(*, pending: bool = False, shared: Shared = _SHARED) -> None:
    """List requests, newest first.

    Parameters
    ----------
    pending
        Those alone that wait for staff.
    """
    async with _requests(shared) as (_, requests):
        found = await requests.all(RequestState.PENDING if pending else None)
        show_rows([_row(each) for each in found], as_json=shared.json)


@app.command
async def show(request_id: str, /, *, shared: Shared = _SHARED) -> None:
    """Show a request with its purpose."""
    async with _requests(shared) as (desk, requests):
        show_record(_full_row(await requests.get(request_id, Actor(desk.operator))), as_json=shared.json)


@app.command
async def approve(request_id: str, /, *, days: Days = None, reason: str = "", shared: Shared = _SHARED) -> None:
    """Make the client that was asked for; it lives from now.

    Parameters
    ----------
    reason
        Words to keep with it.
    """
    async with _requests(shared) as (desk, requests):
        lifetime = None if days is None else timedelta(days=days)
        found = await requests.approve(Actor(desk.operator), request_id, reason=reason, lifetime=lifetime)
        done(f"Approved: client {found.client_id} of {found.user}.", _full_row(found), as_json=shared.json)


@app.command
async def refuse(request_id: str, /, *, reason: str, shared: Shared = _SHARED) -> None:
    """Refuse what was asked for.

    Parameters
    ----------
    reason
        Why; the person who has asked reads it.
    """
    async with _requests(shared) as (desk, requests):
        found = await requests.refuse(Actor(desk.operator), request_id, reason)
        done(f"Refused {found.requester}'s request.", _full_row(found), as_json=shared.json)
