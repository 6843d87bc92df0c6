"""Issuing access tokens to programs that prove themselves, and believing them afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditLog
from superfacility.facility.people import KnownUsers
from superfacility.oauth.access import check_address
from superfacility.oauth.access_tokens import (
    LIFETIME,
    AccessToken,
    read_access_token,
    scope_text,
    sign_access_token,
)
from superfacility.oauth.assertions import ClientAssertion, Profile, invalid_client
from superfacility.oauth.clients import AssertionLog, Client, ClientStore
from superfacility.oauth.errors import AccessRefused, NotGenuine, OAuthError, Reason
from superfacility.oauth.keys import SigningKeys
from superfacility.oauth.principal import Principal
from superfacility.oauth.provider.proofs import ShownProof
from superfacility.oauth.revoked_tokens import RevokedTokens
from superfacility.oauth.scopes import Scope
from superfacility.oauth.server_metadata import PublicUrls, resource_metadata_url
from superfacility.oauth.token_requests import ASSERTION_TYPE, TokenRequest
from superfacility.services.access.assertions import NOT_ACCEPTED, AssertionDesk
from superfacility.services.access.records import ClientRecord, GrantSource, Managers, Networks, Record, Records

CACHED_TOKENS = 10_000

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Verified:
    """A token whose signature is proven, with the principal of the last address and the record that made it."""

    token: AccessToken
    record: Record | None = None
    principal: Principal | None = None


class TokenService:
    """The token endpoint's and every request's checks. Proven tokens are remembered; the records behind them are read
    again whenever the store's generation has grown."""

    def __init__(
        self,
        *,
        clients: ClientStore,
        assertions: AssertionLog,
        people: KnownUsers,
        keys: SigningKeys,
        issuer: str,
        audience: str,
        token_urls: tuple[str, ...],
        profile: Profile,
        clock: Clock,
        audit: AuditLog | None = None,
        grants: GrantSource | None = None,
        networks: Networks | None = None,
        revoked: RevokedTokens | None = None,
        managers: Managers | None = None,
    ) -> None:
        self._clients = clients
        self._keys = keys
        self._clock = clock
        self._cache: dict[str, _Verified] = {}
        self._records = Records(clients, grants, people, clock, networks or {}, revoked, managers)
        self.urls = PublicUrls(issuer, audience, token_urls)
        self.desk = AssertionDesk(assertions, clock, self.urls, profile, audit)

    @property
    def query_allowed(self) -> bool:
        """Whether the token endpoint takes parameters from the query string."""
        return self.desk.profile is Profile.COMPAT

    @property
    def resource_metadata_url(self) -> str:
        """Where programs that come without a token learn how to get one (RFC 9728)."""
        return resource_metadata_url(self.urls)

    async def issue(
        self,
        parameters: Mapping[str, Sequence[str]],
        address: str,
        proof: ShownProof | None = None,
        *,
        by_query: bool = False,
    ) -> dict[str, Any]:
        """The answer of the token endpoint to a program that acts as its own user; `OAuthError` says no. `by_query`:
        parameters came in the address, which strict clients may not do."""
        request = TokenRequest.read(parameters)
        now = self._clock.now()
        assertion, client, record = await self._proven(request.assertion, request.client_id, address)
        self.desk.check(assertion, strict=client.strict)
        if by_query and client.strict:
            raise OAuthError("invalid_request", "This client is strict: send everything in the form body.")
        try:
            record.check(now)
            check_address(client.id, client.ranges, address)
        except AccessRefused as refused:
            log.info("token refused", reason=refused.reason.name, client_id=client.id, address=address)
            raise invalid_client(str(refused)) from None
        scopes = _granted(client, request.scopes)
        thumbprint = await self.desk.thumbprint(proof)
        if client.dpop and thumbprint is None:
            raise OAuthError(
                "invalid_dpop_proof", "This client's tokens are bound to a key: send a DPoP proof (RFC 9449)."
            )
        await self.desk.use_once(assertion, client.user, address)
        issuer, audience = self.urls.issuer, self.urls.audience
        return {
            "access_token": sign_access_token(
                self._keys, client, scopes, issuer, audience, now.timestamp(), thumbprint
            ),
            "scope": scope_text(scopes),
            "token_type": "Bearer" if thumbprint is None else "DPoP",
            "expires_in": LIFETIME,
        }

    async def prove(self, form: Mapping[str, str], address: str) -> Client | None:
        """The client that proves itself in a request beside the token endpoint; None if it names no client of ours, as
        those of applications do. `OAuthError` says no."""
        try:
            named = self.desk.read(form.get("client_assertion", ""), form.get("client_id")).client_id
        except NotGenuine:
            return None
        if form.get("client_assertion_type") != ASSERTION_TYPE or await self._clients.client(named) is None:
            return None
        assertion, client, _ = await self._proven(form["client_assertion"], form.get("client_id"), address)
        self.desk.check(assertion, strict=client.strict)
        await self.desk.use_once(assertion, client.user, address)
        return client

    async def _proven(
        self, text: str, client_id: str | None, address: str
    ) -> tuple[ClientAssertion, Client, ClientRecord]:
        """The assertion, the client whose key has signed it, and what is known of it. Until then every refusal reads
        the same."""
        try:
            assertion = self.desk.read(text, client_id)
            record = await self._records.client(assertion.client_id, await self._clients.generation())
            client = record.client
            if client is None:
                raise NotGenuine("unknown client")
            self.desk.verify(assertion, client.keys_at(self._clock.now()))
        except NotGenuine as error:
            log.info("assertion refused", reason=str(error), address=address)
            raise invalid_client(NOT_ACCEPTED) from None
        return assertion, client, record

    async def generation(self) -> int:
        """Grows with every change of a client or a person, whichever process made it."""
        return await self._clients.generation()

    async def authenticate(self, token: str, address: str) -> Principal:
        """Who calls; `AccessRefused` says no. A request that starts after a revocation has committed is refused."""
        generation = await self._clients.generation()
        verified = self._cache.get(token) or self._verify(token)
        now = self._clock.now()
        if verified.token.expires <= now.timestamp():
            self._cache.pop(token, None)
            raise _expired()
        read, records = verified.token, self._records
        record: Record
        if read.grant is None:  # not `Records.of`: every call in between is paid for at each request
            record = await records.client(read.client_id, generation)
        else:
            record = await records.grant(read.grant, generation)
        record.check(now)
        principal = verified.principal
        if principal is None or principal.address != address or verified.record is not record:
            principal = verified.principal = record.principal(read, address)
            verified.record = record
        return principal

    async def authenticate_bound(self, token: str, address: str, proof: ShownProof | None) -> Principal:
        """The same for a token that works with its key alone (RFC 9449), which `authenticate` refuses. Without a proof
        for a request that has shown one already, and lasts."""
        generation = await self._clients.generation()
        read = self.read(token)
        if read.thumbprint is None:
            raise AccessRefused(Reason.BAD_TOKEN, "This access token is bound to no key: send it as Bearer.")
        now = self._clock.now()
        if read.expires <= now.timestamp():
            raise _expired()
        if proof is not None:
            await self._check_possession(read, token, proof)
        record = await self._records.of(read, generation)
        record.check(now)
        return record.principal(read, address)

    async def _check_possession(self, read: AccessToken, token: str, proof: ShownProof) -> None:
        try:
            held = await self.desk.possession(proof, token)
        except NotGenuine as error:
            raise AccessRefused(Reason.BAD_PROOF, f"The DPoP proof was not accepted: {error}.") from None
        if held.thumbprint != read.thumbprint:
            raise AccessRefused(Reason.BAD_PROOF, "The DPoP proof was made with another key than the token's.")

    async def look(self, token: str) -> tuple[AccessToken, Record] | None:
        """A token of ours that would be believed now, whoever shows it; None for any other."""
        try:
            generation = await self._clients.generation()
            read, now = self.read(token), self._clock.now()
            record = await self._records.of(read, generation)
            record.check(now)
            record.check_token(read)
        except AccessRefused:
            return None
        return None if read.expires <= now.timestamp() else (read, record)

    def read(self, token: str) -> AccessToken:
        """A genuine token, perhaps expired or without force; else `AccessRefused`."""
        return read_access_token(self._keys, token, self.urls.issuer, self.urls.audience)

    def _verify(self, token: str) -> _Verified:
        verified = _Verified(self.read(token))
        if verified.token.thumbprint is not None:  # never remembered here, so that each use is asked for its proof
            raise AccessRefused(
                Reason.BAD_PROOF, "This access token is bound to a key: send it as DPoP, with a proof (RFC 9449)."
            )
        while len(self._cache) >= CACHED_TOKENS:
            del self._cache[next(iter(self._cache))]
        self._cache[token] = verified
        return verified

    def jwks(self) -> dict[str, Any]:
        """The public keys that our tokens are verified with."""
        return self._keys.jwks()


def _expired() -> AccessRefused:
    return AccessRefused(Reason.EXPIRED_TOKEN, "This access token has expired: fetch a new one.")


def _granted(client: Client, wanted: frozenset[Scope] | None) -> frozenset[Scope]:
    if wanted is None:
        return client.usable_scopes
    if not wanted <= client.usable_scopes:
        missing = scope_text(wanted - client.usable_scopes)
        raise OAuthError("invalid_scope", f"This client ({client.level.label}) was not given: {missing}.")
    return wanted
