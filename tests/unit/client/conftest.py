"""A facility without a network: a transport that answers by a script, and a clock that is set by hand."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from superfacility.client.transport.messages import Body, Request

Answer = Any


class ScriptedReply:
    """Pieces of a body, or an error where one is raised in their place."""

    def __init__(self, status: int, headers: Mapping[str, str], pieces: list[bytes | Exception]) -> None:
        self.status = status
        self.headers = {"x-request-id": "r-1", **headers}
        self.closed = False
        self._pieces = deque(pieces)

    async def piece(self, timeout: float | None = None) -> bytes:
        piece = self._pieces.popleft() if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def close(self) -> None:
        self.closed = True


@dataclass
class SetClock:
    """Time passes when somebody sleeps."""

    at: datetime = datetime(2026, 5, 31, tzinfo=UTC)
    passed: float = 0.0

    def now(self) -> datetime:
        return self.at + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed


@dataclass
class ScriptedTransport:
    """Gives the answers in their order, and keeps what was asked."""

    clock: SetClock = field(default_factory=SetClock)
    answers: deque[Answer] = field(default_factory=deque)
    asked: list[Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def will(self, *answers: Answer) -> None:
        self.answers += answers

    async def send(self, request: Request) -> ScriptedReply:
        self.asked.append(request)
        if isinstance(request.body, Body):
            b"".join(request.body.pieces())
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer(request)
        return answer

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.passed += seconds

    async def offload(self, function: Callable[[], Any]) -> Any:
        return function()

    def lock(self) -> Any:
        return asyncio.Lock()

    async def close(self) -> None:
        return None


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
def reply() -> Callable[..., ScriptedReply]:
    """An answer: JSON, or pieces as they are."""

    def make(content: Any = None, status: int = 200, *, pieces: Any = None, **headers: str) -> ScriptedReply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ScriptedReply(status, named, list(pieces) if pieces is not None else [json.dumps(content).encode()])

    return make
