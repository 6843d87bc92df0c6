"""One request and its answer, as uvicorn keeps them; an answer that is ready is written at once."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from superfacility.http.ready_answers import EXTENSION


class Exchange(RequestResponseCycle):
    """Takes what `http/ready_answers` sends, and all of ASGI as ever."""

    async def send(self, message: Any) -> None:
        ready = message.get(EXTENSION)
        if ready is None:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self.disconnected:
            self._answer(message["status"], *ready)

    def _answer(self, status: int, lines: bytes, body: bytes) -> None:
        """All that uvicorn does with the two messages of an answer."""
        self.response_started = self.response_complete = True
        date = b"".join([b"%b: %b\r\n" % header for header in self.default_headers])
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((STATUS_LINE[status], date, lines, end, body)))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
