"""The answer that every way of logging in ends with: an access token, and what goes with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from superfacility.core.clock import Clock
from superfacility.facility.people import KnownUsers
from superfacility.oauth.access import check_grant
from superfacility.oauth.access_tokens import sign_grant_token
from superfacility.oauth.applications import Application, Grant, GrantId
from superfacility.oauth.assertions import invalid_client
from superfacility.oauth.errors import AccessRefused, OAuthError
from superfacility.oauth.keys import SigningKeys
from superfacility.oauth.provider.identity import sign_identity_token
from superfacility.oauth.provider.secrets import digest, new_secret
from superfacility.oauth.provider.tickets import RefreshToken
from superfacility.oauth.scopes import Scope
from superfacility.oauth.server_metadata import PublicUrls
from superfacility.services.access.assertions import AssertionDesk
from superfacility.services.access.provider.known import KnownApplications


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """`idle` is how long a refresh token may lie unused."""

    known: KnownApplications
    people: KnownUsers
    keys: SigningKeys
    urls: PublicUrls
    desk: AssertionDesk
    clock: Clock
    idle: timedelta

    async def grant_in_force(self, grant_id: GrantId, application: Application) -> Grant:
        """`OAuthError` `invalid_grant` where nothing is allowed any more."""
        grant = await self.known.grant(grant_id)
        user = None if grant is None else await self.people.user(grant.user)
        try:
            check_grant(grant, application, user, self.clock.now())
        except AccessRefused as refused:
            raise invalid_grant(str(refused)) from None
        assert grant is not None
        return grant

    def new_refresh_token(self, grant: Grant) -> tuple[str, RefreshToken]:
        """The secret, and what we keep of it."""
        secret = new_secret()
        return secret, RefreshToken(digest(secret), grant.id, grant.application, self.idle_until(grant))

    def idle_until(self, grant: Grant) -> datetime:
        return min(self.clock.now() + self.idle, grant.expires_at)

    def check_binding(self, application: Application, expected: str | None, shown: str | None) -> None:
        """Whether the request shows the key that it must show, if any (RFC 9449)."""
        if application.bound and shown is None:
            raise OAuthError("invalid_dpop_proof", "This application's tokens are bound to a key: send a DPoP proof.")
        if expected is not None and shown != expected:
            raise OAuthError("invalid_dpop_proof", "The DPoP proof was not made with the key that this is bound to.")

    async def answer(
        self, grant: Grant, scopes: frozenset[Scope], *, refresh: str | None = None, nonce: str | None = None
    ) -> dict[str, Any]:
        """RFC 6749 section 5.1."""
        issuer, now = self.urls.issuer, self.clock.now().timestamp()
        token, seconds = sign_grant_token(self.keys, grant, scopes, issuer, self.urls.audience, now)
        found: dict[str, Any] = {
            "access_token": token,
            "token_type": "Bearer" if grant.key_thumbprint is None else "DPoP",
            "expires_in": seconds,
            "scope": " ".join([*sorted(grant.identity), *sorted(scope.value for scope in scopes)]),
        }
        if refresh is not None:
            found["refresh_token"] = refresh
        if "openid" in grant.identity:
            user = await self.people.user(grant.user)
            if user is None:
                raise invalid_client("The account is gone.")
            found["id_token"] = sign_identity_token(
                self.keys, grant, user, issuer, now, access_token=token, nonce=nonce
            )
        return found


def invalid_grant(description: str) -> OAuthError:
    return OAuthError("invalid_grant", description)
