"""The few reads that everybody polls, answered from prepared bytes before FastAPI is asked.

Each stands for an ordinary route with the same path and scope, which documents it and answers whatever this lane does
not: other methods, query strings and conditional requests (where the read does not want them), refusals and failures.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from superfacility.http.ready_answers import Answer, Header, send_answer
from superfacility.http.request_facts import request_id
from superfacility.http.routing import UNLESS_SET, with_headers
from superfacility.http.security import authorize
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope as SecurityScope
from superfacility.services.services import Services

_USUAL = Answer.of(((b"content-type", b"application/json"), *UNLESS_SET), b"")


def json_answer(body: bytes, extra: Sequence[Header] = ()) -> Answer:
    """`extra` headers come before those that every answer has, and instead of them where they are the same."""
    if not extra:
        return _USUAL.with_body(body)
    return Answer.of((*extra, *_unless_in(extra, _USUAL.headers)), b"").with_body(body)


def unchanged_answer(extra: Sequence[Header]) -> Answer:
    """For a caller that has the same already."""
    return Answer.of((*extra, *_unless_in(extra, UNLESS_SET)), b"", 304)


def _unless_in(given: Sequence[Header], usual: Sequence[Header]) -> list[Header]:
    names = {name for name, _ in given}
    return [each for each in usual if each[0] not in names]


Parameters = Mapping[str, str]
PublicRead = Callable[[Services, Parameters], Awaitable[Answer | None]]
ScopedRead = Callable[[Services, Parameters, Principal], Awaitable[Answer | None]]
WholeRead = Callable[[Services, Parameters, Principal, Scope], Awaitable[Answer | ASGIApp | None]]


@dataclass(frozen=True, slots=True)
class PolledRead:
    """`path` is relative to the API's base; a `scope` of None is public; a `read` of None leaves it to the route. One
    that is `whole` gets the request with its query and headers, and may answer with an application."""

    path: str
    scope: SecurityScope | None
    read: Callable[..., Awaitable[Answer | ASGIApp | None]]
    whole: bool = False


def public_read(path: str, read: PublicRead) -> PolledRead:
    return PolledRead(path, None, read)


def scoped_read(path: str, scope: SecurityScope, read: ScopedRead) -> PolledRead:
    return PolledRead(path, scope, read)


def whole_read(path: str, scope: SecurityScope, read: WholeRead) -> PolledRead:
    return PolledRead(path, scope, read, whole=True)


class PollingLane:
    """Tries the polled reads in turn."""

    def __init__(self, services: Services, base_path: str, reads: Sequence[PolledRead]) -> None:
        self._services = services
        self._skipped = len(base_path) + 1
        self._reads: dict[str, list[tuple[re.Pattern[str], PolledRead]]] = {}
        for read in reads:
            of_group = self._reads.setdefault(read.path[1:].partition("/")[0], [])
            of_group.append((compile_path(base_path + read.path)[0], read))

    async def answered(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """False, with nothing sent, for every request that the ordinary way must answer."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return False
        path = scope["path"]
        for pattern, read in self._reads.get(path[self._skipped :].partition("/")[0], ()):
            found = pattern.match(path)
            if found is not None and (read.whole or not _is_special(scope)):
                answer = await self._read(read, found.groupdict(), scope)
                if answer is None:
                    return False
                own_id = request_id(scope)
                if isinstance(answer, Answer):
                    await send_answer(answer, own_id, scope, send)
                else:
                    await answer(scope, receive, with_headers(send, own_id))
                return True
        return False

    async def _read(self, read: PolledRead, parameters: Parameters, scope: Scope) -> Answer | ASGIApp | None:
        try:
            if read.scope is None:
                return await read.read(self._services, parameters)
            principal = await authorize(scope, self._services, read.scope)
            if read.whole:
                return await read.read(self._services, parameters, principal, scope)
            return await read.read(self._services, parameters, principal)
        except Exception:  # the ordinary way meets it again, and has the words for it
            return None


def _is_special(scope: Scope) -> bool:
    return bool(scope["query_string"]) or given_tags(scope) is not None


def given_tags(scope: Scope) -> bytes | None:
    """The `If-None-Match` of a request."""
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            return value  # type: ignore[no-any-return]
    return None
