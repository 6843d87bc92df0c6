"""Transfers as tasks, and what the wire says of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.adapters.local import open_transfer_agent
from superfacility.facility.errors import FileProblem, InvalidInput, NotFound, Unsupported
from superfacility.facility.people import User, UserName
from superfacility.facility.systems import Facility, Filesystem, FilesystemKind, System, SystemName
from superfacility.facility.transfers import Endpoint
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope, SecurityLevel, scopes_of
from superfacility.services.files.storage import (
    TRANSFER,
    StorageService,
    Transfer,
    TransferOrder,
    TransferState,
    _located,
)
from superfacility.tasks.registry import HandlerKind
from superfacility.tasks.task import Task, TaskStatus, WorkerId
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores.memory import Memory
from superfacility.testing.stores.task_queue import MemoryLease, MemoryTaskQueue
from superfacility.testing.transports import MemoryTransport

WORKER = WorkerId("w")


@dataclass
class Context:
    task: Task
    reported: list[Mapping[str, Any]] = field(default_factory=list)

    async def report(self, partial: Mapping[str, Any]) -> None:
        self.reported.append(partial)


@dataclass
class Storage:
    service: StorageService
    queue: MemoryTaskQueue
    transport: MemoryTransport

    async def run(self) -> None:
        """What a worker does with the one task that waits."""
        (task,) = await self.queue.claim(WORKER, [TRANSFER], 1)
        try:
            result = await self.service.handlers()[0].run(Context(task))
        except Exception as error:
            await self.queue.finish(WORKER, task.id, TaskStatus.FAILED, {"status": "error", "error": str(error)})
        else:
            await self.queue.finish(WORKER, task.id, TaskStatus.COMPLETED, result)


def principal(name: str = "demo1", level: SecurityLevel = SecurityLevel.ORANGE) -> Principal:
    far = datetime.max.replace(tzinfo=UTC)
    return Principal(User(uid=1, name=UserName(name)), ClientId("c"), level, scopes_of(level), "127.0.0.1", far)


@pytest.fixture
def storage() -> Storage:
    clock, transport, lease = FakeClock(), MemoryTransport(), MemoryLease()
    lease.hold(WORKER)
    queue = MemoryTaskQueue(Memory(), lease, clock)
    home = Filesystem("home", FilesystemKind.HOME, "/home/{user}")
    facility = Facility(
        "test",
        {"here": System(SystemName("here"), "Here", transport, (home,))},
        endpoints={"dtn": Endpoint("dtn", transport), "hpss": Endpoint("hpss", transport, root="/scratch/archive")},
        transfer_agent=open_transfer_agent({}),
    )
    transport.add_file("/home/demo1/data", b"12345")
    return Storage(StorageService(facility, queue, clock), queue, transport)


def order(source: str = "/home/demo1/data", target: str = "/run/data", to: str = "hpss") -> TransferOrder:
    return TransferOrder("dtn", to, source, target, "label")


async def test_a_transfer_goes_from_active_to_succeeded(storage: Storage) -> None:
    transfer_id = await storage.service.start(principal(), order())
    active = await storage.service.transfer(principal(), str(transfer_id))
    assert (active.state, active.reason, active.completed_at, active.bytes_transferred) == (
        TransferState.ACTIVE,
        None,
        None,
        0,
    )
    await storage.run()
    done = await storage.service.transfer(principal(), str(transfer_id).upper())
    assert isinstance(done, Transfer)
    assert (done.state, done.reason, done.bytes_transferred) == (TransferState.SUCCEEDED, None, 5)
    assert done.completed_at is not None
    assert isinstance(done.speed, int)
    assert storage.transport.nodes["/scratch/archive/run/data"].data == b"12345"


async def test_another_s_transfer_is_unknown(storage: Storage) -> None:
    transfer_id = await storage.service.start(principal(), order())
    for user, asked in (("demo2", str(transfer_id)), ("demo1", str(uuid4())), ("demo1", "../x"), ("demo1", "")):
        with pytest.raises(NotFound):
            await storage.service.transfer(principal(user), asked)


async def test_what_cannot_work_is_said_at_once(storage: Storage) -> None:
    start = storage.service.start
    with pytest.raises(FileProblem, match="No such file or directory"):
        await start(principal(), order(source="/home/demo1/nothing"))
    with pytest.raises(NotFound, match="dtn, hpss"):
        await start(principal(), order(to="moon"))
    with pytest.raises(InvalidInput, match="absolute"):
        await start(principal(), order(target="relative"))
    storage.transport.add_special("/home/demo1/fifo")
    with pytest.raises(FileProblem):
        await start(principal(), order(source="/home/demo1/fifo"))
    no_agent = StorageService(Facility("test", {}), storage.queue, FakeClock())
    with pytest.raises(Unsupported):
        await no_agent.start(principal(), order())


async def test_below_red_a_transfer_writes_no_dot_files(storage: Storage) -> None:
    transfer_id = await storage.service.start(principal(), order(target="/home/demo1/.bashrc", to="dtn"))
    await storage.run()
    failed = await storage.service.transfer(principal(), str(transfer_id))
    assert failed.state is TransferState.FAILED
    assert "level red" in (failed.reason or "")
    assert "/home/demo1/.bashrc" not in storage.transport.nodes
    red = principal(level=SecurityLevel.RED)
    narrow = replace(red, scopes=frozenset({Scope.TRANSFERS_WRITE}))
    await storage.service.start(narrow, order(target="/home/demo1/.bashrc", to="dtn"))
    await storage.run()
    assert "/home/demo1/.bashrc" not in storage.transport.nodes
    await storage.service.start(red, order(target="/home/demo1/.bashrc", to="dtn"))
    await storage.run()
    assert storage.transport.nodes["/home/demo1/.bashrc"].data == b"12345"


async def test_what_was_left_out_is_the_reason_of_a_success(storage: Storage) -> None:
    storage.transport.add_file("/home/demo1/tree/a", b"1")
    storage.transport.add_link("/home/demo1/tree/link\udcff", "/nowhere")
    transfer_id = await storage.service.start(principal(), order(source="/home/demo1/tree"))
    await storage.run()
    done = await storage.service.transfer(principal(), str(transfer_id))
    assert done.state is TransferState.SUCCEEDED
    assert (done.reason or "").startswith("Not copied: link")
    (done.reason or "").encode()


async def test_a_cancelled_transfer_says_so(storage: Storage) -> None:
    transfer_id = await storage.service.start(principal(), order())
    task = await storage.queue.by_reference(TRANSFER, str(transfer_id))
    assert task is not None
    audit = storage.service._audit(principal(), order())
    await storage.queue.request_cancel(task.id, audit)
    assert (await storage.service.transfer(principal(), str(transfer_id))).state is TransferState.CANCELED


def test_transfers_may_be_repeated(storage: Storage) -> None:
    (handler,) = storage.service.handlers()
    assert (handler.name, handler.kind) == ("storage.transfer", HandlerKind.REPEATABLE)


@given(st.lists(st.sampled_from(["..", ".", "a", "", "..."]), max_size=12))
def test_no_path_leaves_the_root_of_an_endpoint(parts: list[str]) -> None:
    endpoint = Endpoint("hpss", MemoryTransport(), root="/archive")
    found = _located(endpoint, "/" + "/".join(parts))
    assert found == "/archive" or found.startswith("/archive/")
    assert ".." not in found.split("/")
