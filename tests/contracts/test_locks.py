"""The suite of Locks: files of one host, advisory locks of a server, and memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from superfacility.adapters.sql import Location, locks_for, open_database
from superfacility.facility.locks import Locks
from superfacility.testing.contracts.locks import LocksContract
from superfacility.testing.stores import Memory, MemoryLocks


class TestSqlLocks(LocksContract):
    @pytest.fixture
    def locks(self, sql_locks: Locks) -> Locks:
        return sql_locks

    @pytest.fixture
    async def elsewhere(self, location: Location, tmp_path: Path) -> AsyncIterator[Locks]:
        database = open_database(location)
        locks = locks_for(database, tmp_path)
        yield locks
        await locks.aclose()
        await database.aclose()


class TestMemoryLocks(LocksContract):
    @pytest.fixture
    def locks(self, memory: Memory) -> Locks:
        return MemoryLocks(memory)

    @pytest.fixture
    def elsewhere(self, memory: Memory) -> Locks:
        return MemoryLocks(memory)
