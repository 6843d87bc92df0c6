"""Server-sent events: frames, and a response that costs next to nothing while nothing happens.

An idle stream is one coroutine that waits for its caller to go. What is to be sent is pushed from outside, and a task
lives only while something is on its way: a task and a generator for each stream, as frameworks have it, would cost
several times the memory.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from superfacility.facility.errors import FacilityError
from superfacility.facility.events import Event, EventFilter
from superfacility.services.compute.visibility import Viewer
from superfacility.services.events.feed import Feed

MEDIA_TYPE = "text/event-stream"
UNREAD_BYTES = 256 * 1024
"""How much may wait for a caller that does not read; more ends the stream."""
RETRY_MS = 3000

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


def frame(data: Mapping[str, Any], *, kind: str = "", event_id: int | None = None) -> bytes:
    """One event. JSON has no line ends, so one line of data is enough."""
    head = b"" if event_id is None else b"id: %d\n" % event_id
    if kind:
        head += b"event: %s\n" % kind.encode()
    return head + b"data: " + orjson.dumps(data) + b"\n\n"


class _Frames:
    """The frame of the last event: all listeners get the same one after the other."""

    def __init__(self) -> None:
        self._event: Event | None = None
        self._frame = b""

    def of(self, event: Event) -> bytes:
        if event is not self._event:
            what = event.what
            about = {"system": what.system, "subject": what.subject, "user": what.user, "project": what.project}
            data = {"at": what.at.isoformat()} | about | dict(what.data)
            self._event, self._frame = event, frame(data, kind=what.kind.value, event_id=event.id)
        return self._frame


_frames = _Frames()


class Outlet:
    """The sending side of one stream: bytes are pushed in and leave in order."""

    __slots__ = ("_ending", "_send", "_task", "_waiting")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: list[bytes] = []
        self._task: asyncio.Task[None] | None = None
        self._ending = False

    def push(self, data: bytes) -> None:
        if self._ending:
            return
        self._waiting.append(data)
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        elif len(self._waiting) > 1 and sum(map(len, self._waiting)) > UNREAD_BYTES:
            self._waiting.clear()
            self.end()

    def end(self) -> None:
        """Close the stream as soon as the caller has read what is on its way."""
        self._ending = True
        if self._task is None:
            self._task = asyncio.create_task(self._drain())

    async def drained(self) -> None:
        if self._task is not None:
            await asyncio.wait({self._task})

    def drop(self) -> None:
        """The caller is gone."""
        self._ending = True
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    async def _drain(self) -> None:
        try:
            while self._waiting:
                data = b"".join(self._waiting)
                self._waiting.clear()
                await self._send({"type": "http.response.body", "body": data, "more_body": True})
            if self._ending:
                await self._send({"type": "http.response.body", "body": b""})
        finally:
            self._task = None


class EventStream(Response):
    """Events of a feed for one caller. `still_allowed` is asked with every beat; `room` is held while it lasts."""

    def __init__(
        self,
        feed: Feed,
        wanted: EventFilter,
        viewer: Viewer,
        after: int | None,
        *,
        still_allowed: Callable[[], Awaitable[bool]],
        room: AbstractContextManager[None],
    ) -> None:
        self.status_code = 200
        self.background = None
        self.body = b""
        self.raw_headers = _HEADERS
        self._feed = feed
        self._wanted = wanted
        self._viewer = viewer
        self._last = after or 0
        self._after = after
        self._still_allowed = still_allowed
        self._room = room
        self._outlet: Outlet | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._room:
            await send({"type": "http.response.start", "status": 200, "headers": list(self.raw_headers)})
            self._outlet = outlet = Outlet(send)
            outlet.push(
                b"retry: %d\nid: %d\n\n" % (RETRY_MS, self._feed.position if self._after is None else self._last)
            )
            try:
                await self._feed.join(self, self._after)
                await self._check()  # what changed before it joined
                while (await receive())["type"] != "http.disconnect":
                    pass
            except FacilityError:
                outlet.end()
                await outlet.drained()
            finally:
                self._feed.leave(self)
                outlet.drop()

    def deliver(self, event: Event) -> None:
        if event.id <= self._last:
            return
        self._last = event.id
        if self._wanted.matches(event.what) and self._viewer.sees(event.what):
            self._push(_frames.of(event))

    def reset(self, position: int) -> None:
        self._last = position
        words = "Events after the one you named are not kept any more: read the present state, and go on from here."
        self._push(frame({"detail": words}, kind="reset", event_id=position))

    async def ready(self) -> None:
        if self._outlet is not None:
            await self._outlet.drained()

    async def beat(self, position: int) -> None:
        if await self._check():
            self._push(b":\nid: %d\n\n" % position)

    async def _check(self) -> bool:
        if allowed := await self._still_allowed():
            return allowed
        self._push(b": the access token has ended; come back with a new one\n\n")
        self.end()
        return False

    def end(self) -> None:
        self._feed.leave(self)
        if self._outlet is not None:
            self._outlet.end()

    def _push(self, data: bytes) -> None:
        if self._outlet is not None:
            self._outlet.push(data)
