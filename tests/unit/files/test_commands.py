"""Commands as tasks: what their result says."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from superfacility.facility.commands import Command
from superfacility.facility.people import User, UserName
from superfacility.facility.systems import Facility, System, SystemName
from superfacility.facility.transport import OutputSink
from superfacility.services.files import UploadRules, Uploads
from superfacility.services.files.utilities import COMMAND, OUTPUT_LIMIT, UtilityService
from superfacility.tasks.registry import Cancelled, HandlerKind
from superfacility.tasks.task import Task, TaskId, TaskStatus
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores.allowances import MemoryAllowances
from superfacility.testing.stores.memory import Memory
from superfacility.testing.stores.task_queue import MemoryLease, MemoryTaskQueue
from superfacility.testing.transports import MemoryTransport

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass
class Context:
    """A running task, and what it has reported."""

    task: Task
    reported: list[Mapping[str, Any]] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    async def report(self, partial: Mapping[str, Any]) -> None:
        self.reported.append(partial)
        self.told.set()


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


@pytest.fixture
def service(transport: MemoryTransport) -> UtilityService:
    clock = FakeClock()
    return UtilityService(
        facility=Facility("test", {"here": System(SystemName("here"), "Here", transport, ())}),
        queue=MemoryTaskQueue(Memory(), MemoryLease(), clock),
        uploads=Uploads(MemoryAllowances(Memory()), clock, UploadRules()),
        clock=clock,
        upload_limit=1000,
        command_time_limit=5,
        download_limit=1000,
    )


def context(executable: str = "text") -> Context:
    intent = {"system": "here", "executable": executable, "uid": 1001}
    return Context(Task(TaskId("1"), UserName("demo1"), COMMAND, intent, TaskStatus.NEW, None, NOW, NOW, "red"))


async def test_the_text_reaches_one_bash_of_a_login_unchanged(
    service: UtilityService, transport: MemoryTransport
) -> None:
    seen: list[tuple[User, Command]] = []

    async def bash(user: User, command: Command, say: OutputSink) -> int:
        seen.append((user, command))
        say("stdout", b"out\xff")
        say("stderr", b"err")
        return 0

    transport.programs["bash"] = bash
    text = "cat << EOF | wc; cd x && y\nEOF\n$(z) '\"\\"
    result = await service.handlers()[0].run(context(text))
    assert result == {"status": "ok", "output": "out\ufffd", "error": "err", "exit_code": 0}
    ((user, command),) = seen
    assert (command.arguments, command.login, command.time_limit) == (("bash", "-c", text), True, 5)
    assert (user.name, user.uid) == ("demo1", 1001)


async def test_a_failing_command_is_an_error_with_its_code(service: UtilityService, transport: MemoryTransport) -> None:
    async def bash(_: User, __: Command, say: OutputSink) -> int:
        say("stderr", b"no such thing\n")
        return 3

    transport.programs["bash"] = bash
    result = await service.handlers()[0].run(context())
    assert result == {"status": "error", "output": "", "error": "no such thing\n", "exit_code": 3}


async def test_time_that_ran_out_and_output_that_was_cut_are_said(
    service: UtilityService, transport: MemoryTransport
) -> None:
    async def bash(_: User, __: Command, say: OutputSink) -> int:
        say("stdout", b"x" * (OUTPUT_LIMIT + 1))
        raise TimeoutError

    transport.programs["bash"] = bash
    result = await service.handlers()[0].run(context())
    assert result["status"] == "error"
    assert "time limit" in result["error"]
    assert result["output"].endswith("of each stream are kept]\n")


async def test_partial_output_shows_and_a_cancelled_command_keeps_it(
    service: UtilityService, transport: MemoryTransport
) -> None:
    async def bash(_: User, __: Command, say: OutputSink) -> int:
        say("stdout", b"so far")
        await asyncio.Event().wait()
        return 0

    transport.programs["bash"] = bash
    running = context()
    task = asyncio.ensure_future(service.handlers()[0].run(running))
    await running.told.wait()
    assert running.reported == [{"status": "ok", "output": "so far", "error": "", "exit_code": None}]
    task.cancel()
    with pytest.raises(Cancelled) as ended:
        await task
    assert ended.value.result["output"] == "so far"
    assert "cancelled" in ended.value.result["error"]


async def test_a_system_that_does_not_answer_ends_the_task_with_its_reason(
    service: UtilityService, transport: MemoryTransport
) -> None:
    transport.faults.unavailable = True
    result = await service.handlers()[0].run(context())
    assert (result["status"], result["error"]) == ("error", "The system does not answer.")


def test_a_command_is_never_run_twice(service: UtilityService) -> None:
    (handler,) = service.handlers()
    assert handler.kind is HandlerKind.AT_MOST_ONCE
    assert set(handler.lost) == {"status", "error", "exit_code"}
    assert "may have run" in handler.lost["error"]
