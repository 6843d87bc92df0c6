"""The suite of CallbackStore over SQL and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlCallbackStore
from superfacility.facility.deliveries import CallbackStore
from superfacility.testing.contracts.callback_store import CallbackStoreContract
from superfacility.testing.stores import Memory
from superfacility.testing.stores.callbacks import MemoryCallbackStore


class TestSqlCallbackStore(CallbackStoreContract):
    @pytest.fixture
    def callbacks(self, database: Database) -> CallbackStore:
        return SqlCallbackStore(database)


class TestMemoryCallbackStore(CallbackStoreContract):
    @pytest.fixture
    def callbacks(self, memory: Memory) -> CallbackStore:
        return MemoryCallbackStore(memory)
