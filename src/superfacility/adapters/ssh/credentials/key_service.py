"""A site's own key service, asked by HTTP.

`POST <key_service>` with `Authorization: Bearer <token>` and the JSON object
`{"user", "public_key", "seconds", "key_id", "source_address", "purpose"}` answers 200 with `{"certificate"}`, a line as
in an OpenSSH certificate file; it may add `"private_key"` (OpenSSH PEM) if it insists on making the key itself. 403 or
404: it does not know the user.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncssh
import httpx2

from superfacility.adapters.ssh.credentials.authority import CertificateRequest, Purpose, SignIn, certified, request_for
from superfacility.adapters.ssh.options import Options
from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput, NotPermitted, Unavailable
from superfacility.facility.secret_files import read_secret

_SECONDS = 10.0
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class KeyService:
    """Credentials from the service; the token is read anew each time, so that it can be exchanged."""

    def __init__(self, url: str, token: Path | None, options: Options, clock: Clock) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise InvalidInput(f"key_service must be an https URL (http on this machine alone), not {url!r}.")
        self._url = url
        self._token = token
        self._options = options
        self._clock = clock
        self._headers()

    def _headers(self) -> dict[str, str]:
        if self._token is None:
            return {}
        return {"Authorization": "Bearer " + read_secret(self._token, "key_service_token").decode().strip()}

    async def sign_in(self, account: str, purpose: Purpose, source_address: tuple[str, ...]) -> SignIn:
        key = asyncssh.generate_private_key("ssh-ed25519")
        public_key = key.export_public_key("openssh").decode().strip()
        request = request_for(account, public_key, self._options, purpose, source_address)
        answer = await self._ask(request)
        if isinstance(private_key := answer.get("private_key"), str):
            try:
                key = asyncssh.import_private_key(private_key)
            except asyncssh.KeyImportError:
                raise _failed("its private key cannot be read") from None
        if not isinstance(certificate := answer.get("certificate"), str):
            raise _failed("its answer has no certificate")
        return certified(key, certificate, request, self._clock)

    async def _ask(self, request: CertificateRequest) -> dict[str, Any]:
        body = {
            "user": request.account,
            "public_key": request.public_key,
            "seconds": request.seconds,
            "key_id": request.key_id,
            "source_address": list(request.source_address),
            "purpose": request.purpose.value,
        }
        try:
            async with httpx2.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
                response = await client.post(self._url, json=body, headers=self._headers())
        except httpx2.HTTPError as problem:
            raise _failed(type(problem).__name__) from None
        if response.status_code in (403, 404):
            raise NotPermitted(f"The site's key service gives no key to act as {request.account}.")
        if response.status_code != 200:
            raise _failed(f"HTTP {response.status_code}")
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise _failed("its answer is no JSON object")
        return answer


def _failed(words: str) -> Unavailable:
    return Unavailable(
        f"The site's key service gave no certificate ({words}). The operator must see to it.", retry_after=30
    )
