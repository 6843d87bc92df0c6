"""uvicorn's protocol with bounds for what comes before a token can be looked at: the head of a request."""

import asyncio

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_LIMIT = 64 * 1024
"""Bytes of request line and headers, beyond the first piece that the loop reads."""
HEAD_SECONDS = 30.0
"""How long a head may take to arrive, from the connection or from its first byte."""


class BoundedHead(HttpToolsProtocol):
    """Ends a connection whose head grows or waits for ever: each would hold memory or a descriptor of ours."""

    _head_open = False
    _head_size = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.headers if self._head_open else None
        super().data_received(data)
        if self._head_open and self.headers is before:  # the same head goes on
            self._head_size += len(data)
            if self._head_size > HEAD_LIMIT:
                self._refuse(431, f"The head of a request may have {HEAD_LIMIT} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_open, self._head_size = True, 0
        idle = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first
        if idle and self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_open = False
        self._cancel_timer()
        super().on_headers_complete()

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
        self._head_open = False
        answer = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(
            words
        )
        self.transport.write(STATUS_LINE[status] + answer + words.encode("ascii"))
        self.transport.close()
