"""What is put together: settings reach the parts that act on them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from superfacility.bootstrap.runtime import Runtime, open_services
from superfacility.bootstrap.stores import prepare
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import User, UserName
from superfacility.settings import Settings
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.task import NewTask, TaskId, TaskStatus, WorkerId
from superfacility.testing.clocks import FakeClock
from superfacility.testing.tokens import LEFT_OUT, Program, token_form

ALICE = UserName("alice")
PATIENCE = 30.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def runtime(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Runtime]:
    settings = Settings(name="Test", public_url="https://api.example.org").within(tmp_path)
    prepare(settings)
    runtime = open_services(settings, clock=clock)
    yield runtime
    await runtime.aclose()


async def ended_task(runtime: Runtime, clock: FakeClock) -> TaskId:
    audit = AuditEntry(clock.now(), ALICE, "test.accept", "something")
    task = await runtime.stores.queue.accept(NewTask(ALICE, "test", {}, clock.now(), "red"), audit)
    runtime.stores.lease.hold(WorkerId("other"))
    (claimed,) = await runtime.stores.queue.claim(WorkerId("other"), ["test"], 1)
    assert await runtime.stores.queue.finish(WorkerId("other"), claimed.id, TaskStatus.COMPLETED, {"status": "ok"})
    return task.id


async def test_ended_tasks_are_kept_for_as_long_as_the_setting_says(runtime: Runtime, clock: FakeClock) -> None:
    old = await ended_task(runtime, clock)
    clock.advance(timedelta(days=2))
    young = await ended_task(runtime, clock)
    clock.advance(timedelta(days=29))
    stop = asyncio.Event()
    working = asyncio.create_task(runtime.work(stop))
    async with asyncio.timeout(PATIENCE):
        while await runtime.stores.queue.task(old) is not None:  # noqa: ASYNC110 - a poll, as clients do
            await asyncio.sleep(0.01)
    stop.set()
    await working
    assert await runtime.stores.queue.task(young) is not None


async def test_answers_are_forgotten_after_a_day(runtime: Runtime, clock: FakeClock) -> None:
    answers = runtime.stores.answers
    old, young = (IdempotencyKey("client", "POST", "/account/clients", key, "f" * 64) for key in ("old", "young"))
    await answers.begin(old, clock.now())
    clock.advance(timedelta(seconds=1))
    await answers.begin(young, clock.now())
    await answers.keep(young, "{}")
    clock.advance(timedelta(days=1))
    stop = asyncio.Event()
    working = asyncio.create_task(runtime.work(stop))
    async with asyncio.timeout(PATIENCE):
        while await answers.find(old) is not None:  # noqa: ASYNC110 - a poll, as clients do
            await asyncio.sleep(0.01)
    stop.set()
    await working
    assert await answers.find(young) is not None


async def test_an_assertion_without_jti_is_written_down(runtime: Runtime, clock: FakeClock) -> None:
    program = Program("https://api.example.org/oauth2/token")
    audit = AuditEntry(clock.now(), "operator:test", "test.fill", "everything")
    await runtime.stores.people.save_user(User(0, ALICE), audit, new=True)
    await runtime.stores.clients.save(program.client(ALICE, clock.now()), audit, new=True)
    form = token_form(program.assertion(clock.now(), jti=LEFT_OUT))
    await runtime.services.tokens.issue({name: [value] for name, value in form.items()}, "127.0.0.1")
    (entry,) = await runtime.stores.audit.entries(action="tokens.issue_without_jti")
    assert (entry.actor, entry.client_id, entry.address) == (ALICE, program.client_id, "127.0.0.1")
