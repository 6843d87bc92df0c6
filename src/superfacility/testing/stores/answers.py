"""What requests with a key of their own were answered."""

from dataclasses import replace
from datetime import datetime

from superfacility.tasks.keys import KEPT_FOR, MOST_KEPT, IdempotencyKey, KeptAnswer, too_many_keys
from superfacility.testing.stores.memory import Memory
from superfacility.testing.stores.task_queue import scope_of


class MemoryAnswerStore:
    """`AnswerStore` in memory."""

    def __init__(self, memory: Memory, most: int = MOST_KEPT) -> None:
        self._kept = memory.answers
        self._most = most

    async def begin(self, key: IdempotencyKey, at: datetime) -> KeptAnswer | None:
        if (found := self._kept.get(scope_of(key))) is None:
            of_caller = [kept for scope, kept in self._kept.items() if scope[0] == key.client_id]
            if sum(kept.begun_at > at - KEPT_FOR for kept in of_caller) >= self._most:
                raise too_many_keys(self._most)
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
