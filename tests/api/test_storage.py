"""`/storage` in process: shapes of the contract, ownership, clear reasons."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from superfacility.adapters.local import open_transfer_agent
from superfacility.facility.people import User, UserName
from superfacility.facility.systems import Facility
from superfacility.facility.transfers import Endpoint
from superfacility.http import errors
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.services.files.storage import TRANSFER, StorageService
from superfacility.sfapi.storage.routes import router
from superfacility.tasks.task import TaskStatus, WorkerId
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores.memory import Memory
from superfacility.testing.stores.task_queue import MemoryLease, MemoryTaskQueue
from superfacility.testing.transports import MemoryTransport

WORKER = WorkerId("w")
URL = "/api/v1.2/storage/globus/transfer"


class Tokens:
    """The token is `<level>:<user>`."""

    async def authenticate(self, token: str, address: str) -> Principal:
        label, _, name = token.partition(":")
        level = SecurityLevel.from_label(label)
        user = User(uid=1001, name=UserName(name))
        return Principal(user, ClientId("client"), level, scopes_of(level), address, datetime.max.replace(tzinfo=UTC))


@dataclass
class Api:
    client: httpx.AsyncClient
    queue: MemoryTaskQueue
    service: StorageService
    transport: MemoryTransport
    memory: Memory

    async def start(self, caller: str = "orange:demo1", **changed: str) -> httpx.Response:
        form = {
            "source_uuid": "dtn",
            "target_uuid": "hpss",
            "source_dir": "/home/demo1/data",
            "target_dir": "/run/data",
            "label": "",
            **changed,
        }
        return await self.client.post(URL, data=form, headers={"authorization": f"Bearer {caller}"})

    async def follow(self, transfer_id: str, caller: str = "orange:demo1") -> httpx.Response:
        return await self.client.get(f"{URL}/{transfer_id}", headers={"authorization": f"Bearer {caller}"})

    async def run(self) -> None:
        (task,) = await self.queue.claim(WORKER, [TRANSFER], 1)

        async def report(_: Any) -> None:
            """Nobody watches."""

        context: Any = SimpleNamespace(task=task, report=report)
        result = await self.service.handlers()[0].run(context)
        await self.queue.finish(WORKER, task.id, TaskStatus.COMPLETED, result)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    clock, transport, lease, memory = FakeClock(), MemoryTransport(), MemoryLease(), Memory()
    lease.hold(WORKER)
    queue = MemoryTaskQueue(memory, lease, clock)
    transport.add_file("/home/demo1/data", b"12345")
    facility = Facility(
        "test",
        {},
        endpoints={"dtn": Endpoint("dtn", transport), "hpss": Endpoint("hpss", transport, root="/scratch/archive")},
        transfer_agent=open_transfer_agent({}),
    )
    service = StorageService(facility, queue, clock)
    app = FastAPI()
    app.include_router(router, prefix="/api/v1.2")
    errors.install(app)
    app.state.services = SimpleNamespace(storage=service, tokens=Tokens())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield Api(client, queue, service, transport, memory)


async def test_a_transfer_from_start_to_end(api: Api) -> None:
    started = await api.start(username="demo2")
    assert started.status_code == 200
    body = started.json()
    assert (body["status"], body["reason"]) == ("OK", None)
    assert set(body) == {"transfer_id", "status", "reason"}
    assert str(UUID(body["transfer_id"])) == body["transfer_id"]
    active = (await api.follow(body["transfer_id"])).json()
    assert active["globus_status"] == "ACTIVE"
    await api.run()
    done = (await api.follow(body["transfer_id"])).json()
    assert set(done) == {
        "status",
        "reason",
        "globus_status",
        "bytes_transferred",
        "completion_time",
        "effective_bytes_per_second",
    }
    assert (done["status"], done["reason"], done["globus_status"]) == ("OK", None, "SUCCEEDED")
    assert (done["bytes_transferred"], type(done["effective_bytes_per_second"])) == (5, int)
    assert done["completion_time"].endswith("+00:00")
    assert api.transport.nodes["/scratch/archive/run/data"].data == b"12345"
    assert [entry.action for entry in api.memory.audit] == ["storage.transfer"]
    assert api.memory.audit[0].actor == "demo1"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"source_dir": "/home/demo1/nothing"}, "No such file or directory"),
        ({"source_uuid": "moon"}, "dtn, hpss"),
        ({"target_uuid": str(UUID(int=0))}, "dtn, hpss"),
        ({"target_dir": "relative"}, "absolute"),
        ({"source_dir": "/etc/passwd"}, "No such file or directory"),
    ],
)
async def test_what_cannot_work_is_an_error_with_its_reason(api: Api, changed: dict[str, str], words: str) -> None:
    answer = await api.start(**changed)
    assert (answer.status_code, answer.json()["status"], answer.json()["transfer_id"]) == (200, "ERROR", "")
    assert words in answer.json()["reason"]
    assert not api.memory.tasks


async def test_only_the_owner_sees_a_transfer(api: Api) -> None:
    transfer_id = (await api.start()).json()["transfer_id"]
    assert (await api.follow(transfer_id, "red:demo2")).status_code == 404
    for unknown in (str(uuid4()), "not-a-uuid", "%00", "a" * 5000):
        assert (await api.follow(unknown)).status_code == 404


async def test_levels_below_orange_transfer_nothing(api: Api) -> None:
    for level in ("green", "yellow"):
        assert (await api.start(f"{level}:demo1")).status_code == 403
        assert (await api.follow(str(uuid4()), f"{level}:demo1")).status_code == 403


async def test_a_form_without_its_fields_is_422(api: Api) -> None:
    answer = await api.client.post(URL, data={"label": "x"}, headers={"authorization": "Bearer orange:demo1"})
    assert answer.status_code == 422
    assert {each["loc"][-1] for each in answer.json()["detail"]} == {
        "source_uuid",
        "target_uuid",
        "source_dir",
        "target_dir",
    }
