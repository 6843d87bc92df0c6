"""A caller who causes many lines of one kind fills no log: they are counted, and told in a few lines."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from superfacility.core import log_budget
from superfacility.core.log_budget import ACCESS_TIMES, MINUTE, NOBODY_TIMES, LogBudget

LINES = 3


class Log:
    """A logger with a budget, a clock that the test moves, and what got through."""

    def __init__(self, lines: int = LINES) -> None:
        self.now = 0.0
        self.written: list[str] = []
        self.budget = LogBudget(lines, clock=lambda: self.now)
        handler = logging.Handler()
        handler.addFilter(self.budget)
        handler.emit = lambda record: self.written.append(record.getMessage())  # type: ignore[method-assign]
        self.handler = handler

    def say(self, event: str, name: str = "superfacility.test", **said: Any) -> None:
        self.put(logging.LogRecord(name, logging.INFO, "", 0, {"event": event, **said}, None, None))  # type: ignore[arg-type]

    def put(self, record: logging.LogRecord) -> None:
        if self.handler.filter(record):
            self.written.append(str(record.msg["event"] if isinstance(record.msg, dict) else record.msg))

    @property
    def told(self) -> list[str]:
        return [line for line in self.written if line.startswith("lines left out")]


@pytest.fixture
def log() -> Iterator[Log]:
    found = Log()
    summaries = logging.getLogger(log_budget.__name__)
    summaries.addHandler(found.handler)
    summaries.propagate = False
    yield found
    found.budget.tell()  # ends its timer
    summaries.removeHandler(found.handler)
    summaries.propagate = True


def test_one_source_causes_so_many_lines_of_a_kind_and_no_more(log: Log) -> None:
    for _ in range(1000):
        log.say("assertion refused", address="192.0.2.1")
    assert log.written == ["assertion refused"] * LINES
    assert (log.budget.passed, log.budget.left_out) == (LINES, 1000 - LINES)


def test_other_sources_and_other_kinds_are_heard_all_the_same(log: Log) -> None:
    for _ in range(1000):
        log.say("assertion refused", address="192.0.2.1")
    log.say("assertion refused", address="192.0.2.2")
    log.say("assertion replayed", address="192.0.2.1")
    assert len(log.written) == LINES + 2


def test_the_surplus_is_told_once_a_minute_and_then_there_is_room_again(log: Log) -> None:
    for _ in range(10):
        log.say("assertion refused", address="192.0.2.1")
    log.now += MINUTE
    log.say("assertion refused", address="192.0.2.1")
    assert log.told == ["lines left out: 7 more of 'assertion refused' from 192.0.2.1"]
    assert log.written[-1] == "assertion refused"
    log.now += MINUTE
    log.say("assertion refused", address="192.0.2.1")
    assert len(log.told) == 1


def test_the_surplus_is_told_also_if_no_line_follows(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_budget, "MINUTE", 0.01)
    for _ in range(LINES + 1):
        log.budget._count(logging.LogRecord("x", logging.INFO, "", 0, {"event": "e", "address": "a"}, None, None))  # type: ignore[arg-type]
    timer = log.budget._timer
    assert timer is not None
    timer.join(20)
    assert log.told == ["lines left out: 1 more of 'e' from a"]


def test_whoever_has_a_whole_network_of_ipv6_is_one_source(log: Log) -> None:
    for number in range(100):
        log.say("assertion refused", address=f"2001:db8::{number:x}")
    assert len(log.written) == LINES


def test_many_sources_at_once_are_bounded_too_and_told_shortly(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_budget, "_SOURCES", 50)
    for number in range(1000):
        log.say("assertion refused", address=f"192.0.{number // 250}.{number % 250}")
    assert len(log.written) == 50 + LINES
    assert len(log.budget._counts) == 51
    log.budget.tell()
    assert log.told == ["lines left out: 947 more of 'assertion refused' from others"]


def test_few_lines_tell_of_many_sources(log: Log) -> None:
    for number in range(100):
        for _ in range(LINES + 1):
            log.say("assertion refused", address=f"192.0.2.{number}")
    log.budget.tell()
    assert len(log.told) == 21
    assert log.told[-1] == "lines left out: 80 more from 80 sources"


def test_what_names_no_source_has_more_room_and_the_access_log_most(log: Log) -> None:
    for _ in range(1000):
        log.say("queue not read", system="perlmutter")
        log.say("request", "superfacility.access", peer="192.0.2.1")
        log.put(
            logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, "Invalid HTTP request received.", None, None)
        )
    assert log.written.count("queue not read") == LINES * NOBODY_TIMES
    assert log.written.count("request") == LINES * ACCESS_TIMES
    assert log.written.count("Invalid HTTP request received.") == LINES * NOBODY_TIMES


def test_zero_is_without_a_limit() -> None:
    log = Log(0)
    for _ in range(10_000):
        log.say("assertion refused", address="192.0.2.1")
    assert len(log.written) == log.budget.passed == 10_000
