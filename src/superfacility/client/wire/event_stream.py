"""Server-sent events out of pieces of bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ServerSent:
    """One event. Without `data` it only tells the `id` that the stream has come to."""

    id: str
    kind: str = ""
    data: dict[str, Any] | None = None


@dataclass(slots=True)
class EventReader:
    """Feed it what comes; `last_id` and `retry` are as a browser would keep them."""

    last_id: str = ""
    retry: float = 3.0
    _rest: bytes = b""
    _fields: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        """A new connection: what was left of the old one is void."""
        self._rest, self._fields = b"", {}

    def feed(self, piece: bytes) -> Iterator[ServerSent]:
        lines = (self._rest + piece).replace(b"\r\n", b"\n").split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if not line:
                yield from self._dispatch()
            else:
                self._keep(line.decode("utf-8", "replace"))

    def _keep(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data" and "data" in self._fields:
            value = f"{self._fields['data']}\n{value}"
        if name:
            self._fields[name] = value

    def _dispatch(self) -> Iterator[ServerSent]:
        fields, self._fields = self._fields, {}
        self.last_id = fields.get("id", self.last_id)
        if fields.get("retry", "").isdecimal():
            self.retry = int(fields["retry"]) / 1000
        data = json.loads(fields["data"]) if "data" in fields else None
        if data is not None or "id" in fields:
            yield ServerSent(self.last_id, fields.get("event", "message") if data is not None else "", data)
