"""`/metrics` for Prometheus, on a port of its own: what one process counts, and what the installation knows.

Each server process has its own port, counted up from the configured one. What the installation as a whole knows (open
tasks, deliveries, clients) every process tells alike: aggregate it by `max`, not by `sum`.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, start_http_server
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from structlog import get_logger

from superfacility.bootstrap.runtime import Runtime
from superfacility.core.logging import log_budget
from superfacility.facility.errors import InvalidInput
from superfacility.facility.installation import Vitals
from superfacility.serving.measured import BOUNDS, RequestCounts

_PATIENCE = 5.0
_log = get_logger(__name__)


class Requests(Collector):
    """What this process has answered."""

    def __init__(self, counts: RequestCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "sfapi_requests", "Requests answered; status 0: the caller left.", labels=("group", "method", "status")
        )
        for (group, method, status), count in list(self._counts.requests.items()):
            requests.add_metric((group, method, str(status)), count)
        yield requests
        seconds = HistogramMetricFamily(
            "sfapi_request_seconds", "Seconds to the first byte of an answer.", labels=("group",)
        )
        for group, durations in list(self._counts.durations.items()):
            seconds.add_metric((group,), _buckets(durations.counts), durations.total)
        yield seconds
        yield GaugeMetricFamily("sfapi_requests_open", "Requests under way.", self._counts.open)


class LogLines(Collector):
    """Lines of the log, also those that were left out of it."""

    def collect(self) -> Iterator[Metric]:
        budget = log_budget()
        lines = CounterMetricFamily("sfapi_log_lines", "Lines of the log by their fate.", labels=("fate",))
        if budget is not None:
            lines.add_metric(("written",), budget.passed)
            lines.add_metric(("left out",), budget.left_out)
        yield lines


class Facility(Collector):
    """What this process knows of its systems and of the audit log."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterator[Metric]:
        collectors = self._runtime.services.jobs.collectors
        age = GaugeMetricFamily(
            "sfapi_reading_age_seconds", "Since the latest reading of a system's queue began.", labels=("system",)
        )
        answers = GaugeMetricFamily("sfapi_scheduler_answers", "1 while a scheduler answers.", labels=("system",))
        for name, collector in collectors.items():
            if (seconds := collector.age) is not None:
                age.add_metric((name,), seconds)
            answers.add_metric((name,), float(collector.answers))
        yield from (age, answers)
        sealer = self._runtime.sealer
        if sealer.head is not None:  # this process seals for all
            yield GaugeMetricFamily("sfapi_audit_position", "Position of the last seal.", sealer.head.position)
            yield InfoMetricFamily("sfapi_audit_head", "The last seal.", {"seal": str(sealer.head)})
            yield GaugeMetricFamily("sfapi_audit_broken", "1 if the audit log was cut.", float(sealer.broken))
            yield CounterMetricFamily(
                "sfapi_audit_foreign", "Rows of audit that were sealed and are not ours.", sealer.foreign
            )


class Installation(Collector):
    """What the database says, asked once a scrape. Where it does not answer in time these are left out."""

    def __init__(self, runtime: Runtime, loop: asyncio.AbstractEventLoop) -> None:
        self._runtime = runtime
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        found = self._vitals()
        yield GaugeMetricFamily("sfapi_database_answers", "1 if the database answered.", float(found is not None))
        if found is None:
            return
        yield GaugeMetricFamily("sfapi_tasks_open", "Tasks that have not ended.", found.open_tasks)
        yield GaugeMetricFamily("sfapi_task_oldest_seconds", "Age of the oldest open task.", found.oldest_task_seconds)
        yield GaugeMetricFamily("sfapi_deliveries_pending", "Callbacks to be sent.", found.pending_deliveries)
        yield GaugeMetricFamily("sfapi_audit_unsealed", "Rows of audit that wait for their seal.", found.unsealed_audit)
        clients = GaugeMetricFamily("sfapi_clients", "Clients in force.", labels=("level",))
        for level, count in found.clients.items():
            clients.add_metric((level,), count)
        yield clients

    def _vitals(self) -> Vitals | None:
        asked = asyncio.run_coroutine_threadsafe(self._runtime.stores.vitals.read(), self._loop)
        try:
            return asked.result(_PATIENCE)
        except Exception as problem:  # whatever it is: other metrics must be told all the same
            asked.cancel()
            _log.warning("metrics of the database not read", problem=str(problem) or type(problem).__name__)
            return None


class MetricsEndpoint:
    """A small server in a thread of its own, so that a busy process can still be watched."""

    def __init__(self, runtime: Runtime, counts: RequestCounts, host: str, port: int) -> None:
        registry = CollectorRegistry()
        for each in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            registry.register(each)
        registry.register(Requests(counts))
        registry.register(LogLines())
        registry.register(Facility(runtime))
        registry.register(Installation(runtime, asyncio.get_running_loop()))
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except (OSError, OverflowError) as problem:  # the second for ports that count up beyond the last
            why = getattr(problem, "strerror", None) or str(problem).removesuffix(".")
            raise InvalidInput(
                f"Metrics cannot be served on {host} port {port}: {why}. Change [server.metrics]."
            ) from problem

    @property
    def port(self) -> int:
        found: int = self._server.server_port
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _buckets(counts: list[int]) -> list[Any]:
    total, found = 0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
        total += count
        found.append((bound, total))
    return found
