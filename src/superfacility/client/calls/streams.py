"""Streams of events that go on after a lost connection where they were."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from superfacility.client.errors import SuperfacilityError, TimedOut, Unavailable
from superfacility.client.transport.messages import Broken, Reply
from superfacility.client.wire.event_stream import EventReader, ServerSent
from superfacility.client.wire.session import Ask, Session

_SILENCE = 45.0
"""Seconds without a sign of life, of which a server gives one every 15, until a connection counts as lost."""
_AGAIN = 5.0


class Deadline:
    """When the caller stops waiting; never, if it gave no time."""

    def __init__(self, session: Session, timeout: float | None) -> None:
        self._monotonic: Callable[[], float] = session.clock.monotonic
        self._end = None if timeout is None else self._monotonic() + timeout

    @property
    def left(self) -> float | None:
        return None if self._end is None else self._end - self._monotonic()

    def check(self, what: str) -> None:
        if self.left is not None and self.left <= 0:
            raise TimedOut(f"The time to wait is over: {what}")

    def within(self, seconds: float) -> float:
        """So many seconds, or as many as are left."""
        return seconds if self.left is None else max(0.0, min(seconds, self.left))


async def server_sent(
    session: Session, path: str, query: Mapping[str, Any], reader: EventReader, deadline: Deadline, what: str
) -> AsyncIterator[ServerSent]:
    """All events until the server ends the stream for good (404, not permitted) or time is over."""
    opened = False
    while True:
        deadline.check(what)
        try:
            reply = await _opened(session, path, query, reader)
        except Unavailable:
            if not opened:
                raise
            await session.transport.sleep(deadline.within(_AGAIN))
            continue
        opened = True
        try:
            while piece := await reply.piece(deadline.within(_SILENCE) or 0.001):
                for event in reader.feed(piece):
                    yield event
                deadline.check(what)
        except Broken:
            pass
        finally:
            await reply.close()
        deadline.check(what)
        await session.transport.sleep(deadline.within(reader.retry))


async def _opened(session: Session, path: str, query: Mapping[str, Any], reader: EventReader) -> Reply:
    reader.begin()
    headers = {"last-event-id": reader.last_id} if reader.last_id else {}
    ask = Ask("GET", path, query, headers=headers)
    reply = await session.reply(ask, accept="text/event-stream", timeout=_SILENCE)
    if not reply.headers.get("content-type", "").startswith("text/event-stream"):
        await reply.close()
        raise SuperfacilityError(f"{path} is no stream of events here.")
    return reply
