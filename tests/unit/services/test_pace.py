"""How often a scheduler is asked."""

from datetime import timedelta

from superfacility.services.compute.reading.pace import Pace
from superfacility.testing.clocks import FakeClock


def read(pace: Pace, clock: FakeClock, seconds: float) -> None:
    pace.begin()
    clock.advance(timedelta(seconds=seconds))
    pace.end()


def test_a_scheduler_that_is_slow_is_asked_less_often() -> None:
    clock = FakeClock()
    pace = Pace(clock, 5.0, 1.0)
    for _ in range(2):
        read(pace, clock, 3.0)
    assert pace.period == 30.0
    read(pace, clock, 0.1)
    assert pace.period == 5.0


def test_one_slow_reading_is_no_slow_scheduler() -> None:
    """Else what is known would count as young for minutes after a network was silent for some seconds."""
    clock = FakeClock()
    pace = Pace(clock, 5.0, 1.0)
    read(pace, clock, 14.0)
    assert pace.period == 5.0
    read(pace, clock, 0.1)
    read(pace, clock, 14.0)
    assert pace.period == 5.0


def test_without_a_period_nothing_that_is_known_will_do() -> None:
    clock = FakeClock()
    pace = Pace(clock, 0.0, 0.0)
    for _ in range(2):
        read(pace, clock, 3.0)
    assert pace.period == 0.0


def test_a_queue_that_is_long_to_go_through_is_read_less_often() -> None:
    """Also while the next reading is on its way: else all would wait for it, because what is known would be too old."""
    clock = FakeClock()
    pace = Pace(clock, 5.0, 1.0)
    for seconds in (3.0, 2.0):
        read(pace, clock, 0.1)
        for _ in range(2):
            with pace.own_work():
                clock.advance(timedelta(seconds=seconds / 2))
    read(pace, clock, 0.1)
    assert pace.period == 8.0
    for _ in range(2):
        read(pace, clock, 0.1)
    assert pace.period == 5.0
