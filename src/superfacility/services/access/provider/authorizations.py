"""From an application's request to a code: who must log in, who must be asked, and what is remembered of the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from urllib.parse import urlencode

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.audit import AuditEntry
from superfacility.oauth.applications import Application, ApplicationStore, Grant, GrantId, level_needed
from superfacility.oauth.errors import OAuthError
from superfacility.oauth.logins import LoginSession
from superfacility.oauth.provider.authorization import (
    PUSHED_PREFIX,
    AuthorizationRequest,
    NoWayBack,
    SentBack,
    read_request,
    read_target,
)
from superfacility.oauth.provider.secrets import digest, new_secret
from superfacility.oauth.provider.tickets import AuthorizationCode, PushedRequest, TicketStore
from superfacility.oauth.scopes import Scope, SecurityLevel
from superfacility.services.access.provider.known import KnownApplications

CODE_LIFE = timedelta(seconds=60)
PUSHED_LIFE = timedelta(seconds=300)
"""Long enough to log in meanwhile; FAPI 2.0 wants less than ten minutes."""
LONGEST_PUSHED = 8192
"""Characters: anybody can push a request for a public application, and we keep it."""
WORTHWHILE = timedelta(hours=1)
"""Whoever has less left than this, or half of it all, is asked again."""


LOGIN_TAKES = timedelta(minutes=15)
"""So long an address holds that says how old a login may be: whoever is at the browser can write one, too."""


class Step(Enum):
    """What comes next."""

    LOGIN = auto()
    LOGIN_AGAIN = auto()
    CONSENT = auto()
    GO_ON = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is well-formed. `pushed` is the key of the pushed request that it came from."""

    request: AuthorizationRequest
    pushed: str | None = None


@dataclass(frozen=True, slots=True)
class GrantRules:
    """How long what people allow may live, by the level that it needs."""

    lifetimes: Mapping[SecurityLevel, timedelta]

    def lifetime(self, scopes: frozenset[Scope]) -> timedelta:
        return self.lifetimes[level_needed(scopes)]


@dataclass(frozen=True, slots=True)
class AuthorizationService:
    known: KnownApplications
    store: ApplicationStore
    tickets: TicketStore
    rules: GrantRules
    issuer: str
    audience: str
    clock: Clock

    async def ask(self, parameters: Mapping[str, Sequence[str]]) -> Asked:
        """`NoWayBack` for the person, `SentBack` for the application."""
        ids = parameters.get("client_id", ())
        application = await self.known.in_force(ids[0]) if len(ids) == 1 else None
        references = parameters.get("request_uri", ())
        if len(references) == 1 and references[0].startswith(PUSHED_PREFIX) and application is not None:
            return await self._from_pushed(references[0], application, parameters)
        target = read_target(parameters, application)
        return Asked(read_request(parameters, target, self.audience, pushed=False))

    async def _from_pushed(self, reference: str, application: Application, sent: Mapping[str, Sequence[str]]) -> Asked:
        key = digest(reference.removeprefix(PUSHED_PREFIX))
        found = await self.tickets.pushed(key)
        if found is None or found.application != application.id or found.expires_at <= self.clock.now():
            raise NoWayBack("This request for a login has been used, or has expired. Go back and begin again.")
        parameters = {name: [value] for name, value in found.parameters.items()}
        if "login_after" in sent:  # what we put there ourselves, on the way back from the login page
            parameters["login_after"] = list(sent["login_after"])
        target = read_target(parameters, application)
        return Asked(read_request(parameters, target, self.audience, pushed=True), key)

    async def push(self, application: Application, form: Mapping[str, str], thumbprint: str | None) -> dict[str, Any]:
        """RFC 9126: the whole request by the back channel; what is wrong with it is said at once."""
        if "request_uri" in form:
            raise OAuthError("invalid_request", "request_uri is what comes of it: leave it out.")
        kept = {name: value for name, value in form.items() if not name.startswith("client_assertion")}
        if sum(map(len, kept.values())) + sum(map(len, kept)) > LONGEST_PUSHED:
            raise OAuthError("invalid_request", f"A request has at most {LONGEST_PUSHED} characters.")
        if thumbprint is not None and kept.setdefault("dpop_jkt", thumbprint) != thumbprint:
            raise OAuthError("invalid_dpop_proof", "dpop_jkt is not the thumbprint of the proof's key.")
        parameters = {name: [value] for name, value in kept.items()}
        try:
            read_request(parameters, read_target(parameters, application), self.audience, pushed=True)
        except SentBack as error:
            raise OAuthError(error.error, error.description) from None
        except NoWayBack as error:
            raise OAuthError("invalid_request", str(error)) from None
        secret = new_secret()
        await self.tickets.push(PushedRequest(digest(secret), application.id, kept, self.clock.now() + PUSHED_LIFE))
        return {"request_uri": PUSHED_PREFIX + secret, "expires_in": int(PUSHED_LIFE.total_seconds())}

    async def step(self, asked: Asked, session: LoginSession | None) -> Step:
        """`SentBack` where the application does not want anybody to be asked, and somebody would have to be."""
        request = asked.request
        silent = "none" in request.prompt
        if session is None or self._too_long_ago(request, session):
            if silent:
                raise SentBack(request.target, "login_required", "Nobody is logged in, or not recently enough.")
            return Step.LOGIN if session is None else Step.LOGIN_AGAIN
        if await self._remembered(request, session) is not None:
            return Step.GO_ON
        if silent:
            raise SentBack(request.target, "consent_required", "The person has not allowed this yet.")
        return Step.CONSENT

    def _too_long_ago(self, request: AuthorizationRequest, session: LoginSession) -> bool:
        if request.after is not None and self.holds(request.after):
            return session.logged_in_at.timestamp() < request.after
        if request.prompt & {"login", "select_account"}:
            return True
        age = self.clock.now() - session.logged_in_at
        return request.max_age is not None and age > timedelta(seconds=request.max_age)

    def holds(self, after: int) -> bool:
        """Whether we may have written that a login after this second counts."""
        now = self.clock.now().timestamp()
        return now - LOGIN_TAKES.total_seconds() <= after <= now

    async def _remembered(self, request: AuthorizationRequest, session: LoginSession) -> Grant | None:
        """An answer that still holds for a while: the same application, and nothing new. A program that anybody can
        pass himself off as is never let in unseen (RFC 8252 section 8.6)."""
        application, now = request.application, self.clock.now()
        unsure = application.public and not request.target.redirect_uri.startswith("https://")
        if unsure or "consent" in request.prompt:
            return None
        for grant in await self.store.grants(user=session.user):
            same = grant.application == application.id and grant.session is not None
            nothing_new = request.scopes <= grant.scopes and request.identity <= grant.identity
            least = min(WORTHWHILE, self.rules.lifetime(grant.scopes) / 2)
            if same and nothing_new and grant.expires_at - now >= least:
                return grant
        return None

    def expires_at(self, request: AuthorizationRequest, session: LoginSession) -> datetime:
        """Until when an answer of now holds."""
        end = self.clock.now() + self.rules.lifetime(request.scopes)
        return end if "offline_access" in request.identity else min(end, session.expires_at)

    async def allow(self, asked: Asked, session: LoginSession, address: str) -> str:
        """The person has said yes, now or before: where to send them, with a code."""
        request, now, secret = asked.request, self.clock.now(), new_secret()
        grant = await self._new_grant(request, session)
        code = AuthorizationCode(
            key=digest(secret),
            grant=grant.id,
            application=request.application.id,
            redirect_uri=request.target.redirect_uri,
            challenge=request.challenge,
            expires_at=now + CODE_LIFE,
            nonce=request.nonce,
            key_thumbprint=request.key_thumbprint,
        )
        audit = self._audit(session, request, "grants.allow", grant.id, address)
        if not await self.tickets.add_code(code, grant, asked.pushed, audit):
            raise NoWayBack("This request for a login has been used. Go back and begin again.")
        return self._answer(request, {"code": secret})

    async def _new_grant(self, request: AuthorizationRequest, session: LoginSession) -> Grant:
        earlier = await self._remembered(request, session)
        expires_at = self.expires_at(request, session)
        return Grant(
            id=GrantId(str(new_uuid())),
            application=request.application.id,
            user=session.user,
            scopes=request.scopes,
            identity=request.identity,
            created_at=self.clock.now(),
            expires_at=expires_at if earlier is None else min(expires_at, earlier.expires_at),
            logged_in_at=session.logged_in_at,
            methods=session.methods,
            session=session.key,
            key_thumbprint=request.key_thumbprint,
        )

    def deny(self, asked: Asked) -> str:
        """The person has said no: where to send them."""
        return self.refuse(SentBack(asked.request.target, "access_denied", "The person has said no."))

    def refuse(self, error: SentBack) -> str:
        """Where to send them when something is wrong."""
        parameters = {"error": error.error, "error_description": error.description}
        return self._with(error.target.redirect_uri, error.target.state, parameters)

    def _answer(self, request: AuthorizationRequest, parameters: dict[str, str]) -> str:
        return self._with(request.target.redirect_uri, request.target.state, parameters)

    def _with(self, redirect_uri: str, state: str | None, parameters: dict[str, str]) -> str:
        if state is not None:
            parameters["state"] = state
        query = urlencode(parameters | {"iss": self.issuer})
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"

    def _audit(
        self, session: LoginSession, request: AuthorizationRequest, action: str, target: str, address: str
    ) -> AuditEntry:
        scopes = " ".join([*sorted(request.identity), *sorted(scope.value for scope in request.scopes)])
        application = request.application
        detail = f"{application.name}: {scopes}"
        return AuditEntry(self.clock.now(), session.user, action, target, application.id, address, detail)
