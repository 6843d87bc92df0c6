"""Prepared bytes of one reading, within bounds."""

from collections.abc import Hashable

KEPT_BYTES = 64 * 1024 * 1024


class Answers:
    """Remembers what was rendered, the latest used last to go."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._kept: dict[Hashable, bytes] = {}

    def get(self, key: Hashable) -> bytes | None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._kept[key] = found
        return found

    def keep(self, key: Hashable, value: bytes) -> bytes:
        """The value comes back, whether there was room for it or not. What is larger than all the room takes none."""
        if len(value) > self._limit:
            return value
        old = self._kept.pop(key, b"")
        self._size += len(value) - len(old)
        self._kept[key] = value
        while self._size > self._limit and self._kept:
            self._size -= len(self._kept.pop(next(iter(self._kept))))
        return value
