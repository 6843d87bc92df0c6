"""How often callers may ask."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.facility.errors import TooMany
from superfacility.http import rates
from superfacility.http.rates import UNLIMITED, Meter, Rate, Rates


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Hands()
    meter = Meter(Rate(10, 5), clock)
    assert [meter.take("a") for _ in range(5)] == [0.0] * 5
    assert meter.take("a") == pytest.approx(0.1)
    assert meter.take("a") == pytest.approx(0.1)  # asking too early costs nothing more
    assert meter.take("b") == 0.0
    clock.now += 0.1001
    assert meter.take("a") == 0.0
    assert meter.take("a") > 0
    clock.now += 100
    assert [meter.take("a") for _ in range(6)][:5] == [0.0] * 5


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200), st.integers(1, 20))
def test_never_more_than_the_burst_and_the_rate(pauses: list[float], burst: int) -> None:
    clock = Hands()
    meter = Meter(Rate(4, burst), clock)
    began, taken = clock.now, 0
    for pause in pauses:
        clock.now += pause
        taken += meter.take("a") == 0.0
        assert taken <= burst + (clock.now - began) * 4 + 1e-6


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_REMEMBERED", 100)
    meter = Meter(Rate(0.001, 1), Hands())
    for number in range(1000):
        meter.take(str(number))
    assert len(meter._whole_at) <= 100


def test_refusals_say_what_is_allowed_and_when() -> None:
    clock = Hands()
    limits = Rates(Rate(2, 1), Rate(0.1, 1), clock)
    limits.client("abc")
    with pytest.raises(TooMany, match="The client abc may make 2 requests a second") as refused:
        limits.client("abc")
    assert refused.value.retry_after == 1
    limits.stranger("192.0.2.1")
    with pytest.raises(TooMany) as slow:
        limits.stranger("192.0.2.1")
    assert slow.value.retry_after == 10


def test_one_network_of_ipv6_is_one_caller() -> None:
    limits = Rates(address=Rate(1, 1), clock=Hands())
    limits.stranger("2001:db8::1")
    with pytest.raises(TooMany):
        limits.stranger("2001:db8::ffff:2")
    limits.stranger("2001:db8:0:1::1")
    limits.stranger("unix")


def test_without_limit() -> None:
    for number in count():
        UNLIMITED.client("a")
        if number > 1000:
            break
