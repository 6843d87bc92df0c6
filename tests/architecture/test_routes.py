"""Every route says who may call it, and each level opens exactly what the one table grants.

The matrix is made from the router, mounted routes and included routers too: a new route is in it without being asked.
"""

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from superfacility.app import _POLLED, BASE_PATH, create_app, openapi_document
from superfacility.facility.errors import NotFound
from superfacility.facility.people import User, UserName
from superfacility.http.security import declared_scope, is_public
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SCOPES, Scope, SecurityLevel, scopes_of
from superfacility.services.meta import MetaService

REPOSITORY = Path(__file__).parents[2]


FOR_PEOPLE = "is for people, not for programs"
"""What somebody who has not logged in is told, whatever their level."""


class NothingThere:
    """Use cases of an empty facility: whatever is asked for is not found."""

    def __getattr__(self, name: str) -> "NothingThere":
        return self

    def __call__(self, *_: object, **__: object) -> None:
        raise NotFound("There is nothing here.")

    def __getitem__(self, _: object) -> None:
        raise NotFound("There is nothing here.")


class EmptyFacility:
    """All services, but for the check of tokens."""

    def __init__(self) -> None:
        self.tokens = LevelTokens()
        self.meta = MetaService()

    def __getattr__(self, name: str) -> NothingThere:
        return NothingThere()


class LevelTokens:
    """A token is the name of a level."""

    async def authenticate(self, token: str, address: str) -> Principal:
        level = SecurityLevel.from_label(token)
        expires = datetime.now(UTC) + timedelta(minutes=10)
        user = User(1, UserName("demo1"))
        return Principal(user, ClientId("abcdefghijklm"), level, scopes_of(level), address, expires)


def application() -> FastAPI:
    services: Any = EmptyFacility()
    return create_app(services, name="Example")


def walk(routes: Sequence[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for route in iter_route_contexts(routes):
        mounted = getattr(route, "routes", None)
        if mounted:
            yield from walk(mounted, prefix + (route.path or ""))
        else:
            yield prefix + (route.path or ""), route


APP = application()
ROUTES = [
    pytest.param(path, route, id=f"{'+'.join(sorted(route.methods or ['ANY']))} {path} {index}")
    for index, (path, route) in enumerate(walk(APP.router.routes))
]
CALLS = [
    pytest.param(method, path, declared_scope(route), level, id=f"{method} {path} {level.label} {index}")
    for index, (path, route) in enumerate(walk(APP.router.routes))
    if declared_scope(route) is not None
    for method in sorted((route.methods or set()) - {"HEAD"})
    for level in SecurityLevel
]


@pytest.mark.parametrize(("path", "route"), ROUTES)
def test_every_route_declares_a_scope_or_is_public(path: str, route: Any) -> None:
    scope = declared_scope(route)
    public = is_public(route)
    assert (scope is None) == public, f"{path}: declare a scope with `requires(Scope…)`, or mark it PUBLIC"


@pytest.mark.parametrize(("path", "route"), ROUTES)
def test_nothing_of_a_route_is_run_in_a_thread(path: str, route: Any) -> None:
    """As FastAPI runs what is not async: it costs more than most of them do, and there are 40 threads."""
    waiting = [route.dependant] if hasattr(route, "dependant") else []
    while waiting:
        found = waiting.pop()
        waiting.extend(found.dependencies)
        call = inspect.unwrap(found.call)
        assert inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__), (
            f"{path}: {call} is not async"
        )


def test_the_walk_finds_the_routes() -> None:
    assert len(ROUTES) > 40
    assert {declared_scope(route.values[1]) for route in ROUTES} - {None} == set(Scope)


@pytest.mark.parametrize(("method", "path", "scope", "level"), CALLS)
async def test_each_level_opens_what_the_table_grants(
    method: str, path: str, scope: Scope, level: SecurityLevel
) -> None:
    """403 below the level that the scope needs; from it on, anything but a refusal."""
    transport = httpx.ASGITransport(APP, client=("127.0.0.1", 4711), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://facility.example") as http:
        url = re.sub(r"\{[^}]*\}", "1", path)
        answer = await http.request(method, url, headers={"Authorization": f"Bearer {level.label}"})
    assert answer.status_code != 500
    refused = level < SCOPES[scope].level
    assert (answer.status_code == 403 and FOR_PEOPLE not in answer.text) == refused, answer.text
    if refused:
        assert SCOPES[scope].level.label in answer.json()["detail"]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic x"}, {"Authorization": "Bearer"}])
async def test_without_a_token_only_public_routes_answer(header: dict[str, str]) -> None:
    transport = httpx.ASGITransport(APP, client=("127.0.0.1", 4711), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://facility.example") as http:
        for path, operations in openapi_document()["paths"].items():
            for method, operation in operations.items():
                answer = await http.request(method, BASE_PATH + re.sub(r"\{[^}]*\}", "1", path), headers=header)
                assert (answer.status_code == 403) == (operation["x-nersc-scope"] != "public"), (method, path)


def test_polled_reads_stand_for_documented_routes() -> None:
    """A read without FastAPI's part asks for the same scope as the ordinary route that documents it."""
    documented = {path: declared_scope(route) for path, route in walk(APP.router.routes) if "GET" in route.methods}
    polled = {BASE_PATH + read.path: read.scope for group in _POLLED for read in group.POLLED}
    assert len(polled) >= 4
    assert polled == {path: documented[path] for path in polled}


def test_the_committed_description_is_current() -> None:
    committed = json.loads((REPOSITORY / "openapi.json").read_text())
    assert committed == openapi_document(), "run `make openapi` and commit openapi.json"
