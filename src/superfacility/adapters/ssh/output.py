"""What comes out of a channel: the bytes of the running command up to a mark, streamed, and kept up to a limit."""

from collections.abc import Callable

_CODE = 5
"""A space, three characters, and the closing separator."""


class MarkedStream:
    """One of the two streams of a command."""

    def __init__(self, mark: str, limit: int, sink: Callable[[bytes], None] | None) -> None:
        self._mark = f"\x1e{mark}".encode()
        self._limit = limit
        self._sink = sink
        self._kept = bytearray()
        self._held = b""
        self.truncated = False
        self.code: bytes | None = None
        """Set when the mark has been seen: the exit code as it was printed."""

    def feed(self, data: bytes) -> None:
        if self.code is not None:  # said by what a command left running
            self._keep(data)
            return
        data = self._held + data
        begin = self._possible_mark(data)
        self._held = data[begin:]
        self._keep(data[:begin])
        end = len(self._mark) + _CODE
        if len(self._held) >= end:
            mark, rest = self._held[:end], self._held[end:]
            self._held = b""
            self.code = mark[-_CODE + 1 : -1].strip()
            self._keep(rest)

    def _possible_mark(self, data: bytes) -> int:
        """Where the mark begins, or may begin when more comes; the length if nowhere."""
        found = data.find(self._mark)
        if found >= 0:
            return found
        begin = data.find(b"\x1e", max(len(data) - len(self._mark), 0))
        while begin >= 0 and not self._mark.startswith(data[begin:]):
            begin = data.find(b"\x1e", begin + 1)
        return len(data) if begin < 0 else begin

    def _keep(self, data: bytes) -> None:
        kept = data[: max(self._limit - len(self._kept), 0)]
        self.truncated = self.truncated or len(kept) < len(data)
        if kept:
            self._kept += kept
            if self._sink is not None:
                self._sink(kept)

    @property
    def bytes(self) -> bytes:
        return bytes(self._kept)
