"""Locks by name between the processes of one host."""

import asyncio
import fcntl
import os
from pathlib import Path
from urllib.parse import quote


class FileLocks:
    """`Locks` as locked files in a folder, which the kernel unlocks when their holder ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}

    async def try_acquire(self, name: str) -> bool:
        if name not in self._held and (descriptor := await asyncio.to_thread(self._lock, name)) is not None:
            self._held[name] = descriptor
        return name in self._held

    def _lock(self, name: str) -> int | None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{quote(name, safe='')}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    async def held(self, name: str) -> bool:
        return name in self._held

    async def release(self, name: str) -> None:
        if (descriptor := self._held.pop(name, None)) is not None:
            os.close(descriptor)

    async def aclose(self) -> None:
        for name in tuple(self._held):
            await self.release(name)
