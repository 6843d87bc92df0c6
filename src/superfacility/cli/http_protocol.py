"""uvicorn's protocol with bounds for what comes before a token can be looked at: what is around the bodies."""

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_LIMIT = 64 * 1024
"""Bytes that bring neither a whole head nor a piece of a body."""
HEAD_SECONDS = 30.0
"""How long a head may take to arrive, from the connection or from its first byte."""
PIPELINED = 100
"""Requests that wait on one connection for their turn."""


class BoundedHead(HttpToolsProtocol):
    """Ends a connection whose head, chunk extension or trailer grows or waits for ever, or that asks and never listens:
    each would hold memory or a descriptor of ours."""

    _head_open = False
    _progress = False
    _fruitless = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._progress = False
        super().data_received(data)
        self._fruitless = 0 if self._progress else self._fruitless + len(data)
        if self._fruitless > HEAD_LIMIT:
            self._refuse(431, f"The head of a request may have {HEAD_LIMIT} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_open = True
        idle = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first
        if idle and self._head_timer is None:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers come here too, and would pass for headers that a proxy has let through."""
        if self._head_open:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_open, self._progress = False, True
        self._cancel_timer()
        if len(self.pipeline) >= PIPELINED:
            raise OverflowError("too many requests at once")  # uvicorn answers 400 and closes
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._progress = True
        super().on_body(body)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(
            HEAD_SECONDS, self._refuse, 408, f"No whole head of a request came within {HEAD_SECONDS:g} seconds."
        )

    def _cancel_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: int, words: str) -> None:
        self._cancel_timer()
        self._fruitless = 0
        answer = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(
            words
        )
        self.transport.write(STATUS_LINE[status] + answer + words.encode("ascii"))
        self.transport.close()
