"""Issuing access tokens to programs that prove themselves, and believing them afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import InvalidInput
from superfacility.facility.people import People, User
from superfacility.oauth.access import check_address, check_client
from superfacility.oauth.access_tokens import (
    LIFETIME,
    AccessToken,
    bad_token,
    read_access_token,
    scope_text,
    sign_access_token,
)
from superfacility.oauth.assertions import (
    Allowance,
    AssertionRules,
    ClientAssertion,
    Profile,
    invalid_client,
    read_assertion,
)
from superfacility.oauth.client_keys import parsed_key
from superfacility.oauth.clients import AssertionLog, Client, ClientId, ClientStore
from superfacility.oauth.errors import AccessRefused, NotGenuine, OAuthError, Reason
from superfacility.oauth.keys import SigningKeys
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.oauth.server_metadata import PublicUrls, server_metadata
from superfacility.oauth.signatures import verify
from superfacility.oauth.token_requests import TokenRequest

CACHED_TOKENS = 10_000
CACHED_CLIENTS = 10_000
RECHECK_SECONDS = 30.0
"""A user who is made inactive does not raise the clients' generation in every store: look again after this long."""
WITHOUT_JTI = (60, 60.0)
"""So many assertions without `jti` are taken from one client in so many seconds."""

_NOT_ACCEPTED = (
    "The client assertion was not accepted: check the client id (iss and sub), the key that signs, and the algorithm "
    "(RS256, PS256, ES256 or EdDSA)."
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Record:
    """What the store said of a client, and at which generation and monotonic second."""

    client: Client | None
    user: User | None
    generation: int
    read_at: float


@dataclass(slots=True)
class _Verified:
    """A token whose signature is proven, with the principal of the last address and the record that made it."""

    token: AccessToken
    record: _Record | None = None
    principal: Principal | None = None


class TokenService:
    """The token endpoint's and every request's checks. Proven tokens are remembered; their clients' records are read
    again whenever the store's generation has grown."""

    def __init__(
        self,
        *,
        clients: ClientStore,
        assertions: AssertionLog,
        people: People,
        keys: SigningKeys,
        issuer: str,
        audience: str,
        token_urls: tuple[str, ...],
        profile: Profile,
        clock: Clock,
        audit: AuditLog | None = None,
    ) -> None:
        self._clients = clients
        self._assertions = assertions
        self._people = people
        self._keys = keys
        self._profile = profile
        self._clock = clock
        self._audit = audit
        self._cache: dict[str, _Verified] = {}
        self._records: dict[ClientId, _Record] = {}
        self._without_jti = Allowance(*WITHOUT_JTI)
        self._use_urls(PublicUrls(issuer, audience, token_urls))

    def _use_urls(self, urls: PublicUrls) -> None:
        self._urls = urls
        audiences = (urls.issuer, *urls.token_urls) if self._profile is Profile.COMPAT else (urls.issuer,)
        self._rules = AssertionRules(self._profile, tuple(dict.fromkeys(audiences)))

    @property
    def query_allowed(self) -> bool:
        """Whether the token endpoint takes parameters from the query string."""
        return self._profile is Profile.COMPAT

    async def issue(self, parameters: Mapping[str, Sequence[str]], address: str) -> dict[str, Any]:
        """The answer of the token endpoint; `OAuthError` says no."""
        request = TokenRequest.read(parameters)
        now = self._clock.now()
        assertion, client, user = await self._proven(request, address)
        self._rules.check(assertion.token.claims, now.timestamp())
        try:
            check_client(client, user, now)
            check_address(client.id, client.ranges, address)
        except AccessRefused as refused:
            log.info("token refused", reason=refused.reason.name, client_id=client.id, address=address)
            raise invalid_client(str(refused)) from None
        scopes = _granted(client, request.scopes)
        await self._use_once(assertion, client, address)
        token = sign_access_token(self._keys, client, scopes, self._urls.issuer, self._urls.audience, now.timestamp())
        return {
            "access_token": token,
            "scope": scope_text(scopes),
            "token_type": "Bearer",
            "expires_in": LIFETIME,
        }

    async def _proven(self, request: TokenRequest, address: str) -> tuple[ClientAssertion, Client, User | None]:
        """The assertion, the client whose key has signed it, and its user. Until then every refusal reads the same."""
        try:
            assertion = read_assertion(request.assertion)
            if request.client_id not in (None, assertion.client_id):
                raise NotGenuine("client_id is not the sub of the assertion")
            record = await self._record(assertion.client_id, self._clients.generation())
            client = record.client
            if client is None:
                raise NotGenuine("unknown client")
            verify(assertion.token, _usable_keys(client))
        except NotGenuine as error:
            log.info("assertion refused", reason=str(error), address=address)
            raise invalid_client(_NOT_ACCEPTED) from None
        return assertion, client, record.user

    async def _use_once(self, assertion: ClientAssertion, client: Client, address: str) -> None:
        if assertion.jti is None:
            await self._allow_again(client, address)
        elif not await self._assertions.use(client.id, assertion.jti, assertion.expires_at):
            log.warning("assertion replayed", client_id=client.id, address=address)
            raise invalid_client("This assertion has been used before: sign a new one, with a new jti, each time.")

    async def _allow_again(self, client: Client, address: str) -> None:
        """Without `jti` a replay cannot be told from an honest twin: count, write down, and let it pass."""
        if not self._without_jti.take(client.id, self._clock.monotonic()):
            limit, period = WITHOUT_JTI
            raise OAuthError(
                "temporarily_unavailable",
                f"More than {limit} assertions without jti in {period:.0f} seconds: keep tokens, or send a jti.",
                429,
                retry_after=int(period),
            )
        log.info("assertion without jti", client_id=client.id, address=address)
        if self._audit is not None:
            now = self._clock.now()
            await self._audit.append(
                AuditEntry(now, client.user, "tokens.issue_without_jti", client.id, client.id, address)
            )

    async def authenticate(self, token: str, address: str) -> Principal:
        """Who calls; `AccessRefused` says no. A request that starts after a revocation has committed is refused."""
        generation = self._clients.generation()
        verified = self._cache.get(token) or self._verify(token)
        now = self._clock.now()
        if verified.token.expires <= now.timestamp():
            self._cache.pop(token, None)
            raise AccessRefused(Reason.EXPIRED_TOKEN, "This access token has expired: fetch a new one.")
        record = await self._record(verified.token.client_id, generation)
        check_client(record.client, record.user, now)
        principal = verified.principal
        if principal is None or principal.address != address or verified.record is not record:
            principal = verified.principal = _principal(verified.token, record, address)
            verified.record = record
        return principal

    def _verify(self, token: str) -> _Verified:
        urls = self._urls
        verified = _Verified(read_access_token(self._keys, token, urls.issuer, urls.audience))
        while len(self._cache) >= CACHED_TOKENS:
            del self._cache[next(iter(self._cache))]
        self._cache[token] = verified
        return verified

    async def _record(self, client_id: ClientId, generation: int) -> _Record:
        """`generation` was read before the record, so that a change in between is noticed by the next request."""
        record, now = self._records.get(client_id), self._clock.monotonic()
        if record is not None and record.generation == generation and now - record.read_at < RECHECK_SECONDS:
            return record
        client = await self._clients.client(client_id)
        user = None if client is None else await self._people.user(client.user)
        record = _Record(client, user, generation, now)
        if client is not None:  # what does not exist is not remembered: anybody can make up ids
            while len(self._records) >= CACHED_CLIENTS:
                del self._records[next(iter(self._records))]
            self._records[client_id] = record
        return record

    def jwks(self) -> dict[str, Any]:
        """The public keys that our tokens are verified with."""
        return self._keys.jwks()

    def metadata(self) -> dict[str, Any]:
        """What RFC 8414 publishes."""
        return server_metadata(self._urls)


def _granted(client: Client, wanted: frozenset[Scope] | None) -> frozenset[Scope]:
    if wanted is None:
        return client.scopes
    if not wanted <= client.scopes:
        missing = scope_text(wanted - client.scopes)
        raise OAuthError("invalid_scope", f"This client ({client.level.label}) was not given: {missing}.")
    return wanted


def _usable_keys(client: Client) -> list[Any]:
    keys = []
    for key in client.keys:
        try:
            keys.append(parsed_key(key.jwk))
        except InvalidInput:  # a weak key in the store proves nobody
            log.warning("unusable client key", client_id=client.id)
    return keys


def _principal(token: AccessToken, record: _Record, address: str) -> Principal:
    client, user = record.client, record.user
    assert client
    assert user
    if token.user != client.user:
        raise bad_token()
    check_address(client.id, client.ranges, address)
    return Principal(
        user=user,
        client_id=client.id,
        level=client.level,
        scopes=client.scopes & token.scopes,
        address=address,
        expires_at=datetime.fromtimestamp(token.expires, UTC),
    )
