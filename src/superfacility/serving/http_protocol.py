"""uvicorn's protocol with bounds for what comes before a token can be looked at: what is around the bodies."""

import asyncio
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from superfacility.http.ready_answers import EXTENSIONS
from superfacility.serving.exchange import Exchange

HEAD_LIMIT = 64 * 1024
"""Bytes that bring neither a whole head nor a piece of a body."""
HEAD_SECONDS = 30.0
"""How long a head may take to arrive, from the connection or from its first byte."""
STALL_SECONDS = 60.0
"""How long a body may bring nothing while we would read it, and how long nothing of an answer may be taken."""
LINGER_SECONDS = 1.0
"""How long a stopping server keeps a connection without a request, so that one that is on its way gets its answer."""
PIPELINED = 100
"""Requests that wait on one connection for their turn."""


class BoundedHead(HttpToolsProtocol):
    """Ends a connection whose head, chunk extension or trailer grows or waits for ever, whose body stands still, or
    that asks and never listens: each would hold memory or a descriptor of ours."""

    _stopping = False
    _head_open = False
    _body_open = False
    _progress = False
    _fruitless = 0
    _heard_at = 0.0
    _idle_since: float | None = None
    _head_timer: asyncio.TimerHandle | None = None
    _body_timer: asyncio.TimerHandle | None = None
    _answer_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        for timer in (self._body_timer, self._answer_timer, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._progress = False
        super().data_received(data)
        if self._head_open and self._head_timer is None and self._is_idle():
            self._await_head()
        self._fruitless = 0 if self._progress else self._fruitless + len(data)
        if self._fruitless > HEAD_LIMIT:
            self._refuse(431, f"The head of a request may have {HEAD_LIMIT} bytes.")
        elif self._body_open:
            self._heard_at = self.loop.time()
            if self._body_timer is None:
                self._body_timer = self.loop.call_later(STALL_SECONDS, self._check_body)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_open = True

    def on_headers_complete(self) -> None:
        self._head_open, self._body_open, self._progress = False, True, True
        self._cancel_timer()
        if len(self.pipeline) >= PIPELINED:
            raise OverflowError("too many requests at once")  # uvicorn answers 400 and closes
        self._read_request_line()
        self.headers = []  # trailers come there; among the others they would pass for what a proxy has let through
        idle, self.cycle = self._is_idle(), self._exchange()
        if idle:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _is_idle(self) -> bool:
        """Whether nothing is being answered here."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _read_request_line(self) -> None:
        scope: Any = self.scope
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = self.parser.get_http_version()
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = url.path
        scope["query_string"] = url.query or b""
        scope["extensions"] = EXTENSIONS

    def _exchange(self) -> Exchange:
        """A stopping server says in its answer that it is the last."""
        return Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=self.scope["http_version"] != "1.0" and self.parser.should_keep_alive() and not self._stopping,
            on_response=self.on_response_complete,
        )

    def shutdown(self) -> None:
        """uvicorn closes idle connections at once, under the hands of callers who are just sending their next request;
        what has come by then is lost with a reset, and nobody knows whether it was done."""
        self._stopping = True
        if self.cycle is not None and not self.cycle.response_started:  # type: ignore[redundant-expr]
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(LINGER_SECONDS, super().shutdown)

    def on_body(self, body: bytes) -> None:
        self._progress = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_open = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """As in uvicorn, which makes a timer after each answer and cancels it with the next request: here one looks
        now and then how long nothing has come."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._await_request(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _await_request(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._await_request(left)
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._answer_timer is None:
            self._await_listener()

    def _check_body(self) -> None:
        """As long as we do not read ourselves, the caller cannot be late."""
        self._body_timer = None
        if not self._body_open or self.transport.is_closing():
            return
        left = self._heard_at + STALL_SECONDS - self.loop.time()
        if left > 0 or self.flow.read_paused:
            self._body_timer = self.loop.call_later(left if left > 0 else STALL_SECONDS, self._check_body)
        elif self.cycle.response_started:
            self.transport.abort()
        else:
            self._refuse(408, f"Nothing of the body came within {STALL_SECONDS:g} seconds.")

    def _await_listener(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._answer_timer = self.loop.call_later(STALL_SECONDS, self._check_listener, waiting)

    def _check_listener(self, waiting: int) -> None:
        self._answer_timer = None
        if self.flow.write_paused and self.transport.get_write_buffer_size() >= waiting:
            self.transport.abort()
        elif self.flow.write_paused:
            self._await_listener()

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
