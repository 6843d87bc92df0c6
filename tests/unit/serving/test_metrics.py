"""What the collectors tell, of doubles, as Prometheus reads it."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from structlog.testing import capture_logs

from superfacility.core.log_budget import LogBudget
from superfacility.facility.audit.chain import Seal
from superfacility.facility.errors import InvalidInput
from superfacility.facility.installation import Vitals
from superfacility.serving import metrics
from superfacility.serving.measured import RequestCounts
from superfacility.serving.metrics import Facility, Installation, LogLines, MetricsEndpoint, Requests

VITALS = Vitals(3, 42.5, 2, 7, {"red": 2, "green": 1})
Told = dict[tuple[str, ...], float]
"""By the name, and the values of the labels in the order of their names."""


def told(collector: Collector) -> Told:
    registry = CollectorRegistry()
    registry.register(collector)
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }


def test_requests_and_how_long_they_took() -> None:
    counts = RequestCounts(frozenset({"tasks"}), open=2)
    for status, seconds in ((200, 0.002), (200, 0.3), (404, 99.0)):
        counts.add("tasks", "GET", status, seconds)
    found = told(Requests(counts))
    assert found["sfapi_requests_total", "tasks", "GET", "200"] == 2
    assert found["sfapi_requests_total", "tasks", "GET", "404"] == 1
    buckets = {
        at: found["sfapi_request_seconds_bucket", "tasks", at] for at in ("0.001", "0.0025", "0.25", "0.5", "10.0")
    }
    assert buckets == {"0.001": 0, "0.0025": 1, "0.25": 1, "0.5": 2, "10.0": 2}
    assert found["sfapi_request_seconds_bucket", "tasks", "+Inf"] == found["sfapi_request_seconds_count", "tasks"] == 3
    assert found["sfapi_request_seconds_sum", "tasks"] == pytest.approx(99.302)
    assert found["sfapi_requests_open",] == 2


def test_lines_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(LogLines()) == {}
    budget = LogBudget(1)
    budget.passed, budget.left_out = 5, 2
    handler = logging.NullHandler()
    handler.addFilter(budget)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    assert told(LogLines()) == {("sfapi_log_lines_total", "written"): 5, ("sfapi_log_lines_total", "left out"): 2}


def of_facility(head: Seal | None) -> Any:
    collectors = {
        "perlmutter": SimpleNamespace(age=1.5, answers=True),
        "alvarez": SimpleNamespace(age=None, answers=False),
    }
    sealer = SimpleNamespace(head=head, broken=True, foreign=4)
    return SimpleNamespace(services=SimpleNamespace(jobs=SimpleNamespace(collectors=collectors)), sealer=sealer)


def test_systems_and_a_reading_that_was_never_made() -> None:
    assert told(Facility(of_facility(None))) == {
        ("sfapi_reading_age_seconds", "perlmutter"): 1.5,
        ("sfapi_scheduler_answers", "perlmutter"): 1,
        ("sfapi_scheduler_answers", "alvarez"): 0,
    }


def test_the_process_that_seals_tells_of_the_audit_log() -> None:
    head = Seal(9, bytes(32))
    found = told(Facility(of_facility(head)))
    audit = {key: value for key, value in found.items() if key[0].startswith("sfapi_audit")}
    assert audit == {
        ("sfapi_audit_position",): 9,
        ("sfapi_audit_head_info", str(head)): 1,
        ("sfapi_audit_broken",): 1,
        ("sfapi_audit_foreign_total",): 4,
    }


class Database:
    """Answers, says no, or is silent."""

    def __init__(self, answer: Vitals | Exception | None) -> None:
        self.answer = answer

    async def read(self) -> Vitals:
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        assert self.answer is not None
        return self.answer


async def of_installation(answer: Vitals | Exception | None) -> Told:
    """Asked from a thread, as a scrape is."""
    runtime: Any = SimpleNamespace(stores=SimpleNamespace(vitals=Database(answer)))
    return await asyncio.to_thread(told, Installation(runtime, asyncio.get_running_loop()))


async def test_what_the_database_says() -> None:
    assert await of_installation(VITALS) == {
        ("sfapi_database_answers",): 1,
        ("sfapi_tasks_open",): 3,
        ("sfapi_task_oldest_seconds",): 42.5,
        ("sfapi_deliveries_pending",): 2,
        ("sfapi_audit_unsealed",): 7,
        ("sfapi_clients", "red"): 2,
        ("sfapi_clients", "green"): 1,
    }


@pytest.mark.parametrize(
    ("answer", "problem"), [(ConnectionError("refused"), "refused"), (None, "TimeoutError")], ids=["no", "silent"]
)
async def test_a_database_that_is_away_is_told_and_the_log_says_why(
    answer: Exception | None, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_PATIENCE", 0.05)
    with capture_logs() as lines:
        assert await of_installation(answer) == {("sfapi_database_answers",): 0}
    [line] = lines
    assert line["problem"] == problem


@pytest.mark.parametrize(
    "problem", [OSError(98, "Address already in use"), OverflowError("bind(): port must be 0-65535.")]
)
async def test_a_port_that_cannot_be_had_is_a_wrong_setting(
    problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise problem

    monkeypatch.setattr(metrics, "start_http_server", refuse)
    with pytest.raises(InvalidInput, match=r"127\.0\.0\.1 port 65536: [^.]{20,}\. Change \[server\.metrics\]\.$"):
        MetricsEndpoint(of_facility(None), RequestCounts(frozenset()), "127.0.0.1", 65536)
