"""The token endpoint for what people have allowed: codes, refresh tokens and device codes become access tokens.

Whatever is shown twice is taken for stolen, and ends the grant with all its tokens (RFC 6749 section 4.1.2, RFC 9700
section 4.14). There is no period of grace: who lost an answer logs in again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.oauth.applications import IDENTITY, Application, ApplicationStore, Grant, GrantId
from superfacility.oauth.errors import OAuthError
from superfacility.oauth.provider.authorization import check_resource
from superfacility.oauth.provider.proofs import ShownProof
from superfacility.oauth.provider.secrets import answers, digest
from superfacility.oauth.provider.tickets import AuthorizationCode, Decision, DeviceRequest, TicketStore
from superfacility.oauth.scopes import SCOPE_NAMES, Scope
from superfacility.oauth.server_metadata import DEVICE_GRANT
from superfacility.services.access.provider.issuing import TokenIssuer, invalid_grant
from superfacility.services.access.provider.proving import ApplicationProofs, Once, once

SLOWER = 5
"""Seconds that a device which asks too soon must wait longer (RFC 8628 section 3.5)."""
_JITTER = timedelta(seconds=0.5)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Call:
    """One request: which application, from where, with the key of this thumbprint."""

    application: Application
    parameters: Once
    address: str
    thumbprint: str | None


@dataclass(frozen=True, slots=True)
class ExchangeService:
    proofs: ApplicationProofs
    store: ApplicationStore
    tickets: TicketStore
    issuer: TokenIssuer
    clock: Clock

    async def redeem(
        self, parameters: Mapping[str, Sequence[str]], address: str, proof: ShownProof | None = None
    ) -> dict[str, Any]:
        """The answer of the token endpoint; `OAuthError` says no."""
        form = once(parameters)
        ways = {"authorization_code": self._code, "refresh_token": self._refresh, DEVICE_GRANT: self._device}
        way = ways[form["grant_type"]]
        application = await self.proofs.prove(form, address)
        check_resource(form.get("resource"), self.issuer.urls.audience)
        thumbprint = await self.issuer.desk.thumbprint(proof)
        return await way(_Call(application, form, address, thumbprint))

    async def _code(self, call: _Call) -> dict[str, Any]:
        code = await self.tickets.code(digest(_needed(call, "code")))
        if code is None or code.application != call.application.id:
            raise invalid_grant("This code is not known, or was not made for this application.")
        if code.used_at is not None:
            raise await self._shown_twice(call, code.grant, "code")
        self._check_code(call, code)
        grant = await self.issuer.grant_in_force(code.grant, call.application)
        self.issuer.check_binding(call.application, code.key_thumbprint, call.thumbprint)
        secret, refresh = self.issuer.new_refresh_token(grant) if grant.offline else (None, None)
        audit = self._audit(call, grant, "grants.redeem")
        if not await self.tickets.use_code(code.key, self.clock.now(), call.thumbprint, refresh, audit):
            raise await self._shown_twice(call, code.grant, "code")
        grant = replace(grant, key_thumbprint=call.thumbprint)
        return await self.issuer.answer(grant, grant.scopes, refresh=secret, nonce=code.nonce)

    def _check_code(self, call: _Call, code: AuthorizationCode) -> None:
        if code.expires_at <= self.clock.now():
            raise invalid_grant("This code has expired: begin again.")
        if _needed(call, "redirect_uri") != code.redirect_uri:
            raise invalid_grant("redirect_uri is not the one that the code was sent to.")
        if not answers(_needed(call, "code_verifier"), code.challenge):
            raise invalid_grant("code_verifier is not what code_challenge was made from (RFC 7636).")

    async def _refresh(self, call: _Call) -> dict[str, Any]:
        token = await self.tickets.refresh_token(digest(_needed(call, "refresh_token")))
        if token is None or token.application != call.application.id:
            raise invalid_grant("This refresh token is not known, or was not made for this application.")
        if token.used_at is not None:
            raise await self._shown_twice(call, token.grant, "refresh token")
        if token.expires_at <= self.clock.now():
            raise invalid_grant("This refresh token has not been used for too long: log in again.")
        grant = await self.issuer.grant_in_force(token.grant, call.application)
        if call.application.bound and grant.key_thumbprint is None:
            raise invalid_grant("This application's tokens are bound to a key by now: log in again.")
        self.issuer.check_binding(call.application, grant.key_thumbprint, call.thumbprint)
        scopes = _narrowed(call, grant)
        audit = self._audit(call, grant, "grants.refresh")
        if grant.key_thumbprint is not None:  # of no use to a thief, so it may stay (RFC 9700 section 2.2.2)
            if not await self.tickets.prolong(token.key, self.issuer.idle_until(grant), audit):
                raise invalid_grant("This refresh token is used up.")
            return await self.issuer.answer(grant, scopes)
        secret, successor = self.issuer.new_refresh_token(grant)
        if not await self.tickets.rotate(token.key, self.clock.now(), successor, audit):
            raise await self._shown_twice(call, token.grant, "refresh token")
        return await self.issuer.answer(grant, scopes, refresh=secret)

    async def _device(self, call: _Call) -> dict[str, Any]:
        request = await self.tickets.device(digest(_needed(call, "device_code")))
        if request is None or request.application != call.application.id:
            raise invalid_grant("This device code is not known, or was not made for this application.")
        if request.decision is Decision.USED and request.grant is not None:
            raise await self._shown_twice(call, request.grant, "device code")
        if request.expires_at <= self.clock.now():
            raise OAuthError("expired_token", "Nobody has typed the code in time: begin again.")
        if request.decision is Decision.DENIED:
            raise OAuthError("access_denied", "The person has said no.")
        if request.decision is Decision.PENDING or request.grant is None:
            raise await self._not_yet(request)
        grant = await self.issuer.grant_in_force(request.grant, call.application)
        self.issuer.check_binding(call.application, None, call.thumbprint)
        secret, refresh = self.issuer.new_refresh_token(grant) if grant.offline else (None, None)
        audit = self._audit(call, grant, "grants.redeem")
        if not await self.tickets.use_device(request.key, self.clock.now(), call.thumbprint, refresh, audit):
            raise await self._shown_twice(call, request.grant, "device code")
        return await self.issuer.answer(replace(grant, key_thumbprint=call.thumbprint), grant.scopes, refresh=secret)

    async def _not_yet(self, request: DeviceRequest) -> OAuthError:
        now = self.clock.now()
        wait = timedelta(seconds=request.interval) - _JITTER
        too_soon = request.asked_at is not None and now - request.asked_at < wait
        interval = request.interval + (SLOWER if too_soon else 0)
        await self.tickets.asked(request.key, now, interval)
        if too_soon:
            return OAuthError("slow_down", f"Ask every {interval} seconds from now on.")
        return OAuthError("authorization_pending", "Nobody has typed the code yet.")

    async def _shown_twice(self, call: _Call, grant_id: GrantId, what: str) -> OAuthError:
        now, grant = self.clock.now(), await self.store.grant(grant_id)
        actor = "" if grant is None else grant.user
        detail = f"a {what} was shown twice"
        entry = AuditEntry(now, actor, "grants.revoke", grant_id, call.application.id, call.address, detail)
        await self.store.revoke_grant(grant_id, now, entry)
        log.warning("shown twice", what=what, application=call.application.id, grant=grant_id, address=call.address)
        return invalid_grant(f"This {what} has been used before. Somebody may have stolen it: log in again.")

    def _audit(self, call: _Call, grant: Grant, action: str) -> AuditEntry:
        return AuditEntry(self.clock.now(), grant.user, action, grant.id, call.application.id, call.address)


def _needed(call: _Call, name: str) -> str:
    if name not in call.parameters:
        raise OAuthError("invalid_request", f"{name} is missing.")
    return call.parameters[name]


def _narrowed(call: _Call, grant: Grant) -> frozenset[Scope]:
    """RFC 6749 section 6: never more than was allowed."""
    wanted = call.parameters.get("scope", "").split()
    if not wanted:
        return grant.scopes
    scopes = frozenset(SCOPE_NAMES[name] for name in wanted if name in SCOPE_NAMES)
    others = {name for name in wanted if name not in SCOPE_NAMES}
    if not scopes <= grant.scopes or not others <= grant.identity & IDENTITY.keys():
        raise OAuthError("invalid_scope", "The scope names more than the person has allowed.")
    return scopes
