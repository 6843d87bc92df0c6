"""`/account/clients`: programs that act as you, and requests for more than you may make yourself."""

from collections.abc import Mapping, Sequence
from typing import Any

from superfacility.client.errors import NotFound, NotPermitted
from superfacility.client.records.clients import ClientAddresses, ClientLevel, ClientRequest, RegisteredClient
from superfacility.client.records.reading import rows
from superfacility.client.wire.session import Ask, Session, given, part

PublicKey = Mapping[str, Any] | str
"""The public half of a key pair that you have made, as JWK or PEM; see `new_key_pair`."""


class ClientCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def clients(self, user: str | None = None) -> tuple[RegisteredClient, ...]:
        """Yours, or those of an account that you manage. A server of another make, or a token without the scope for
        more, tells of those that work now, with name and end alone."""
        try:
            found = await self.session.json(Ask("GET", "account/clients/details", {"user": user}))
        except (NotFound, NotPermitted):
            if user is not None:
                raise
            found = await self.session.json(Ask("GET", "account/clients"))
        return tuple(map(RegisteredClient.of, rows(found)))

    async def client(self, client_id: str) -> RegisteredClient:
        return RegisteredClient.of(await self.session.json(Ask("GET", _path(client_id))))

    async def create_client(
        self,
        /,
        name: str,
        level: str,
        ranges: Sequence[str],
        public_key: PublicKey,
        *,
        days: float | None = None,
        user: str | None = None,
        scopes: Sequence[str] | None = None,
        comments: str | None = None,
        project: str | None = None,
        globus: bool | None = None,
        strict: bool | None = None,
        dpop: bool | None = None,
    ) -> RegisteredClient:
        """Register a program. `ranges` are CIDRs, names of the facility's networks, or `mine`. One that is `strict`, or
        bound to a key by `dpop`, signs as FAPI 2.0 and RFC 9449 say, which this client and `sfapi_client` do not."""
        form = _form(name, level, ranges, public_key)
        more = given(days=days, user=user, scopes=scopes, comments=comments)
        bounds = given(project=project, globus=globus, strict=strict, dpop=dpop)
        return RegisteredClient.of(await self.session.json(Ask("POST", "account/clients", json=form | more | bounds)))

    async def change_client(
        self,
        client_id: str,
        *,
        name: str | None = None,
        ranges: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        comments: str | None = None,
    ) -> RegisteredClient:
        """What is left out stays as it is."""
        content = given(name=name, ranges=ranges, scopes=scopes, comments=comments)
        return RegisteredClient.of(await self.session.json(Ask("PATCH", _path(client_id), json=content)))

    async def renew_client(self, client_id: str, *, days: float | None = None) -> RegisteredClient:
        """Let it live on from now."""
        ask = Ask("POST", f"{_path(client_id)}/renew", json=given(days=days))
        return RegisteredClient.of(await self.session.json(ask))

    async def rotate_client_key(
        self, client_id: str, public_key: PublicKey, *, overlap_hours: float = 0
    ) -> RegisteredClient:
        """Give it another key; the old one is good for the overlap, or not at all any more."""
        content = {"public_key": _key(public_key), "overlap_hours": overlap_hours}
        return RegisteredClient.of(await self.session.json(Ask("POST", f"{_path(client_id)}/key", json=content)))

    async def revoke_client(self, client_id: str) -> RegisteredClient:
        """End its power at once and for good."""
        return RegisteredClient.of(await self.session.json(Ask("DELETE", _path(client_id))))

    async def client_levels(self) -> tuple[ClientLevel, ...]:
        """What each level may do, how long it lives and from how many ranges."""
        return tuple(map(ClientLevel.of, rows(await self.session.json(Ask("GET", "account/clients/levels")))))

    async def client_addresses(self) -> ClientAddresses:
        """The address that the facility sees you at, and its own networks by name."""
        return ClientAddresses.of(await self.session.json(Ask("GET", "account/clients/addresses")))

    async def client_requests(self, *, everybodys: bool = False, state: str | None = None) -> tuple[ClientRequest, ...]:
        """Yours, or for staff everybody's, newest first; those alone that are `pending`, say."""
        query = given(everybodys=everybodys or None, state=state)
        return tuple(map(ClientRequest.of, rows(await self.session.json(Ask("GET", _REQUESTS, query)))))

    async def client_request(self, request_id: str) -> ClientRequest:
        return ClientRequest.of(await self.session.json(Ask("GET", f"{_REQUESTS}/{part(request_id)}")))

    async def request_client(
        self,
        /,
        name: str,
        level: str,
        ranges: Sequence[str],
        public_key: PublicKey,
        purpose: str,
        *,
        days: float | None = None,
        user: str | None = None,
        scopes: Sequence[str] | None = None,
        comments: str | None = None,
        project: str | None = None,
        globus: bool | None = None,
        strict: bool | None = None,
        dpop: bool | None = None,
    ) -> ClientRequest:
        """Ask staff for a client that you cannot make yourself; the days count from their approval."""
        form = _form(name, level, ranges, public_key) | {"purpose": purpose}
        more = given(days=days, user=user, scopes=scopes, comments=comments)
        bounds = given(project=project, globus=globus, strict=strict, dpop=dpop)
        return ClientRequest.of(await self.session.json(Ask("POST", _REQUESTS, json=form | more | bounds)))

    async def withdraw_client_request(self, request_id: str) -> ClientRequest:
        """Before staff have decided it."""
        return ClientRequest.of(await self.session.json(Ask("DELETE", f"{_REQUESTS}/{part(request_id)}")))

    async def approve_client_request(
        self, request_id: str, *, days: float | None = None, reason: str | None = None
    ) -> ClientRequest:
        """For staff: makes the client, for as many days from now as were asked for, or for fewer."""
        ask = Ask("POST", f"{_REQUESTS}/{part(request_id)}/approve", json=given(days=days, reason=reason))
        return ClientRequest.of(await self.session.json(ask))

    async def refuse_client_request(self, request_id: str, reason: str) -> ClientRequest:
        """For staff; the person who has asked reads the reason."""
        ask = Ask("POST", f"{_REQUESTS}/{part(request_id)}/refuse", json={"reason": reason})
        return ClientRequest.of(await self.session.json(ask))


_REQUESTS = "account/client_requests"


def _form(name: str, level: str, ranges: Sequence[str], public_key: PublicKey) -> dict[str, Any]:
    return {"name": name, "level": level, "ranges": list(ranges), "public_key": _key(public_key)}


def _key(public_key: PublicKey) -> Any:
    return public_key if isinstance(public_key, str) else dict(public_key)


def _path(client_id: str) -> str:
    return f"account/clients/{part(client_id)}"
