"""When the directory has last answered, on this host, also before the server was started anew."""

from datetime import datetime
from typing import Protocol


class Contact(Protocol):
    """Kept across restarts."""

    def last(self) -> datetime | None: ...

    def remember(self, now: datetime) -> None: ...


class NoContact:
    """Remembers it for as long as it lives."""

    def __init__(self) -> None:
        self._last: datetime | None = None

    def last(self) -> datetime | None:
        return self._last

    def remember(self, now: datetime) -> None:
        self._last = now
