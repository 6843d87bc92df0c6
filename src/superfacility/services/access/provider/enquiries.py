"""Questions about tokens: what one is worth (RFC 7662), that it is wanted no more (RFC 7009), whose it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import People
from superfacility.oauth.access_tokens import AccessToken, scope_text
from superfacility.oauth.applications import Application, ApplicationStore, GrantId
from superfacility.oauth.assertions import invalid_client
from superfacility.oauth.clients import Client
from superfacility.oauth.errors import AccessRefused, OAuthError, Reason
from superfacility.oauth.principal import Principal
from superfacility.oauth.provider.identity import about
from superfacility.oauth.provider.secrets import digest
from superfacility.oauth.provider.tickets import TicketStore
from superfacility.oauth.revoked_tokens import RevokedTokens
from superfacility.oauth.scopes import Scope
from superfacility.services.access.provider.proving import ApplicationProofs, once
from superfacility.services.access.records import ClientRecord, GrantRecord, Record
from superfacility.services.access.tokens import TokenService

_INACTIVE: dict[str, Any] = {"active": False}


@dataclass(frozen=True, slots=True)
class EnquiryService:
    proofs: ApplicationProofs
    store: ApplicationStore
    tickets: TicketStore
    tokens: TokenService
    revoked: RevokedTokens
    people: People
    clock: Clock

    async def revoke(self, parameters: Mapping[str, Sequence[str]], address: str) -> None:
        """The grant behind an application's token ends, with all that was made of it; of a client's, the one token. A
        token that is not known, or is another's, is none of the program's business, and no error (RFC 7009 section
        2.2)."""
        form = once(parameters)
        client = await self.tokens.prove(form, address)
        if client is not None:
            return await self._give_back(client, _token(form), address)
        application = await self.proofs.prove(form, address)
        grant_id = await self._grant_of(_token(form), application)
        if grant_id is None:
            return None
        now, grant = self.clock.now(), await self.store.grant(grant_id)
        actor = "" if grant is None else grant.user
        audit = AuditEntry(now, actor, "grants.revoke", grant_id, application.id, address, "by the application")
        await self.store.revoke_grant(grant_id, now, audit)
        return None

    async def _give_back(self, client: Client, text: str, address: str) -> None:
        """The client lives on, and so do its other tokens."""
        now = self.clock.now()
        try:
            token = self.tokens.read(text)
        except AccessRefused:
            return
        if token.grant is not None or token.client_id != client.id or token.expires <= now.timestamp():
            return
        audit = AuditEntry(now, client.user, "tokens.revoke", token.jti, client.id, address)
        await self.revoked.revoke(client.id, token.jti, datetime.fromtimestamp(token.expires, UTC), audit)

    async def _grant_of(self, text: str, application: Application) -> GrantId | None:
        refresh = await self.tickets.refresh_token(digest(text))
        if refresh is not None:
            return refresh.grant if refresh.application == application.id else None
        try:
            token = self.tokens.read(text)
        except AccessRefused:
            return None
        return token.grant if token.client_id == application.id else None

    async def introspect(self, parameters: Mapping[str, Sequence[str]], address: str) -> dict[str, Any]:
        """For confidential applications: of their own tokens, and for resource servers of every access token. Of all
        others they learn that it is not active."""
        form = once(parameters)
        application = await self.proofs.prove(form, address)
        if application.public:
            raise invalid_client("Introspection is for applications that prove themselves (RFC 7523).")
        text = _token(form)
        looked = await self.tokens.look(text)
        if looked is None:
            return await self._refresh_token(text, application)
        token, record = looked
        if token.client_id != application.id and not application.resource_server:
            return _INACTIVE
        return self._active(token, record)

    def _active(self, token: AccessToken, record: Record) -> dict[str, Any]:
        scopes, level = _worth(token, record)
        found: dict[str, Any] = {
            "active": True,
            "scope": scope_text(scopes),
            "client_id": token.client_id,
            "username": token.user,
            "sub": token.user,
            "level": level,
            "token_type": "Bearer" if token.thumbprint is None else "DPoP",
            "exp": int(token.expires),
            "iat": int(token.issued),
            "iss": self.tokens.urls.issuer,
            "aud": self.tokens.urls.audience,
            "jti": token.jti,
        }
        if token.thumbprint is not None:
            found["cnf"] = {"jkt": token.thumbprint}
        if isinstance(record, ClientRecord) and record.client is not None and record.client.project is not None:
            found["project"] = record.client.project  # else another server would not know of the bound
        return found

    async def _refresh_token(self, text: str, application: Application) -> dict[str, Any]:
        found = await self.tickets.refresh_token(digest(text))
        now = self.clock.now()
        if found is None or found.application != application.id or found.used_at or found.expires_at <= now:
            return _INACTIVE
        grant = await self.store.grant(found.grant)
        if grant is None or grant.revoked_at is not None or grant.expires_at <= now:
            return _INACTIVE
        scopes = " ".join([*sorted(grant.identity), *sorted(scope.value for scope in grant.scopes)])
        expires = int(found.expires_at.timestamp())
        return {"active": True, "client_id": application.id, "sub": grant.user, "scope": scopes, "exp": expires}

    async def userinfo(self, principal: Principal) -> dict[str, Any]:
        """What the person has allowed the application to know (OpenID Connect Core section 5.3)."""
        grant = None if principal.grant is None else await self.store.grant(principal.grant)
        if grant is None or "openid" not in grant.identity:
            raise AccessRefused(
                Reason.MISSING_SCOPE, "This token does not tell who anybody is: log in with the scope openid."
            )
        return about(principal.user, grant.identity)


def _token(form: Mapping[str, str]) -> str:
    if "token" not in form:
        raise OAuthError("invalid_request", "token is missing.")
    return form["token"]


def _worth(token: AccessToken, record: Record) -> tuple[frozenset[Scope], str]:
    """What is behind the token now, not what it says of itself."""
    if isinstance(record, ClientRecord):
        assert record.client
        return record.client.usable_scopes & token.scopes, record.client.level.label
    assert isinstance(record, GrantRecord)
    assert record.grant
    assert record.application
    level = min(record.application.level, record.grant.level)
    return record.grant.scopes & record.application.scopes & token.scopes, level.label
