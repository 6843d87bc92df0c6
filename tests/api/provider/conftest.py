"""Our side of a login, whole but in process: stores in memory, browsers with cookies, applications of all kinds."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html import unescape
from types import SimpleNamespace
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from superfacility.auth.pages import assets
from superfacility.auth.provider import allowed, authorize, back_channel, device, logout
from superfacility.auth.routes import router
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import User, UserName
from superfacility.http import errors
from superfacility.http.security import requires
from superfacility.oauth.applications import Application, Approval, Grant
from superfacility.oauth.assertions import Profile
from superfacility.oauth.clients import ClientId, ClientKey
from superfacility.oauth.identity.sealing import Sealer
from superfacility.oauth.keys import SigningKeys
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope, SecurityLevel, scopes_of
from superfacility.services.access.grants import GrantService
from superfacility.services.access.login import (
    Appearance,
    BrowserSessions,
    Flows,
    LoggedIn,
    LoginService,
    ProviderLogins,
)
from superfacility.services.access.provider import (
    ApplicationProofs,
    AuthorizationService,
    DeviceService,
    EnquiryService,
    ExchangeService,
    GrantRules,
    KnownApplications,
    ProviderService,
    TokenIssuer,
)
from superfacility.services.access.tokens import TokenService
from superfacility.testing.clocks import FakeClock
from superfacility.testing.proofs import DeviceKey
from superfacility.testing.stores import (
    Memory,
    MemoryApplicationStore,
    MemoryAssertionLog,
    MemoryAuditLog,
    MemoryClientStore,
    MemoryIdentityStore,
    MemoryLoginSessionStore,
    MemoryPeople,
    MemoryRevokedTokens,
    MemoryTicketStore,
)
from superfacility.testing.tokens import Program

ISSUER = "https://facility.example"
API = f"{ISSUER}/api/v1.2"
TOKEN_URL = f"{ISSUER}/oauth2/token"
GATEWAY_URI = "https://gateway.example/callback"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
LIFETIMES = {
    SecurityLevel.GREEN: timedelta(days=60),
    SecurityLevel.YELLOW: timedelta(days=60),
    SecurityLevel.ORANGE: timedelta(days=30),
    SecurityLevel.RED: timedelta(hours=10),
}
NETWORKS = {SecurityLevel.RED: ("127.0.0.0/8",)}


@dataclass
class Page:
    """An answer as a browser sees it."""

    answer: httpx.Response

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def location(self) -> str:
        return self.answer.headers["location"]

    @property
    def sent(self) -> dict[str, str]:
        """What the redirect carries."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}

    @property
    def fields(self) -> dict[str, str]:
        """The hidden fields of its form."""
        found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.answer.text)
        return {name: unescape(value) for name, value in found}

    @property
    def action(self) -> str:
        match = re.search(r'<form method="post" action="([^"]+)"', self.answer.text)
        assert match, self.answer.text
        return match[1]


@dataclass
class House:
    """What a test turns its screws on."""

    app: FastAPI
    clock: FakeClock
    memory: Memory
    people: MemoryPeople
    store: MemoryApplicationStore
    sessions: BrowserSessions
    tokens: TokenService
    provider: ProviderService
    clients: MemoryClientStore
    keys: SigningKeys
    log: MemoryAuditLog
    secrets: dict[str, str] = field(default_factory=dict)

    def audit(self) -> AuditEntry:
        return AuditEntry(self.clock.now(), "test", "test.change", "something")

    def http(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=(address, 4711))
        return httpx.AsyncClient(transport=transport, base_url=ISSUER)

    async def log_in(self, user: str = "demo1") -> None:
        """The browser of this person has a session from now on."""
        who = LoggedIn(UserName(user), "accounts", ("pwd", "otp", "mfa"))
        self.secrets[user], _ = await self.sessions.begin(who, "127.0.0.1")

    def _cookies(self, user: str | None) -> dict[str, str]:
        secret = self.secrets.get(user or "")
        return {} if secret is None else {"Cookie": f"__Host-sfapi_session={secret}"}

    async def get(self, url: str, user: str | None = "demo1") -> Page:
        async with self.http() as http:
            return Page(await http.get(url, headers=self._cookies(user)))

    async def submit(self, page: Page, user: str | None = "demo1", **changes: Any) -> Page:
        fields = page.fields | changes
        async with self.http() as http:
            return Page(await http.post(page.action, data=fields, headers=self._cookies(user)))

    async def register(self, **changes: Any) -> Application:
        """A public gateway of yellow level by default."""
        usual: dict[str, Any] = {
            "id": ClientId("gateway000001"),
            "name": "Imaging gateway",
            "owner": UserName("demo2"),
            "project": None,
            "level": SecurityLevel.YELLOW,
            "scopes": scopes_of(changes.get("level", SecurityLevel.YELLOW)),
            "redirect_uris": (GATEWAY_URI,),
            "logout_uris": ("https://gateway.example/bye",),
            "keys": (),
            "created_at": self.clock.now(),
            "approval": Approval.APPROVED,
        }
        application = Application(**(usual | changes))
        await self.store.save(application, self.audit(), new=application.id not in self.memory.applications)
        return application

    def url(self, application: Application, **changes: Any) -> str:
        """Of a request for authorization; None takes a parameter away."""
        usual = {
            "response_type": "code",
            "client_id": application.id,
            "redirect_uri": application.redirect_uris[0] if application.redirect_uris else GATEWAY_URI,
            "scope": "openid email account.info:read",
            "state": "a b&c=ß",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "nonce": "n-0S6",
        }
        query = {name: value for name, value in (usual | changes).items() if value is not None}
        return f"/oauth2/authorize?{urlencode(query, doseq=True)}"

    async def code(self, application: Application, user: str = "demo1", **changes: Any) -> str:
        """By consent, or without where it is remembered."""
        if user not in self.secrets:
            await self.log_in(user)
        page = await self.get(self.url(application, **changes), user)
        if page.status == 200:
            page = await self.submit(page, user, decision="allow")
        assert page.status == 303, page.answer.text
        return page.sent["code"]

    async def token(self, **form: Any) -> httpx.Response:
        headers = form.pop("headers", {})
        async with self.http() as http:
            return await http.post("/oauth2/token", data=form, headers=headers)

    async def redeem(self, application: Application, code: str, /, **changes: Any) -> httpx.Response:
        usual = {
            "grant_type": "authorization_code",
            "client_id": application.id,
            "code": code,
            "redirect_uri": application.redirect_uris[0],
            "code_verifier": VERIFIER,
        }
        return await self.token(**{name: value for name, value in (usual | changes).items() if value is not None})

    async def tokens_for(self, application: Application, user: str = "demo1", **changes: Any) -> dict[str, Any]:
        answer = await self.redeem(application, await self.code(application, user, **changes))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refresh(self, application: Application, token: str, **changes: Any) -> httpx.Response:
        form = {"grant_type": "refresh_token", "client_id": application.id, "refresh_token": token}
        return await self.token(**(form | changes))

    async def call(self, scope: str, token: str, address: str = "127.0.0.1", **headers: str) -> httpx.Response:
        """The API with a token."""
        async with self.http(address) as http:
            return await http.get(f"/needs/{scope}", headers={"Authorization": f"Bearer {token}"} | headers)

    async def grants(self, user: str = "demo1") -> list[Grant]:
        return list(await self.store.grants(user=UserName(user)))

    def assertion(self, program: Program, **claims: Any) -> dict[str, str]:
        """What a confidential application proves itself with."""
        signed = program.assertion(self.clock.now(), **claims)
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}

    def proof(self, key: DeviceKey, method: str, url: str, token: str | None = None, **changes: Any) -> str:
        return key.proof(method, url, self.clock.now(), token, **changes)


def _application(services: Mapping[str, Any]) -> FastAPI:
    app = FastAPI()
    errors.install(app)
    app.state.services = SimpleNamespace(**services)
    app.state.trusted_proxies = ()
    app.include_router(router)
    for pages in (assets, authorize, device, allowed, logout, back_channel):
        app.include_router(pages.router)
    for scope in Scope:

        @app.get(f"/needs/{scope.value}")
        async def needs(principal: Annotated[Principal, requires(scope)]) -> dict[str, Any]:
            return {"user": principal.user.name, "client": principal.client_id, "level": principal.level.label}

    return app


@pytest.fixture(scope="session")
def signing_keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return SigningKeys.create(tmp_path_factory.mktemp("signing") / "keys", "ES256")


@pytest.fixture
async def house(signing_keys: SigningKeys) -> House:
    clock, memory = FakeClock(), Memory()
    people, store, tickets = MemoryPeople(memory), MemoryApplicationStore(memory), MemoryTicketStore(memory)
    clients, audit = MemoryClientStore(memory), MemoryAuditLog(memory)
    known, revoked = KnownApplications(store, people), MemoryRevokedTokens(memory)
    tokens = TokenService(
        clients=clients,
        assertions=MemoryAssertionLog(memory),
        people=people,
        keys=signing_keys,
        issuer=ISSUER,
        audience=API,
        token_urls=(TOKEN_URL,),
        profile=Profile.COMPAT,
        clock=clock,
        audit=audit,
        grants=known,
        networks=NETWORKS,
        revoked=revoked,
    )
    rules, proofs = GrantRules(LIFETIMES), ApplicationProofs(known, tokens.desk)
    issuer = TokenIssuer(known, people, signing_keys, tokens.urls, tokens.desk, clock, timedelta(days=14))
    provider = ProviderService(
        name="Example",
        keys=signing_keys,
        known=known,
        proofs=proofs,
        authorizations=AuthorizationService(known, store, tickets, rules, ISSUER, API, clock),
        exchange=ExchangeService(proofs, store, tickets, issuer, clock),
        devices=DeviceService(proofs, known, tickets, rules, tokens.urls, clock),
        enquiries=EnquiryService(proofs, store, tickets, tokens, revoked, people, clock),
    )
    grants = GrantService(known, clock)
    sealer = Sealer(b"k" * 32)
    sessions = BrowserSessions(
        MemoryLoginSessionStore(memory), people, clock, ended=(grants.end_session,), ended_all=(grants.end_all,)
    )
    login = LoginService(
        sessions=sessions,
        appearance=Appearance("Example"),
        origins=(ISSUER,),
        flows=Flows(sealer, clock),
        providers=ProviderLogins({}, MemoryIdentityStore(memory), people, clock, ISSUER),
    )
    app = _application({"tokens": tokens, "provider": provider, "grants": grants, "login": login})
    made = House(app, clock, memory, people, store, sessions, tokens, provider, clients, signing_keys, audit)
    for uid, name in enumerate(("demo1", "demo2", "demo3"), 1001):
        user = User(uid, UserName(name), first_name=name.title(), email=f"{name}@example.org")
        await people.save_user(user, made.audit(), new=True)
    return made


@pytest.fixture
async def gateway(house: House) -> Application:
    """A public web application."""
    return await house.register()


@pytest.fixture
def gateway_key() -> Program:
    return Program(ISSUER, client_id="confidential1", algorithm="ES256")


@pytest.fixture
async def confidential(house: House, gateway_key: Program) -> Application:
    """One that proves itself with a key, of level red."""
    return await house.register(
        id=ClientId("confidential1"),
        name="Confidential gateway",
        level=SecurityLevel.RED,
        keys=(ClientKey(gateway_key.public),),
        redirect_uris=("https://confidential.example/cb",),
    )


__all__ = ["House", "Page", "replace"]
