"""The suite of daily allowances over both databases and memory."""

from collections.abc import AsyncIterator, Sequence

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, Location, SqlAllowances, open_database
from superfacility.facility.allowances import Allowances
from superfacility.testing.contracts.allowances import AllowancesContract
from superfacility.testing.stores import Memory, MemoryAllowances


class TestSqlAllowances(OverSql, AllowancesContract):
    @pytest.fixture
    async def allowances(self, location: Location, database: Database) -> AsyncIterator[Sequence[Allowances]]:
        other = open_database(location)
        yield [SqlAllowances(database), SqlAllowances(other)]
        await other.aclose()


class TestMemoryAllowances(InMemory, AllowancesContract):
    @pytest.fixture
    def allowances(self, memory: Memory) -> Sequence[Allowances]:
        store = MemoryAllowances(memory)
        return [store, store]
