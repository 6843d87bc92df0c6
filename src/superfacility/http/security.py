"""Who calls a route, and whether they may.

Every route says `requires(Scope…)` or `PUBLIC`; a test walks all of them. The check itself is in `oauth`: here is only
how a request is read.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Protocol

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from superfacility.facility.errors import FacilityError
from superfacility.http.rates import rates_of
from superfacility.http.request_facts import note_caller
from superfacility.oauth.access import check_scope
from superfacility.oauth.addresses import source_address
from superfacility.oauth.errors import AccessRefused, Reason
from superfacility.oauth.principal import Principal
from superfacility.oauth.provider.proofs import ShownProof
from superfacility.oauth.scopes import Scope
from superfacility.oauth.server_metadata import PublicUrls
from superfacility.services.access.tokens import TokenService

_KINDS = frozenset({"bearer", "dpop"})
_COUNTED = "superfacility.counted"
_HELD = "superfacility.held"
"""A request that has shown a proof of possession: that is good once, and requests that last are asked again."""
_PROVES_NOBODY = frozenset({Reason.NO_TOKEN, Reason.BAD_TOKEN, Reason.BAD_PROOF})


RECHECK_SECONDS = 60.0
"""A token may end, and a person be blocked elsewhere, without a change in our store."""


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


async def authorize(scope: MutableMapping[str, Any], services: _HasTokens, required: Scope) -> Principal:
    """The same check for a read that does without FastAPI's part."""
    address = _address(scope)
    try:
        principal = await _authenticated(scope, services, address)
        _count(scope, rates_of(scope).client, principal.caller)
        check_scope(principal, required)
    except AccessRefused as refused:
        if refused.reason in _PROVES_NOBODY:
            _count(scope, rates_of(scope).stranger, address)
        refused.resource_metadata = getattr(services.tokens, "resource_metadata_url", None)  # doubles have no address
        raise
    return principal


async def authenticated(request: Request) -> Principal:
    """Who calls, whatever they may do."""
    return await _authenticated(request.scope, request.app.state.services, caller_address(request))


async def _authenticated(scope: MutableMapping[str, Any], services: _HasTokens, address: str) -> Principal:
    kind, token = _credentials(scope)
    if kind == "bearer":
        principal = await services.tokens.authenticate(token, address)
    else:
        proof = None if _HELD in scope else _proof(scope, services.tokens.urls)
        principal = await services.tokens.authenticate_bound(token, address, proof)
        scope[_HELD] = True
    note_caller(scope, principal)
    return principal


def _count(scope: MutableMapping[str, Any], take: Callable[[str], None], who: str) -> None:
    """Once a request: what the lane of polled reads cannot answer comes again."""
    if _COUNTED not in scope:
        take(who)
        scope[_COUNTED] = True


class Watch:
    """Whether the caller of a request that lasts still may go on. `look` costs little: ask it every second."""

    def __init__(self, scope: MutableMapping[str, Any], services: _HasTokens, required: Scope) -> None:
        self._scope = scope
        self._services = services
        self._required = required
        self._seen: int | None = None
        self._checked = float("-inf")

    async def look(self) -> None:
        """Refuses once a right is gone; a store that does not answer takes none away."""
        try:
            await self._look()
        except FacilityError as refused:
            if not refused.transient:
                raise

    async def _look(self) -> None:
        now, generation = asyncio.get_running_loop().time(), await self._services.tokens.generation()
        if generation == self._seen and now - self._checked < RECHECK_SECONDS:
            return
        await authorize(self._scope, self._services, self._required)
        self._seen, self._checked = generation, now


def caller_address(request: Request) -> str:
    """The address that the request comes from, as source ranges see it."""
    return _address(request.scope)


def shown_proof(request: Request, urls: PublicUrls) -> ShownProof | None:
    """The proof of possession that a request shows, if any (RFC 9449)."""
    return _proof(request.scope, urls) if _header(request.scope, b"dpop") else None


def _proof(scope: Mapping[str, Any], urls: PublicUrls) -> ShownProof:
    values = _header(scope, b"dpop")
    if len(values) != 1:
        raise AccessRefused(Reason.BAD_PROOF, "Send one DPoP header with a proof for this request (RFC 9449).")
    path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1")
    return ShownProof(values[0], scope["method"], urls.at(path))


def _credentials(scope: Mapping[str, Any]) -> tuple[str, str]:
    values = _header(scope, b"authorization")
    if len(values) > 1:
        raise AccessRefused(Reason.BAD_TOKEN, "Send one Authorization header, not several.")
    kind, _, token = values[0].strip().partition(" ") if values else ("", "", "")
    kind, token = kind.lower(), token.strip()
    if kind not in _KINDS or not token:
        raise AccessRefused(Reason.NO_TOKEN, "Not authenticated")
    return kind, token


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
