"""Counts requests and how long they took, around the application."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes of durations, in seconds."""
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Durations:
    """How many answers began within each bound (and later than all), and their seconds together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


@dataclass(slots=True)
class RequestCounts:
    """By endpoint group, method and status; a caller cannot add groups or methods. `open` are under way."""

    groups: frozenset[str]
    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    durations: dict[str, Durations] = field(default_factory=dict)
    open: int = 0

    def add(self, group: str, method: str, status: int, seconds: float) -> None:
        self.requests[group, method if method in _METHODS else "other", status] += 1
        found = self.durations.get(group)
        if found is None:
            found = self.durations[group] = Durations()
        found.add(seconds)


class Measured:
    """Plain ASGI around the application. The duration ends with the first byte of the answer: streams stay open."""

    def __init__(self, app: Any, base_path: str, counts: RequestCounts) -> None:
        self._app = app
        self._base = base_path + "/"
        self._counts = counts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        counts, began, status = self._counts, perf_counter(), 0

        async def watch(message: Any) -> None:
            nonlocal status
            if not status and message["type"] == "http.response.start":
                status = message["status"]
                counts.add(self._group(scope["path"]), scope["method"], status, perf_counter() - began)
            await send(message)

        counts.open += 1
        try:
            await self._app(scope, receive, watch)
        finally:
            counts.open -= 1
            if not status:  # the caller left, or nothing could be answered
                counts.add(self._group(scope["path"]), scope["method"], 0, perf_counter() - began)

    def _group(self, path: str) -> str:
        group = path[len(self._base) :].partition("/")[0] if path.startswith(self._base) else path[1:].partition("/")[0]
        return group if group in self._counts.groups else "other"
