"""The facility's token service: where it is, and what it answers (RFC 6749, RFC 8414)."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from superfacility.client.errors import ConfigurationError, NotAuthenticated, Unavailable
from superfacility.client.transport.messages import Broken, NotReached, NotTrusted, Request, Transport, whole
from superfacility.client.wire.refusals import BUSY, refusal, untrusted

_METADATA = "/.well-known/oauth-authorization-server"


class TokenService:
    """`root` is the address of the site, beneath which the service publishes itself."""

    def __init__(self, root: str, transport: Transport, token_url: str | None, timeout: float) -> None:
        self._root = root
        self._transport = transport
        self._token_url = token_url
        self._timeout = timeout
        self._metadata: Mapping[str, Any] | None = None

    async def url(self) -> str:
        return self._token_url or str((await self.metadata())["token_endpoint"])

    async def metadata(self) -> Mapping[str, Any]:
        """What it publishes (RFC 8414)."""
        if self._metadata is None:
            status, headers, content = await self._exchange(Request("GET", self._root + _METADATA, repeatable=True))
            if status in BUSY:
                raise refusal(status, headers, json.dumps(content).encode())
            if status >= 400 or "token_endpoint" not in content:
                text = f"{self._root} publishes no token service; is the address right? Or name a token_url."
                raise ConfigurationError(text)
            self._metadata = content
        return self._metadata

    async def endpoint(self, name: str, purpose: str) -> str:
        """`ConfigurationError` where the facility has none."""
        found = (await self.metadata()).get(name)
        if not found:
            raise ConfigurationError(f"{self._root} offers no {purpose}. Ask its staff; until then use a key.")
        return str(found)

    async def post(self, url: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, str], Mapping[str, Any]]:
        """Status, headers, content; sent once, because codes and refresh tokens work once."""
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        return await self._exchange(Request("POST", url, headers, urlencode(form).encode(), self._timeout))

    async def _exchange(self, request: Request) -> tuple[int, Mapping[str, str], Mapping[str, Any]]:
        try:
            reply = await self._transport.send(request)
            body = await whole(reply)
        except NotTrusted as problem:
            raise untrusted(urlsplit(request.url).hostname or "", str(problem)) from problem
        except (NotReached, Broken) as problem:
            where = urlsplit(request.url).netloc
            raise Unavailable(f"The token service {where} cannot be reached ({problem}). Try again.") from problem
        try:
            content = json.loads(body) if body else {}
        except ValueError:
            content = {}
        return reply.status, reply.headers, content if isinstance(content, dict) else {}

    async def ask(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        status, headers, content = await self.post(await self.url(), form)
        if status < 400 and "access_token" in content:
            return content
        if status in BUSY:
            raise refusal(status, headers, json.dumps(content).encode())
        words = content.get("error_description") or content.get("error") or f"it answered {status}"
        raise NotAuthenticated(
            f"The token service refused: {words}", status=status, request_id=headers.get("x-request-id")
        )

    async def try_token(self, form: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
        status, headers, content = await self.post(await self.url(), form)
        if status < 400:
            return "", content
        if status in BUSY:
            raise refusal(status, headers, json.dumps(content).encode())
        return str(content.get("error") or f"it answered {status}"), content
