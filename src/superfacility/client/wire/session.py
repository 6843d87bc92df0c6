"""Requests to one facility: with a token, again where that is safe, and with errors that say what to do.

What is sent again: reads, and what carries an `Idempotency-Key`, as every POST does, or does the same when done twice;
and anything that never left. A token that is refused is replaced once.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from superfacility.client.errors import ConfigurationError, SuperfacilityError, Unavailable
from superfacility.client.transport.messages import (
    Body,
    Broken,
    NotReached,
    NotTrusted,
    Reply,
    Request,
    Transport,
    whole,
)
from superfacility.client.wire.refusals import BUSY, checked, refusal, retry_after, token_is_refused, untrusted
from superfacility.client.wire.retries import pauses
from superfacility.client.wire.token_service import TokenService
from superfacility.core.clock import Clock, SystemClock
from superfacility.core.identifiers import new_uuid

if TYPE_CHECKING:
    from superfacility.client.credentials.tokens import Credentials

BASE_PATH = "/api/v1.2"
_FORM = "application/x-www-form-urlencoded"

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of the API. `path` is relative to its base, and already quoted. `key` is an idempotency key: every POST
    has one, of its own where none is given."""

    method: str
    path: str
    query: Parameters = field(default_factory=dict)
    form: Parameters | None = None
    json: Any = None
    body: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    again: bool | None = None
    """Whether it may be sent twice; if left out, as its method and key say."""
    public: bool = False

    def __post_init__(self) -> None:
        if self.method == "POST" and not self.key:
            object.__setattr__(self, "key", str(new_uuid()))

    @property
    def repeatable(self) -> bool:
        return self.method in {"GET", "HEAD", "PUT", "DELETE"} or bool(self.key) if self.again is None else self.again


class Session:
    """`api` is the base address of the API; `patience` how many seconds are given to sending again."""

    def __init__(
        self,
        api: str,
        transport: Transport,
        credentials: "Credentials | None" = None,
        *,
        token_url: str | None = None,
        timeout: float = 30.0,
        patience: float = 30.0,
        clock: Clock | None = None,
    ) -> None:
        self.api = _base(api)
        self.transport = transport
        self.timeout = timeout
        self.patience = patience
        self.clock = clock or SystemClock()
        self._credentials = credentials
        self._lock = transport.lock()
        self.tokens = TokenService(self.root, transport, token_url, timeout)

    @property
    def root(self) -> str:
        """The address of the site, beneath which the token service publishes itself."""
        parts = urlsplit(self.api)
        return f"{parts.scheme}://{parts.netloc}{parts.path.partition('/api/')[0]}"

    async def token(self, *, refused: str | None = None) -> str | None:
        if self._credentials is None:
            return None
        async with self._lock:
            return await self._credentials.token(self.tokens, refused=refused)

    async def reply(self, ask: Ask, *, accept: str = "application/json", timeout: float | None = None) -> Reply:
        """A reply below 400, its body unread."""
        token = None if ask.public else await self.token()
        try:
            return await self._tried(ask, token, accept, timeout)
        except SuperfacilityError as problem:
            if token is None or not token_is_refused(problem):
                raise
            another = await self.token(refused=token)
            if another == token:
                raise
            return await self._tried(ask, another, accept, timeout)

    async def json(self, ask: Ask) -> Any:
        """The content of a reply."""
        return (await self.content(ask))[0]

    async def agreed(self, ask: Ask) -> Mapping[str, Any]:
        """The content of a reply whose `status` is not `ERROR`; else `Refused` or `NotFound`, in its words."""
        content, headers = await self.content(ask)
        return checked(content, headers.get("x-request-id"))

    async def content(self, ask: Ask) -> tuple[Any, Mapping[str, str]]:
        """The content of a reply, and its headers."""
        reply = await self.reply(ask)
        content = await self._read(reply, ask)
        try:
            return json.loads(content), reply.headers
        except ValueError:
            raise Unavailable(
                f"{urlsplit(self.api).netloc} answered something else than JSON: is {self.api} the address of its API?",
                status=reply.status,
                request_id=reply.headers.get("x-request-id"),
            ) from None

    async def _read(self, reply: Reply, ask: Ask) -> bytes:
        try:
            return await whole(reply)
        except Broken as problem:
            if not ask.repeatable:
                raise self._unavailable(problem) from problem
        return await whole(await self.reply(ask))

    async def _tried(self, ask: Ask, token: str | None, accept: str, timeout: float | None) -> Reply:
        request = self._request(ask, token, accept, timeout)
        waits = pauses(self.patience)
        while True:
            hint: float | None = None
            try:
                reply = await self.transport.send(request)
                if reply.status < 400:
                    return reply
                error = refusal(reply.status, reply.headers, await whole(reply))
                hint = retry_after(reply.headers)
                again = _may_pass(reply.status, hint) and (ask.repeatable or reply.status == 429)
            except NotTrusted as problem:
                raise untrusted(urlsplit(self.api).hostname or "", str(problem)) from problem
            except NotReached as problem:
                error, again = self._unavailable(problem), True
            except Broken as problem:
                error, again = self._unavailable(problem), ask.repeatable
            pause = next(waits, None) if again else None
            if pause is None or (hint or 0) > self.patience:
                raise error
            await self.transport.sleep(max(pause, hint or 0))

    def _request(self, ask: Ask, token: str | None, accept: str, timeout: float | None) -> Request:
        url = f"{self.api}/{ask.path}"
        if pairs := _pairs(ask.query):
            url += "?" + urlencode(pairs)
        headers = {"accept": accept, "user-agent": "superfacility-client", **ask.headers}
        body: bytes | Body | None = ask.body
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if ask.key:
            headers["idempotency-key"] = ask.key
        if ask.form is not None:
            headers["content-type"], body = _FORM, urlencode(_pairs(ask.form)).encode()
        elif ask.json is not None:
            headers["content-type"], body = "application/json", json.dumps(ask.json).encode()
        return Request(ask.method, url, headers, body, timeout or self.timeout, ask.repeatable)

    def _unavailable(self, problem: Exception) -> Unavailable:
        where = urlsplit(self.api).netloc
        if isinstance(problem, NotReached):
            return Unavailable(f"{where} cannot be reached ({problem}). Is the address right, and the network up?")
        return Unavailable(f"{where} broke off before it had answered ({problem}). Try again in a moment.")


def _may_pass(status: int, hint: float | None) -> bool:
    """A 409 that says when to ask again is the same request's own: its first sending is still being answered."""
    return status in BUSY or (status == 409 and hint is not None)


def quoted(path: str) -> str:
    """A path of a file as a part of a URL, byte by byte."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")


def part(name: str) -> str:
    """One name as one part of a URL."""
    return quote(name, safe="")


def given(**fields: Any) -> dict[str, Any]:
    """What is not None: the rest is left to the facility, or stays as it is."""
    return {name: value for name, value in fields.items() if value is not None}


def _base(address: str) -> str:
    address = address.strip()
    address = (address if "//" in address else f"https://{address}").rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"{address!r} is no address of a facility. Write it as https://api.example.org")
    return address if "/api/" in f"{parts.path}/" else address + BASE_PATH


def _pairs(given: Parameters) -> list[tuple[str, str]]:
    """What is None is left out; lists are repeated keys; truth is spelled in lower case."""
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        values: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
        pairs += [
            (name, str(each).lower() if isinstance(each, bool) else str(each)) for each in values if each is not None
        ]
    return pairs
