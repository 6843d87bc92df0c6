"""Streams end soon after their client was revoked, by whichever process, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from superfacility.adapters.sql import Database, Location, SqlClientStore, SqlEventLog, SqlPeople, open_database
from superfacility.facility.events import EventFilter
from superfacility.facility.people import User, UserName
from superfacility.http.event_stream import EventStream
from superfacility.http.security import Watch, authorize
from superfacility.oauth.assertions import Profile
from superfacility.oauth.clients import Client
from superfacility.oauth.errors import AccessRefused
from superfacility.oauth.keys import SigningKeys
from superfacility.oauth.scopes import Scope
from superfacility.services.access.tokens import TokenService
from superfacility.services.compute.visibility import EVERYTHING
from superfacility.services.events.feed import Feed
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.client_store import entry
from superfacility.testing.stores import Memory, MemoryAssertionLog
from superfacility.testing.tokens import Program, token_form

ISSUER = "https://facility.example"
PATIENCE = 60.0

RequestScope = MutableMapping[str, Any]


def _services(tokens: TokenService) -> Any:
    return cast("Any", SimpleNamespace(tokens=tokens))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    folder: Path = tmp_path_factory.mktemp("signing")
    return SigningKeys.create(folder / "keys")


@pytest.fixture
def tokens(database: Database, keys: SigningKeys) -> TokenService:
    return TokenService(
        clients=SqlClientStore(database),
        assertions=MemoryAssertionLog(Memory()),
        people=SqlPeople(database),
        keys=keys,
        issuer=ISSUER,
        audience=f"{ISSUER}/api/v1.2",
        token_urls=(f"{ISSUER}/oauth2/token",),
        profile=Profile.COMPAT,
        clock=FakeClock(),
    )


@pytest.fixture
async def request_scope(tokens: TokenService, database: Database) -> RequestScope:
    """A request of a client with a token."""
    clock, program = FakeClock(), Program(f"{ISSUER}/oauth2/token")
    await SqlPeople(database).save_user(User(0, UserName("demo1")), entry(), new=True)
    client = program.client("demo1", clock.now())
    await SqlClientStore(database).save(client, entry(), new=True)
    form = {name: [value] for name, value in token_form(program.assertion(clock.now())).items()}
    token = (await tokens.issue(form, "127.0.0.1"))["access_token"]
    app = SimpleNamespace(state=SimpleNamespace(trusted_proxies=()))
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return {"type": "http", "app": app, "client": ("127.0.0.1", 4711), "headers": headers, "the client": client}


@pytest.fixture
async def revoke(location: Location, request_scope: RequestScope) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """As another process does it: with connections of its own."""
    other = open_database(location)
    client: Client = request_scope["the client"]
    yield lambda: SqlClientStore(other).save(replace(client, revoked_at=FakeClock().now()), entry())
    await other.aclose()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a poll with a deadline
            await asyncio.sleep(0.01)


async def test_a_stream_of_events_ends(
    tokens: TokenService,
    database: Database,
    request_scope: RequestScope,
    revoke: Callable[[], Awaitable[None]],
) -> None:
    """It looks every second whether rights have changed; that it is its turn to beat does not end it here."""
    looks = 0

    async def rights() -> int:
        nonlocal looks
        looks += 1
        return await tokens.generation()

    feed, services = Feed(SqlEventLog(database), rights=rights), _services(tokens)
    stop, ended, sent = asyncio.Event(), asyncio.Event(), list[bytes]()

    async def allowed() -> bool:
        try:
            await authorize(request_scope, services, Scope.JOBS_READ)
        except AccessRefused:
            return False
        return True

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body"):
            ended.set()

    async def receive() -> Any:
        await ended.wait()
        return {"type": "http.disconnect"}

    running = asyncio.create_task(feed.run(stop))
    await _until(lambda: feed._running)
    stream = EventStream(feed, EventFilter(), EVERYTHING, None, still_allowed=allowed, room=nullcontext())
    listening = asyncio.create_task(stream(request_scope, receive, send))
    await _until(lambda: feed.listeners == 1)
    feed._listeners[stream] = -1  # no second is its turn
    await _until(
        lambda: any(each.startswith(b":") for each in sent)
    )  # the first look finds rights that it did not know
    assert not ended.is_set()
    await revoke()
    looked = looks
    async with asyncio.timeout(PATIENCE):
        await listening
    assert looks <= looked + 2, "the next look, and one that may have begun before"
    assert b"access token has ended" in b"".join(sent)
    stop.set()
    await running


async def test_a_follower_is_refused_at_its_next_look(
    tokens: TokenService, request_scope: RequestScope, revoke: Callable[[], Awaitable[None]]
) -> None:
    watch = Watch(request_scope, _services(tokens), Scope.JOBS_READ)
    await watch.look()
    await watch.look()
    await revoke()
    with pytest.raises(AccessRefused, match="was revoked"):
        await watch.look()
