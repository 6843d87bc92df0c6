"""Taking the signed assertions by which programs prove themselves: each as the rules of its program want, and once."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import InvalidInput
from superfacility.oauth.assertions import (
    Allowance,
    AssertionRules,
    ClientAssertion,
    Profile,
    invalid_client,
    read_assertion,
)
from superfacility.oauth.client_keys import parsed_key
from superfacility.oauth.clients import AssertionLog, ClientId, ClientKey
from superfacility.oauth.errors import NotGenuine, OAuthError
from superfacility.oauth.provider.proofs import Possession, ShownProof, possession
from superfacility.oauth.server_metadata import PublicUrls
from superfacility.oauth.signatures import verify
from superfacility.services.doubts import nothing_done

WITHOUT_JTI = (60, 60.0)
"""So many assertions without `jti` are taken from one client in so many seconds."""
FAPI_ALGORITHMS = frozenset({"PS256", "ES256", "EdDSA", "Ed25519"})

NOT_ACCEPTED = (
    "The client assertion was not accepted: check the client id (iss and sub), the key that signs, and the algorithm "
    "(RS256, PS256, ES256 or EdDSA)."
)

_SIGN_ANEW = "ask again in a moment, with a new signature and a new jti"
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class AssertionDesk:
    """Where assertions and proofs of possession are looked at and used up."""

    assertions: AssertionLog
    clock: Clock
    urls: PublicUrls
    profile: Profile
    audit: AuditLog | None = None
    _without_jti: Allowance = field(default_factory=lambda: Allowance(*WITHOUT_JTI))
    _rules: AssertionRules = field(init=False)

    def __post_init__(self) -> None:
        urls = self.urls
        audiences = (urls.issuer, *urls.token_urls) if self.profile is Profile.COMPAT else (urls.issuer,)
        self._rules = AssertionRules(self.profile, tuple(dict.fromkeys(audiences)))

    def read(self, text: str, client_id: str | None) -> ClientAssertion:
        """`NotGenuine` for what is none, or is another program's than the request says."""
        assertion = read_assertion(text)
        if client_id not in (None, assertion.client_id):
            raise NotGenuine("client_id is not the sub of the assertion")
        return assertion

    def verify(self, assertion: ClientAssertion, keys: Iterable[ClientKey]) -> None:
        """`NotGenuine` unless one of the keys has made it."""
        verify(assertion.token, _usable(keys, assertion.client_id))

    def check(self, assertion: ClientAssertion, *, strict: bool = False) -> None:
        """`OAuthError` names the claim that is wrong. `strict`: what FAPI 2.0 asks for, whatever the service's rule."""
        rules = self._rules
        if strict:
            rules = replace(rules, profile=Profile.STRICT, audiences=(self.urls.issuer,))
            if assertion.token.header["alg"] not in FAPI_ALGORITHMS:
                raise invalid_client("This program is strict: it signs with PS256, ES256 or EdDSA.")
        rules.check(assertion.token.claims, self.clock.now().timestamp())

    async def use_once(self, assertion: ClientAssertion, user: str, address: str) -> None:
        """After everything else: what is refused for another reason may come again. `Unavailable` where it is not known
        whether it was used up: then nothing else has been done."""
        client_id = assertion.client_id
        if assertion.jti is None:
            await self._allow_again(client_id, user, address)
        elif not await self._is_first(client_id, assertion.jti, assertion.expires_at):
            log.warning("assertion replayed", client_id=client_id, address=address)
            raise invalid_client("This assertion has been used before: sign a new one, with a new jti, each time.")

    async def _allow_again(self, client_id: ClientId, user: str, address: str) -> None:
        """Without `jti` a replay cannot be told from an honest twin: count, write down, and let it pass."""
        if not self._without_jti.take(client_id, self.clock.monotonic()):
            limit, period = WITHOUT_JTI
            raise OAuthError(
                "temporarily_unavailable",
                f"More than {limit} assertions without jti in {period:.0f} seconds: keep tokens, or send a jti.",
                429,
                retry_after=int(period),
            )
        log.info("assertion without jti", client_id=client_id, address=address)
        if self.audit is not None:
            now = self.clock.now()
            entry = AuditEntry(now, user, "tokens.issue_without_jti", client_id, client_id, address)
            with nothing_done():
                await self.audit.append(entry)

    async def thumbprint(self, proof: ShownProof | None) -> str | None:
        """Of the key that a request to the token endpoint shows, None where it shows none."""
        if proof is None:
            return None
        try:
            return (await self.possession(proof)).thumbprint
        except NotGenuine as error:
            raise OAuthError("invalid_dpop_proof", f"The DPoP proof was not accepted: {error}.") from None

    async def possession(self, proof: ShownProof, access_token: str | None = None) -> Possession:
        """A proof that holds and has not been used before; else `NotGenuine`."""
        held = possession(proof, self.clock.now().timestamp(), access_token)
        if not await self._is_first(ClientId(held.thumbprint), held.jti, held.expires_at):
            raise NotGenuine("it has been used before")
        return held

    async def _is_first(self, signer: ClientId, jti: str, expires_at: datetime) -> bool:
        with nothing_done(_SIGN_ANEW):
            return await self.assertions.use(signer, jti, expires_at)


def _usable(keys: Iterable[ClientKey], client_id: ClientId) -> list[Any]:
    usable = []
    for key in keys:
        try:
            usable.append(parsed_key(key.jwk))
        except InvalidInput:  # a weak key in the store proves nobody
            log.warning("unusable client key", client_id=client_id)
    return usable
