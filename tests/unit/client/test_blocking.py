"""Calls without an event loop: typed, documented, and safe from interrupts."""

import gc
import inspect
import warnings

import pytest

from superfacility.client import AsyncConnection, Connection
from superfacility.client.blocking import completed, plain, plain_iterator
from superfacility.client.facilities import Facility
from superfacility.client.transport.blocking import BlockingTransport, ThreadLock

CALLS = [name for name, each in vars(Connection).items() if isinstance(each, plain | plain_iterator)]
HOME = Facility("home", "https://api.example")


def test_both_connections_make_the_same_calls() -> None:
    public = {
        name
        for name, each in inspect.getmembers(AsyncConnection, inspect.isroutine)
        if not name.startswith("_") and name not in {"close", "done", "signs"}
    }
    assert public == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_plain_call_has_the_signature_and_words_of_its_coroutine(name: str) -> None:
    call, twin = getattr(Connection(HOME), name), getattr(AsyncConnection, name)
    parameters = list(inspect.signature(twin).parameters.values())[1:]
    assert list(inspect.signature(call).parameters.values()) == parameters
    assert call.__doc__ == twin.__doc__


def test_a_call_that_needs_a_loop_says_so() -> None:
    import asyncio

    waiting = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="event loop"):
        completed(waiting)
    waiting.close()


def test_an_interrupt_between_a_call_and_its_await_leaves_no_lock_and_no_noise() -> None:
    lock = ThreadLock()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lock.__aenter__()
        lock.__aexit__()  # what it answers with is never awaited
        gc.collect()

    async def held() -> str:
        async with lock:
            return "held"

    assert completed(held()) == "held"
    assert completed(BlockingTransport().offload(lambda: 3)) == 3
