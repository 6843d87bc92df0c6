"""The breaker: failures in a row, a pause, one probe."""

from datetime import timedelta

import pytest

from superfacility.adapters.ssh.breaker import Breaker, Unreachable
from superfacility.facility.errors import NotPermitted, Unavailable
from superfacility.testing.clocks import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker("perlmutter", clock)


def fail(breaker: Breaker, error: type[Exception] = Unreachable) -> None:
    with pytest.raises(error), breaker.attempt():
        raise error("no answer")


def succeed(breaker: Breaker) -> None:
    with breaker.attempt():
        pass


def is_open(breaker: Breaker) -> bool:
    try:
        breaker.check()
    except Unavailable:
        return True
    return False


def test_three_failures_in_a_row_open_it(breaker: Breaker) -> None:
    fail(breaker)
    fail(breaker)
    succeed(breaker)
    fail(breaker)
    fail(breaker)
    assert not is_open(breaker)
    fail(breaker)
    assert is_open(breaker)


@pytest.mark.parametrize("error", [NotPermitted, Unavailable, RuntimeError])
def test_what_concerns_one_user_does_not_count(breaker: Breaker, error: type[Exception]) -> None:
    for _ in range(10):
        fail(breaker, error)
    assert not is_open(breaker)


def test_after_the_pause_one_probe_passes_and_decides(breaker: Breaker, clock: FakeClock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.advance(timedelta(seconds=4.9))
    assert is_open(breaker)
    clock.advance(timedelta(seconds=0.2))
    assert not is_open(breaker)
    fail(breaker)
    clock.advance(timedelta(seconds=5.1))
    assert is_open(breaker)
    clock.advance(timedelta(seconds=5))
    with breaker.attempt():
        assert is_open(breaker)
    assert not is_open(breaker)


def test_a_probe_that_is_given_up_lets_the_next_one_try(breaker: Breaker, clock: FakeClock) -> None:
    for _ in range(3):
        fail(breaker)
    clock.advance(timedelta(seconds=6))
    fail(breaker, KeyboardInterrupt)
    assert not is_open(breaker)


def test_the_pause_grows_to_a_minute(breaker: Breaker, clock: FakeClock) -> None:
    for _ in range(20):
        breaker.failed("no answer")
    clock.advance(timedelta(seconds=59))
    assert is_open(breaker)
    clock.advance(timedelta(seconds=2))
    assert not is_open(breaker)
