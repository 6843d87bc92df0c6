"""The token service alone on the wire: a small application with one route of each level."""

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI

from superfacility.auth.routes import router
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import User, UserName
from superfacility.http import errors
from superfacility.http.security import PUBLIC, requires
from superfacility.oauth.assertions import Profile
from superfacility.oauth.clients import Client
from superfacility.oauth.keys import SigningKeys
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope, SecurityLevel
from superfacility.services.access.tokens import TokenService
from superfacility.services.clients import ClientService, Collaborations
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import (
    Memory,
    MemoryAssertionLog,
    MemoryAuditLog,
    MemoryClientStore,
    MemoryCollaborationAccounts,
    MemoryPeople,
)
from superfacility.testing.tokens import Program, token_form

ISSUER = "https://facility.example"
API = f"{ISSUER}/api/v1.2"
TOKEN_URL = f"{ISSUER}/oauth2/token"
OTHER_TOKEN_URL = "https://alias.example/token"
HERE = "127.0.0.1"


@dataclass
class Facility:
    """What a test turns its screws on."""

    app: FastAPI
    clock: FakeClock
    store: MemoryClientStore
    people: MemoryPeople
    assertions: MemoryAssertionLog
    audit_log: MemoryAuditLog
    tokens: TokenService
    clients: ClientService
    collaborations: Collaborations

    def audit(self) -> AuditEntry:
        return AuditEntry(self.clock.now(), "test", "test.change", "something")

    async def register(self, program: Program, level: SecurityLevel = SecurityLevel.RED, **changes: Any) -> Client:
        client = program.client("demo1", self.clock.now(), level, **changes)
        await self.store.save(client, self.audit(), new=True)
        return client

    def caller(self, address: str = HERE) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=(address, 4711), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=ISSUER)

    async def post(self, assertion: str, **changes: Any) -> httpx.Response:
        async with self.caller() as http:
            return await http.post("/oauth2/token", data=token_form(assertion, **changes))

    async def post_with(self, http: httpx.AsyncClient, program: Program) -> httpx.Response:
        return await http.post("/oauth2/token", data=token_form(program.assertion(self.clock.now())))

    async def token(self, program: Program, **changes: Any) -> str:
        answer = await self.post(program.assertion(self.clock.now()), **changes)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    async def get(
        self, path: str, token: str | None = None, *, address: str = HERE, **headers: str | bytes
    ) -> httpx.Response:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        async with self.caller(address) as http:
            return await http.get(path, headers=headers)


@cache
def _application() -> FastAPI:
    """One for all tests: preparing its routes would take most of each."""
    app = FastAPI()
    errors.install(app)
    app.include_router(router)

    for scope in Scope:

        @app.get(f"/needs/{scope.value}")
        async def needs(principal: Annotated[Principal, requires(scope)]) -> dict[str, str]:
            return {"user": principal.user.name, "client": principal.client_id, "address": principal.address}

    @app.get("/open", dependencies=[PUBLIC])
    async def open_to_all() -> dict[str, bool]:
        return {"open": True}

    return app


@pytest.fixture(scope="session")
def signing_keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return SigningKeys.create(tmp_path_factory.mktemp("signing") / "keys")


@pytest.fixture
def profile() -> Profile:
    return Profile.COMPAT


@pytest.fixture
async def facility(signing_keys: SigningKeys, profile: Profile) -> Facility:
    clock, memory = FakeClock(), Memory()
    audit = MemoryAuditLog(memory)
    store, people, assertions = MemoryClientStore(memory), MemoryPeople(memory), MemoryAssertionLog(memory)
    collaborations = Collaborations(MemoryCollaborationAccounts(memory), people, clock)
    tokens = TokenService(
        clients=store,
        assertions=assertions,
        people=people,
        keys=signing_keys,
        issuer=ISSUER,
        audience=API,
        token_urls=(TOKEN_URL, OTHER_TOKEN_URL),
        profile=profile,
        clock=clock,
        audit=audit,
        managers=collaborations,
    )
    app = _application()
    app.state.services = SimpleNamespace(tokens=tokens)
    app.state.trusted_proxies = ()
    clients = ClientService(store, people, clock)
    made = Facility(app, clock, store, people, assertions, audit, tokens, clients, collaborations)
    await people.save_user(User(uid=1001, name=UserName("demo1")), made.audit(), new=True)
    return made


@pytest.fixture
async def program(facility: Facility) -> Program:
    """A registered red client of demo1 with an RSA key, that may call from 127.0.0.1."""
    made = Program(TOKEN_URL)
    await facility.register(made)
    return made
