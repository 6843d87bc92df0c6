"""Services -> ASGI application. Which endpoint groups there are is said here and nowhere else."""

from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from superfacility.auth import routes as auth
from superfacility.http import errors
from superfacility.http.openapi import TITLE, VERSION, document
from superfacility.http.polling import PollingLane
from superfacility.http.routing import Edge, public_route
from superfacility.http.swagger import documentation_routes
from superfacility.oauth.server_metadata import TOKEN_PATH
from superfacility.services.services import Services
from superfacility.sfapi.account import routes as account
from superfacility.sfapi.compute import routes as compute
from superfacility.sfapi.meta import routes as meta
from superfacility.sfapi.reservations import routes as reservations
from superfacility.sfapi.status import routes as status
from superfacility.sfapi.storage import routes as storage
from superfacility.sfapi.tasks import routes as tasks
from superfacility.sfapi.utilities import routes as utilities

BASE_PATH = "/api/v1.2"
_GROUPS = (meta, status, account, compute, storage, tasks, utilities, reservations)
_POLLED = (status, tasks, compute)


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
    signpost = {"name": name, "api": base_path, "documentation": f"{base_path}/", "token_endpoint": TOKEN_PATH}
    app.router.routes.extend(
        [
            *documentation_routes(base_path, app.title),
            _fixed_route(f"{base_path}/openapi.json", openapi_document(base_path)),
            _fixed_route("/", signpost),
        ]
    )
    app.include_router(auth.router)  # before the others: every program fetches a token at its start
    app.include_router(_endpoint_groups(), prefix=base_path)
    errors.install(app)
    app.add_middleware(Edge, base_path=base_path)
    app.lane = PollingLane(services, base_path, [read for group in _POLLED for read in group.POLLED])
    return app


def openapi_document(base_path: str = BASE_PATH) -> dict[str, Any]:
    """What is served as `openapi.json`, and committed at the repository's root."""
    return document(_endpoint_groups().routes, base_path=base_path, token_url=TOKEN_PATH)


def _endpoint_groups() -> APIRouter:
    router = APIRouter(redirect_slashes=False)
    for group in _GROUPS:
        router.include_router(group.router)
    return router


def _fixed_route(path: str, content: dict[str, Any]) -> Route:
    body = orjson.dumps(content)

    async def fixed(_: Request) -> Response:
        return Response(body, media_type="application/json", headers={"cache-control": "no-cache"})

    return public_route(path, fixed)
