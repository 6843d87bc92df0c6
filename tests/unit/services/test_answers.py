"""Requests under a key of their own: done once, whatever happens to the first."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.facility.errors import (
    Conflict,
    Doubtful,
    FacilityError,
    KeyReused,
    NotPermitted,
    Refused,
    TooMany,
    Unavailable,
    UnderWay,
)
from superfacility.oauth.identity.sealing import Sealer
from superfacility.services.answers import UNDER_WAY, AnswerService
from superfacility.tasks.keys import IdempotencyKey
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import Memory, MemoryAnswerStore

KEY = IdempotencyKey("client", "POST", "/account/clients", "run-1", "f" * 64)


class Doing:
    """Counts how often it is done; waits for `gate`, then answers or raises."""

    def __init__(self, outcome="done", gate=None):
        self.outcome, self.gate, self.times = outcome, gate, 0
        self.begun = asyncio.Event()

    async def __call__(self):
        self.times += 1
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return f"{self.outcome} {self.times}"


class FailingStore(MemoryAnswerStore):
    """The database is away when it matters."""

    async def keep(self, key, text):
        raise Unavailable("away")

    async def drop(self, key):
        raise Unavailable("away")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def answers(memory, clock):
    return AnswerService(MemoryAnswerStore(memory), Sealer(b"k" * 32), clock)


async def test_who_comes_while_it_is_done_gets_its_answer(answers):
    do = Doing(gate=asyncio.Event())
    asked = [asyncio.create_task(answers.once(KEY, do)) for _ in range(5)]
    await do.begun.wait()
    do.gate.set()
    assert set(await asyncio.gather(*asked)) == {"done 1"}
    assert do.times == 1


async def test_who_waits_for_one_that_is_refused_does_it(answers):
    first, second = Doing(Conflict("taken"), asyncio.Event()), Doing()
    asked = asyncio.create_task(answers.once(KEY, first))
    await first.begun.wait()
    waiting = asyncio.create_task(answers.once(KEY, second))
    first.gate.set()
    with pytest.raises(Conflict):
        await asked
    assert await waiting == "done 1"


async def test_nobody_waits_for_ever(memory, clock):
    answers = AnswerService(MemoryAnswerStore(memory), Sealer(b"k" * 32), clock, wait=0.1)
    do = Doing(gate=asyncio.Event())
    asked = asyncio.create_task(answers.once(KEY, do))
    await do.begun.wait()
    with pytest.raises(UnderWay, match="still being answered"):
        await answers.once(KEY, Doing())
    do.gate.set()
    assert await asked == await answers.once(KEY, Doing())


async def test_another_request_under_the_key_is_not_waited_for(answers):
    do = Doing(gate=asyncio.Event())
    asked = asyncio.create_task(answers.once(KEY, do))
    await do.begun.wait()
    with pytest.raises(KeyReused):
        await answers.once(replace(KEY, fingerprint="e" * 64), Doing())
    do.gate.set()
    await asked


@pytest.mark.parametrize("refusal", [Conflict("c"), NotPermitted("n"), Refused("r"), TooMany("t"), Unavailable("u")])
async def test_what_did_nothing_leaves_the_key_free(answers, refusal):
    with pytest.raises(type(refusal)):
        await answers.once(KEY, Doing(refusal))
    assert await answers.once(KEY, Doing()) == "done 1"


@pytest.mark.parametrize("end", [Doubtful("the database was lost"), RuntimeError("a defect"), asyncio.CancelledError()])
async def test_what_may_have_been_done_is_not_done_again(memory, clock, end):
    answers = AnswerService(MemoryAnswerStore(memory), Sealer(b"k" * 32), clock, wait=0.1)
    with pytest.raises(type(end)):
        await answers.once(KEY, Doing(end))
    again = Doing()
    with pytest.raises(UnderWay):
        await answers.once(KEY, again)
    clock.advance(UNDER_WAY)
    with pytest.raises(Doubtful, match="send it with a new key"):
        await answers.once(KEY, again)
    assert not again.times
    assert await answers.once(replace(KEY, key="run-2"), again) == "done 1"


async def test_it_is_answered_although_its_answer_cannot_be_kept(memory, clock):
    answers = AnswerService(FailingStore(memory), Sealer(b"k" * 32), clock)
    assert await answers.once(KEY, Doing()) == "done 1"


async def test_a_refusal_is_told_although_its_key_cannot_be_freed(memory, clock):
    answers = AnswerService(FailingStore(memory), Sealer(b"k" * 32), clock)
    with pytest.raises(Conflict):
        await answers.once(KEY, Doing(Conflict("taken")))


@pytest.mark.parametrize("problem", [Unavailable("away"), Doubtful("lost")])
async def test_where_keys_cannot_be_kept_nothing_is_done(memory, clock, monkeypatch, problem):
    store = MemoryAnswerStore(memory)

    async def away(*_):
        raise problem

    monkeypatch.setattr(store, "begin", away)
    do = Doing()
    with pytest.raises(Unavailable):
        await AnswerService(store, Sealer(b"k" * 32), clock).once(KEY, do)
    assert not do.times


async def test_an_answer_is_of_its_own_key_alone(memory, clock, answers):
    """Moved to another key in the database, or after the facility's key was replaced, it opens nothing."""
    await answers.once(KEY, Doing("whsec_secret"))
    (kept,) = memory.answers.values()
    assert "secret" not in kept.text
    clock.advance(timedelta(hours=1))
    other = replace(KEY, client_id="thief")
    memory.answers["thief", KEY.method, KEY.path, KEY.key] = kept
    with pytest.raises(FacilityError, match="its answer was lost"):
        await answers.once(other, Doing())
    with pytest.raises(Doubtful):
        await AnswerService(MemoryAnswerStore(memory), Sealer(b"l" * 32), clock).once(KEY, Doing())


async def test_one_that_is_lost_for_good_is_not_waited_for(memory, clock):
    answers = AnswerService(MemoryAnswerStore(memory), Sealer(b"k" * 32), clock, wait=3600)
    with pytest.raises(RuntimeError):
        await answers.once(KEY, Doing(RuntimeError("a defect")))
    clock.advance(UNDER_WAY)
    with pytest.raises(Doubtful):
        await answers.once(KEY, Doing())
