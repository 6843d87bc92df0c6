"""The token service: who calls, logging in and out."""

from collections.abc import Callable, Mapping
from typing import Any

from superfacility.client.credentials.device_flow import DeviceCode, wait_for_login
from superfacility.client.credentials.tokens import claims
from superfacility.client.errors import NotAuthenticated, SuperfacilityError
from superfacility.client.wire.refusals import BUSY, refusal
from superfacility.client.wire.session import Session


class LoginCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def access_token(self) -> str | None:
        """The access token that requests carry now; None for an anonymous caller."""
        return await self.session.token()

    async def token_claims(self) -> Mapping[str, Any]:
        """What that token says of itself: `sub`, `client_id`, `level`, `exp` … For people, not for decisions."""
        return claims(await self.session.token() or "")

    async def token_service(self) -> Mapping[str, Any]:
        """What the token service publishes (RFC 8414)."""
        return await self.session.tokens.metadata()

    async def begin_login(self, client_id: str, scope: str = "") -> DeviceCode:
        """Ask for a code that a person enters in a browser; `finish_login` then waits for them."""
        service = self.session.tokens
        url = await service.endpoint("device_authorization_endpoint", "login from the command line")
        form = {"client_id": client_id, "scope": scope} if scope else {"client_id": client_id}
        status, headers, content = await service.post(url, form)
        if status >= 400:
            words = str(content.get("error_description") or content.get("error") or f"it answered {status}")
            if status in BUSY:
                raise refusal(status, headers, words.encode())
            raise NotAuthenticated(f"The login was refused: {words}", request_id=headers.get("x-request-id"))
        try:
            return DeviceCode.of(content)
        except (KeyError, ValueError) as problem:
            raise SuperfacilityError(f"{url} answered without {problem}; tell the facility's staff.") from problem

    async def finish_login(
        self, code: DeviceCode, client_id: str, waiting: Callable[[], None] = lambda: None
    ) -> Mapping[str, Any]:
        """The token service's answer, with access and refresh token, once the person has agreed."""
        session = self.session
        return await wait_for_login(code, client_id, session.tokens, session.transport, session.clock, waiting)

    async def revoke_token(self, token: str, client_id: str, *, kind: str = "refresh_token") -> bool:
        """Make a token worthless (RFC 7009); False where the facility cannot."""
        service = self.session.tokens
        url = (await service.metadata()).get("revocation_endpoint")
        if not url:
            return False
        form = {"token": token, "token_type_hint": kind, "client_id": client_id}
        status, _, _ = await service.post(str(url), form)
        return status < 400
