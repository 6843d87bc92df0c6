"""Slow hashes, a few at a time: each takes 64 MiB, and logins that come all at once wait for each other."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

from superfacility.facility.errors import Unavailable
from superfacility.oauth.identity.passwords import PasswordHashes

Value = TypeVar("Value")


class HashingDesk:
    """`at_once` hashes are made at a time, and at most `waiting` people stand in line."""

    def __init__(self, hashes: PasswordHashes, *, at_once: int = 2, waiting: int = 100) -> None:
        self._hashes = hashes
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._most = at_once + waiting
        self._inside = 0

    async def hash(self, password: str) -> str:
        return await self._do(lambda: self._hashes.hash(password))

    async def fits(self, encoded: str | None, password: str) -> bool:
        """Without a hash it costs the same, and nothing fits."""
        return await self._do(lambda: self._fits(encoded, password)) and encoded is not None

    def _fits(self, encoded: str | None, password: str) -> bool:
        nobodys = self._nobodys  # made by the first login of all, whoever that is
        return self._hashes.fits(encoded or nobodys, password)

    def outdated(self, encoded: str) -> bool:
        return self._hashes.outdated(encoded)

    @cached_property
    def _nobodys(self) -> str:
        return self._hashes.hash("the password of nobody")

    async def _do(self, work: Callable[[], Value]) -> Value:
        if self._inside >= self._most:
            raise Unavailable("Many people log in just now. Try again in a moment.", retry_after=10)
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._inside -= 1
