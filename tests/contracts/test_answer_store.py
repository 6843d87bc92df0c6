"""The suite of AnswerStore over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlAnswerStore
from superfacility.tasks.keys import AnswerStore
from superfacility.testing.contracts.answer_store import AnswerStoreContract
from superfacility.testing.stores import Memory, MemoryAnswerStore


class TestSqlAnswerStore(AnswerStoreContract):
    @pytest.fixture
    def answers(self, database: Database) -> AnswerStore:
        return SqlAnswerStore(database)


class TestMemoryAnswerStore(AnswerStoreContract):
    @pytest.fixture
    def answers(self, memory: Memory) -> AnswerStore:
        return MemoryAnswerStore(memory)
