"""Devices without a browser (RFC 8628): they show a code, and a person who is logged in elsewhere types it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import NotFound, NotPermitted
from superfacility.oauth.applications import Application, Grant, GrantId
from superfacility.oauth.errors import OAuthError
from superfacility.oauth.logins import LoginSession
from superfacility.oauth.provider.authorization import check_resource, read_scopes
from superfacility.oauth.provider.secrets import (
    digest,
    new_secret,
    new_user_code,
    plain_user_code,
    shown_user_code,
)
from superfacility.oauth.provider.tickets import Decision, DeviceRequest, TicketStore
from superfacility.oauth.server_metadata import VERIFICATION_PATH, PublicUrls
from superfacility.services.access.provider.authorizations import GrantRules
from superfacility.services.access.provider.known import KnownApplications
from superfacility.services.access.provider.proving import ApplicationProofs, once

LIFE = timedelta(minutes=10)
INTERVAL = 5
GUESSES = (10, timedelta(minutes=10))
"""So many codes may one person type in so much time: right ones count, too."""
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device that waits for its person's answer. `code` is what it shows."""

    code: str
    request: DeviceRequest
    application: Application
    expires_at: datetime
    """Of what the person would allow."""


@dataclass(frozen=True, slots=True)
class DeviceService:
    proofs: ApplicationProofs
    known: KnownApplications
    tickets: TicketStore
    rules: GrantRules
    urls: PublicUrls
    clock: Clock

    async def begin(self, parameters: Mapping[str, Sequence[str]], address: str) -> dict[str, Any]:
        """The answer to a device; `OAuthError` says no."""
        form = once(parameters)
        application = await self.proofs.prove(form, address)
        if not application.device:
            raise OAuthError("unauthorized_client", "This application may not use the device flow.")
        check_resource(form.get("resource"), self.urls.audience)
        scopes, identity = read_scopes(form.get("scope", ""), application)
        now, secret = self.clock.now(), new_secret()
        for _ in range(_TRIES):
            code = new_user_code()
            request = DeviceRequest(
                digest(secret), digest(code), application.id, scopes, identity, address, now, now + LIFE, INTERVAL
            )
            if await self.tickets.add_device(request):
                return self._answer(secret, shown_user_code(code))
        raise OAuthError("temporarily_unavailable", "There is no code left just now: try again.", 503, retry_after=5)

    def _answer(self, secret: str, code: str) -> dict[str, Any]:
        page = self.urls.at(VERIFICATION_PATH)
        return {
            "device_code": secret,
            "user_code": code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={code}",
            "expires_in": int(LIFE.total_seconds()),
            "interval": INTERVAL,
        }

    async def look(self, session: LoginSession, text: str) -> Waiting:
        """The device whose code somebody has typed. Guesses are counted; `NotFound` reads the same for all that is
        wrong with a code, `NotPermitted` after too many."""
        now = self.clock.now()
        limit, period = GUESSES
        if not await self.tickets.guess(session.user, now, now - period, limit):
            minutes = int(period.total_seconds() // 60)
            raise NotPermitted(f"You have typed {limit} codes within {minutes} minutes: wait {minutes} minutes.")
        code = plain_user_code(text)
        return await self._waiting(code)

    async def _waiting(self, code: str | None) -> Waiting:
        request = None if code is None else await self.tickets.device_of(digest(code))
        application = None if request is None else await self.known.in_force(request.application)
        if code is None or request is None or application is None or not self._open(request):
            raise NotFound("No device shows this code now. Look again: it is eight letters, and lives for ten minutes.")
        end = self.clock.now() + self.rules.lifetime(request.scopes)
        return Waiting(shown_user_code(code), request, application, end)

    def _open(self, request: DeviceRequest) -> bool:
        return request.decision is Decision.PENDING and request.expires_at > self.clock.now()

    async def decide(self, session: LoginSession, text: str, address: str, *, allow: bool) -> Waiting:
        """What the person says to the device that they were shown."""
        waiting = await self.look(session, text)
        request, now = waiting.request, self.clock.now()
        grant = self._grant(waiting, session) if allow else None
        target = request.application if grant is None else grant.id
        scopes = " ".join([*sorted(request.identity), *sorted(scope.value for scope in request.scopes)])
        detail = f"{waiting.application.name} on a device at {request.address}: {scopes}"
        action = "grants.allow" if allow else "grants.deny"
        audit = AuditEntry(now, session.user, action, target, request.application, address, detail)
        if not await self.tickets.decide(request.key, grant, audit):
            raise NotFound("This device has its answer already.")
        return waiting

    def _grant(self, waiting: Waiting, session: LoginSession) -> Grant:
        request = waiting.request
        return Grant(
            id=GrantId(str(new_uuid())),
            application=request.application,
            user=session.user,
            scopes=request.scopes,
            identity=request.identity,
            created_at=self.clock.now(),
            expires_at=waiting.expires_at,
            logged_in_at=session.logged_in_at,
            methods=session.methods,
        )
