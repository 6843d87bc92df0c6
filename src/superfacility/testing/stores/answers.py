"""What requests with a key of their own were answered."""

from dataclasses import replace
from datetime import datetime

from superfacility.tasks.keys import IdempotencyKey, KeptAnswer
from superfacility.testing.stores.memory import Memory
from superfacility.testing.stores.task_queue import scope_of


class MemoryAnswerStore:
    """`AnswerStore` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._kept = memory.answers

    async def begin(self, key: IdempotencyKey, at: datetime) -> KeptAnswer | None:
        if (found := self._kept.get(scope_of(key))) is None:
            self._kept[scope_of(key)] = KeptAnswer(key.fingerprint, at, None)
        return found

    async def find(self, key: IdempotencyKey) -> KeptAnswer | None:
        return self._kept.get(scope_of(key))

    async def keep(self, key: IdempotencyKey, text: str) -> None:
        if (found := self._kept.get(scope_of(key))) is not None:
            self._kept[scope_of(key)] = replace(found, text=text)

    async def drop(self, key: IdempotencyKey) -> None:
        if (found := self._kept.get(scope_of(key))) is not None and found.text is None:
            del self._kept[scope_of(key)]

    async def forget(self, before: datetime) -> int:
        old = [scope for scope, kept in self._kept.items() if kept.begun_at < before]
        for scope in old:
            del self._kept[scope]
        return len(old)
