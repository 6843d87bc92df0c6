"""The suite of AnswerStore over both databases and memory."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from superfacility.adapters.sql import Database, SqlAnswerStore
from superfacility.tasks.keys import AnswerStore
from superfacility.testing.contracts.answer_store import KEY, NARROW, NOW, AnswerStoreContract
from superfacility.testing.stores import Memory, MemoryAnswerStore


class TestSqlAnswerStore(AnswerStoreContract):
    @pytest.fixture
    def answers(self, database: Database) -> AnswerStore:
        return SqlAnswerStore(database)

    @pytest.fixture
    def narrow(self, database: Database) -> AnswerStore:
        return SqlAnswerStore(database, NARROW)

    async def test_many_are_forgotten_in_pieces(
        self, database: Database, answers: AnswerStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each is a transaction of its own, so that nobody else's write waits for all."""
        monkeypatch.setattr("superfacility.adapters.sql.stores.tasks.answers.PURGE_AT_ONCE", 3)
        for number in range(9):
            await answers.begin(replace(KEY, path=f"/{number % 2}", key=f"{number % 4}-{number}"), NOW)
        await answers.begin(KEY, NOW + timedelta(seconds=1))
        pieces: list[int] = []
        write = database.write

        async def counted(*arguments: Any, **more: Any) -> Any:
            pieces.append(await write(*arguments, **more))
            return pieces[-1]

        monkeypatch.setattr(database, "write", counted)
        assert await answers.forget(NOW + timedelta(seconds=1)) == 9
        assert pieces == [3, 3, 3, 0]
        assert await answers.find(KEY) is not None


class TestMemoryAnswerStore(AnswerStoreContract):
    @pytest.fixture
    def answers(self, memory: Memory) -> AnswerStore:
        return MemoryAnswerStore(memory)

    @pytest.fixture
    def narrow(self, memory: Memory) -> AnswerStore:
        return MemoryAnswerStore(memory, NARROW)
