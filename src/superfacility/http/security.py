"""Who calls a route, and whether they may.

Every route says `requires(Scope…)` or `PUBLIC`; a test walks all of them. The check itself is in `oauth`: here is only
how a request is read.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Protocol

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from superfacility.oauth.access import check_scope
from superfacility.oauth.addresses import source_address
from superfacility.oauth.errors import AccessRefused, Reason
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.services.tokens import TokenService


class _HasTokens(Protocol):
    @property
    def tokens(self) -> TokenService: ...


class ScopeCheck:
    """A dependency that yields the principal, or refuses."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Principal:
        return await authorize(request.scope, request.app.state.services, self.scope)


def requires(scope: Scope) -> Any:
    """`principal: Annotated[Principal, requires(Scope.JOBS_READ)]`."""
    return Depends(ScopeCheck(scope))


async def _open_to_everybody() -> None:
    """Nothing is asked, and a token that comes along is not looked at."""


PUBLIC: Any = Depends(_open_to_everybody)
"""`dependencies=[PUBLIC]` on a route that anybody may call."""


async def authorize(scope: Mapping[str, Any], services: _HasTokens, required: Scope) -> Principal:
    """The same check for a read that does without FastAPI's part."""
    principal = await services.tokens.authenticate(_bearer(scope), _address(scope))
    check_scope(principal, required)
    return principal


def caller_address(request: Request) -> str:
    """The address that the request comes from, as source ranges see it."""
    return _address(request.scope)


def _bearer(scope: Mapping[str, Any]) -> str:
    values = _header(scope, b"authorization")
    if len(values) > 1:
        raise AccessRefused(Reason.BAD_TOKEN, "Send one Authorization header, not several.")
    kind, _, token = values[0].strip().partition(" ") if values else ("", "", "")
    if kind.lower() != "bearer" or not token.strip():
        raise AccessRefused(Reason.NO_TOKEN, "Not authenticated")
    return token.strip()


def _address(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    peer = client[0] if client and client[0] else None
    trusted = getattr(scope["app"].state, "trusted_proxies", ())
    if not trusted:
        return _own_address(peer)
    return source_address(peer, _header(scope, b"x-forwarded-for"), _header(scope, b"forwarded"), trusted)


@lru_cache(maxsize=4096)
def _own_address(peer: str | None) -> str:
    return source_address(peer, (), (), ())


def _header(scope: Mapping[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def declared_scope(route: object) -> Scope | None:
    """What a route requires; None if it is public or says nothing."""
    for call in _calls(route):
        if isinstance(call, ScopeCheck):
            return call.scope
    return None


def is_public(route: object) -> bool:
    """Whether a route is marked as open to everybody, a plain one by its endpoint's attribute `public`."""
    plain = getattr(getattr(route, "endpoint", None), "public", False)
    return plain or any(call is _open_to_everybody for call in _calls(route))


def _calls(route: object) -> Iterator[object]:
    dependant = getattr(route, "dependant", None)
    waiting: list[Dependant] = [] if dependant is None else list(dependant.dependencies)
    while waiting:
        found = waiting.pop()
        yield found.call
        waiting.extend(found.dependencies)
