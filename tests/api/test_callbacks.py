"""`/callbacks` over the wire."""

from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from superfacility.facility.deliveries import Channel, Delivery, DeliveryState, NewDelivery, Settlement, Step
from superfacility.facility.events import Event
from superfacility.facility.jobs import JobId
from superfacility.facility.people import User, UserName
from superfacility.http import errors
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.services.events.callbacks import CallbackService
from superfacility.services.events.secrets import SigningSecrets
from superfacility.services.events.sending import Courier
from superfacility.sfapi.callbacks.routes import router
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import Memory
from superfacility.testing.stores.callbacks import MemoryCallbackStore

ALICE, BOB = UserName("alice"), UserName("bob")


class NamedTokens:
    """Believes `<level>:<user>`; `staff` is staff."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    async def authenticate(self, token: str, address: str) -> Principal:
        label, _, name = token.partition(":")
        level = SecurityLevel.from_label(label)
        user = User(1, UserName(name), staff=name == "staff")
        return Principal(
            user, ClientId("c"), level, scopes_of(level), address, self._clock.now() + timedelta(minutes=1)
        )


class Nothing:
    """No events, and nobody to send to."""

    async def last_id(self) -> int:
        return 0

    async def after(self, event_id: int, *, limit: int = 1000) -> Sequence[Event]:
        return []


class Wire:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.memory = Memory()
        self.store = MemoryCallbackStore(self.memory)
        nothing: Any = Nothing()
        secrets = SigningSecrets(b"k" * 32, self.store, self.clock)
        courier = Courier(self.store, nothing, nothing, secrets, self.clock)
        callbacks = CallbackService(self.store, nothing, nothing, secrets, nothing, courier, self.clock)
        self.app = FastAPI()
        self.app.state.services = SimpleNamespace(tokens=NamedTokens(self.clock), callbacks=callbacks)
        errors.install(self.app)
        self.app.include_router(router)

    async def call(self, method: str, path: str, token: str) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="https://facility.example") as http:
            return await http.request(method, path, headers={"Authorization": f"Bearer {token}"})

    async def owe(self, task_id: str, owner: UserName = ALICE, **settlement: Any) -> Delivery:
        now = self.clock.now()
        new = NewDelivery(
            task_id=task_id,
            owner=owner,
            system="perlmutter",
            job_id=JobId("123"),
            channel=Channel.WEBHOOK,
            target="https://example.org/hook?key=k3y",
            place="example.org",
            kind="job.ended",
            body='{"type":"job.ended","data":{"jobid":"123"}}',
            message_id=f"msg_{task_id}",
            created_at=now,
            give_up_at=now + timedelta(hours=24),
        )
        await self.store.commit(Step(1, deliveries=[new]))
        (made,) = [each for each in await self.store.deliveries(owner) if each.what.task_id == task_id]
        if settlement:
            await self.store.settle(made.id, Settlement(at=now, **settlement))
        return made


@pytest.fixture
def wire() -> Wire:
    return Wire()


async def test_ones_own_are_listed_newest_first(wire: Wire) -> None:
    await wire.owe("7")
    await wire.owe("8", state=DeliveryState.DEAD, status=410, error="gone")
    await wire.owe("9", BOB)
    answer = await wire.call("GET", "/callbacks", "green:alice")
    dead, pending = answer.json()["callbacks"]
    assert pending == {
        "id": "1",
        "type": "job.ended",
        "task_id": "7",
        "machine": "perlmutter",
        "jobid": "123",
        "channel": "webhook",
        "target": "https://example.org/hook?key=k3y",
        "state": "pending",
        "attempts": 0,
        "http_status": None,
        "error": None,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "next_attempt_at": "2026-01-02T03:04:05.678901Z",
        "message": {"type": "job.ended", "data": {"jobid": "123"}},
    }
    assert (dead["state"], dead["http_status"], dead["error"], dead["next_attempt_at"]) == ("dead", 410, "gone", None)
    only = (await wire.call("GET", "/callbacks?state=dead", "green:alice")).json()["callbacks"]
    assert [each["id"] for each in only] == [dead["id"]]
    assert len((await wire.call("GET", "/callbacks?limit=1", "green:alice")).json()["callbacks"]) == 1
    for query in ("state=odd", "limit=0", "limit=1001"):
        assert (await wire.call("GET", f"/callbacks?{query}", "green:alice")).status_code == 422


async def test_anothers_are_as_unknown_as_none(wire: Wire) -> None:
    made = await wire.owe("7")
    for path in (f"/callbacks/{made.id}", "/callbacks/99", "/callbacks/x"):
        answer = await wire.call("GET", path, "red:bob")
        assert answer.status_code == 404
        assert "GET /callbacks" in answer.json()["detail"]
    assert (await wire.call("POST", f"/callbacks/{made.id}/redeliver", "red:bob")).status_code == 404
    assert (await wire.call("GET", "/callbacks?user=alice", "red:bob")).status_code == 403
    (seen,) = (await wire.call("GET", "/callbacks?user=alice", "green:staff")).json()["callbacks"]
    assert seen["target"] == "https://example.org/hook"
    again = await wire.call("POST", f"/callbacks/{made.id}/redeliver", "green:staff")
    assert (again.status_code, again.json()["target"]) == (200, "https://example.org/hook")
    assert (await wire.call("GET", f"/callbacks/{made.id}", "green:alice")).status_code == 200


async def test_a_dead_one_is_sent_again(wire: Wire) -> None:
    made = await wire.owe("7", state=DeliveryState.DEAD, error="Gave up.")
    answer = await wire.call("POST", f"/callbacks/{made.id}/redeliver", "green:alice")
    assert answer.json()["state"] == "pending"
    assert answer.json()["error"] is None
    (entry,) = wire.memory.audit
    assert (entry.actor, entry.action, entry.target) == ("alice", "callbacks.redeliver", str(made.id))


async def test_the_secret_is_for_those_who_may_submit(wire: Wire) -> None:
    for method in ("GET", "POST"):
        assert (await wire.call(method, "/callbacks/secret", "orange:alice")).status_code == 403
    first = (await wire.call("GET", "/callbacks/secret", "red:alice")).json()
    assert first["secret"].startswith("whsec_")
    assert (await wire.call("GET", "/callbacks/secret", "red:alice")).json() == first
    second = (await wire.call("POST", "/callbacks/secret", "red:alice")).json()
    assert second != first
    assert (await wire.call("GET", "/callbacks/secret", "red:alice")).json() == second
    assert (await wire.call("GET", "/callbacks/secret", "red:bob")).json() not in (first, second)
