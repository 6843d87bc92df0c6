"""HTTP to slurmrestd, over a unix socket or this machine's loopback only: its tokens must not cross a network."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson

from superfacility.adapters.slurm.rest.tokens import UserTokens
from superfacility.facility.errors import Doubtful, InvalidInput, Unavailable
from superfacility.facility.people import UserName


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """What slurmrestd said. Its HTTP status differs between versions for the same thing: read `errors`."""

    status: int
    content: Mapping[str, Any]

    @property
    def error_number(self) -> int | None:
        """Slurm's own number of the first error (slurm_errno.h), 0 where it gave none, None without an error."""
        errors = self.content.get("errors") or ()
        if not errors:
            return None if self.status < 400 else 0
        return int(errors[0].get("error_number") or errors[0].get("error_code") or 0)

    @property
    def words(self) -> str:
        """The first error in Slurm's words."""
        first: Mapping[str, Any] = next(iter(self.content.get("errors") or ()), {})
        return str(first.get("error") or first.get("description") or f"slurmrestd answered {self.status}")


class RestAccess:
    """Requests as one user or another over a few kept connections."""

    def __init__(self, client: httpx2.AsyncClient, tokens: UserTokens) -> None:
        self._client = client
        self._tokens = tokens

    async def ask(self, user: UserName, method: str, path: str, body: Mapping[str, Any] | None = None) -> RestAnswer:
        """`Unavailable` if nothing was sent; `Doubtful` if the answer was lost."""
        headers = {"X-SLURM-USER-NAME": user, "X-SLURM-USER-TOKEN": self._tokens.token(user)}
        content = None if body is None else orjson.dumps(body)
        if content is not None:
            headers["content-type"] = "application/json"
        try:
            answer = await self._client.request(method, path, headers=headers, content=content)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as problem:
            raise Unavailable("slurmrestd does not answer; staff must look whether it runs.") from problem
        except httpx2.HTTPError as problem:
            raise Doubtful("The answer of slurmrestd was lost; look whether it happened.") from problem
        if answer.status_code == 401:
            raise Unavailable(
                f"slurmrestd refused the token for {user}; staff must compare `jwt_key` with Slurm's own key "
                "(AuthAltParameters) and the clocks."
            )
        return RestAnswer(answer.status_code, _content(answer))

    async def aclose(self) -> None:
        await self._client.aclose()


def _content(answer: httpx2.Response) -> Mapping[str, Any]:
    """What a path that a version does not have answers is no JSON; `Doubtful` for anything else that is not an object:
    an answer cut short says nothing about what was done."""
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError as problem:
        if answer.status_code >= 400:
            return {}
        raise Doubtful("slurmrestd answered with something that is not JSON.") from problem
    if not isinstance(found, dict):
        raise Doubtful("slurmrestd answered with something that is not an object.")
    return found


def open_access(socket: str | None, url: str | None, tokens: UserTokens, timeout: float) -> RestAccess:
    """`InvalidInput` unless exactly one of them is given, and for an address that is not this machine's loopback."""
    if (socket is None) == (url is None):
        raise InvalidInput(
            "Give the scheduler either `socket` (slurmrestd's unix socket) or `url` (http://127.0.0.1:…)."
        )
    if url is not None:
        _check_loopback(url)
    return RestAccess(
        httpx2.AsyncClient(
            base_url=url or "http://localhost",
            transport=httpx2.AsyncHTTPTransport(uds=socket, limits=httpx2.Limits(max_connections=16)),
            timeout=httpx2.Timeout(timeout, connect=2.0),
            follow_redirects=False,
            trust_env=False,
        ),
        tokens,
    )


def _check_loopback(url: str) -> None:
    parts = urlsplit(url)
    try:
        local = parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        local = False
    if parts.scheme != "http" or not local or parts.username is not None:
        raise InvalidInput(
            f"url: {url!r} is not this machine's loopback (http://127.0.0.1:6820); slurmrestd is spoken to "
            "only there or over its unix socket."
        )
