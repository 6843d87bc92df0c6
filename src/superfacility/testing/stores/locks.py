"""Locks in memory: each `MemoryLocks` is a process of its own."""

from superfacility.testing.stores.memory import Memory


class MemoryLocks:
    """`Locks` in memory. `die` is what the end of the process would do."""

    def __init__(self, memory: Memory) -> None:
        self._holders = memory.locks

    async def try_acquire(self, name: str) -> bool:
        return self._holders.setdefault(name, self) is self

    async def held(self, name: str) -> bool:
        return self._holders.get(name) is self

    async def release(self, name: str) -> None:
        if await self.held(name):
            del self._holders[name]

    async def aclose(self) -> None:
        self.die()

    def die(self) -> None:
        for name in [name for name, holder in self._holders.items() if holder is self]:
            del self._holders[name]
