"""The queue's suite over both databases and memory."""

from collections.abc import AsyncIterator, Sequence

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, Location, SqlTaskQueue, open_database
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.task_queue import TaskQueueContract
from superfacility.testing.contracts.task_quota import QUOTA, TaskQuotaContract
from superfacility.testing.stores import Memory, MemoryTaskQueue


class TestSqlTaskQueue(OverSql, TaskQueueContract, TaskQuotaContract):
    @pytest.fixture
    async def bounded(
        self, location: Location, database: Database, lease: Lease, clock: FakeClock
    ) -> AsyncIterator[Sequence[TaskQueue]]:
        other = open_database(location)
        yield [SqlTaskQueue(each, lease, clock, QUOTA) for each in (database, other)]
        await other.aclose()


class TestMemoryTaskQueue(InMemory, TaskQueueContract, TaskQuotaContract):
    @pytest.fixture
    def bounded(self, memory: Memory, lease: Lease, clock: FakeClock) -> Sequence[TaskQueue]:
        return [MemoryTaskQueue(memory, lease, clock, QUOTA) for _ in range(2)]
