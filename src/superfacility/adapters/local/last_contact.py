"""When the directory of people has last answered: a file of the state folder, for all processes of this host."""

import os
from datetime import UTC, datetime
from pathlib import Path


class FileContact:
    """The file's time says it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> datetime | None:
        try:
            return datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def remember(self, now: datetime) -> None:
        self._path.touch(mode=0o600)
        os.utime(self._path, (now.timestamp(), now.timestamp()))
