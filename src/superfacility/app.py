"""Services -> ASGI application. Which endpoint groups there are is said here and nowhere else."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from superfacility.auth import routes as auth
from superfacility.auth.login import routes as login
from superfacility.auth.pages import assets
from superfacility.auth.provider import allowed, authorize, back_channel, device, logout
from superfacility.http import errors
from superfacility.http.openapi import TITLE, VERSION, document
from superfacility.http.polling import PollingLane
from superfacility.http.rates import UNLIMITED, Rates
from superfacility.http.routing import Edge, public_route
from superfacility.http.swagger import documentation_routes
from superfacility.oauth.server_metadata import TOKEN_PATH
from superfacility.services.services import Services
from superfacility.sfapi.account import audit as account_audit
from superfacility.sfapi.account import client_requests as account_requests
from superfacility.sfapi.account import clients as account_clients
from superfacility.sfapi.account import routes as account
from superfacility.sfapi.accounting import routes as accounting
from superfacility.sfapi.applications import routes as applications
from superfacility.sfapi.callbacks import routes as callbacks
from superfacility.sfapi.compute import routes as compute
from superfacility.sfapi.events import routes as events
from superfacility.sfapi.membership import routes as membership
from superfacility.sfapi.meta import routes as meta
from superfacility.sfapi.reservations import routes as reservations
from superfacility.sfapi.status import routes as status
from superfacility.sfapi.storage import routes as storage
from superfacility.sfapi.tasks import routes as tasks
from superfacility.sfapi.utilities import routes as utilities

BASE_PATH = "/api/v1.2"
_GROUPS = (
    meta,
    status,
    account,
    account_clients,
    account_requests,
    account_audit,
    membership,
    accounting,
    applications,
    compute,
    storage,
    tasks,
    utilities,
    reservations,
    callbacks,
    events,
)
GROUPS = frozenset(group.__name__.split(".")[-2] for group in _GROUPS) | {"oauth2", "login", ".well-known"}
"""First parts of the paths that are served: below the API's base path, and at the site's root."""
_POLLED = (status, tasks, compute, events)


class Below(APIRouter):
    """Compares its routes with requests below one path alone. FastAPI asks routers inside routers at each level anew,
    and to ask more than a hundred routes took most of the time of an ordinary request."""

    def __init__(self, path: str) -> None:
        super().__init__(redirect_slashes=False)
        self._path = path

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if scope["path"].startswith(self._path) else (Match.NONE, {})


class Application(FastAPI):
    """FastAPI with a lane for the reads that everybody polls."""

    lane: PollingLane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        if not await self.lane.answered(scope, receive, send):
            await super().__call__(scope, receive, send)


def create_app(
    services: Services,
    *,
    name: str,
    base_path: str = BASE_PATH,
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = (),
    rates: Rates = UNLIMITED,
    lifespan: Callable[[FastAPI], Any] | None = None,
) -> FastAPI:
    """The API below `base_path`, the token service at the site's root. `name` is the facility's."""
    app = Application(
        title=f"{name}: {TITLE}",
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.openapi = partial(openapi_document, base_path)  # type: ignore[method-assign]  # FastAPI's way to replace it
    app.state.services = services
    app.state.trusted_proxies = tuple(trusted_proxies)
    app.state.rates = rates
    signpost = {"name": name, "api": base_path, "documentation": f"{base_path}/", "token_endpoint": TOKEN_PATH}
    app.router.routes.extend(
        [
            *documentation_routes(base_path, app.title),
            _prepared_route(f"{base_path}/openapi.json", partial(openapi_document, base_path)),
            _prepared_route("/", lambda: signpost),
        ]
    )
    app.include_router(auth.router)  # before the others: every program fetches a token at its start
    for group in _endpoint_groups(base_path):
        app.include_router(group, prefix=base_path)
    for pages in (assets, login, authorize, device, allowed, logout, back_channel):
        app.include_router(pages.router)
    errors.install(app)
    app.add_middleware(Edge, base_path=base_path)
    app.lane = PollingLane(services, base_path, [read for group in _POLLED for read in group.POLLED])
    return app


def openapi_document(base_path: str = BASE_PATH) -> dict[str, Any]:
    """What is served as `openapi.json`, and committed at the repository's root."""
    routes = [route for group in _endpoint_groups(base_path) for route in group.routes]
    return document(routes, base_path=base_path, token_url=TOKEN_PATH)


def _endpoint_groups(base_path: str) -> Iterator[APIRouter]:
    for group in _GROUPS:
        (part,) = {route.path.split("/")[1] for route in iter_route_contexts(group.router.routes) if route.path}
        router = Below(f"{base_path}/{part}")
        router.include_router(group.router)
        yield router


def _prepared_route(path: str, make: Callable[[], dict[str, Any]]) -> Route:
    """Made when it is first asked for: the description takes a third of a start."""
    kept = cache(lambda: orjson.dumps(make()))

    async def answer(_: Request) -> Response:
        body = await asyncio.to_thread(kept)
        return Response(body, media_type="application/json", headers={"cache-control": "no-cache"})

    return public_route(path, answer)
