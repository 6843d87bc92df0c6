"""The queue's suite over both databases and memory."""

from collections.abc import AsyncIterator, Sequence

import pytest

from superfacility.adapters.sql import Database, Location, SqlAuditLog, SqlTaskQueue, open_database
from superfacility.facility.audit import AuditLog
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.task_queue import TaskQueueContract
from superfacility.testing.contracts.task_quota import QUOTA, TaskQuotaContract
from superfacility.testing.stores import Memory, MemoryAuditLog, MemoryLease, MemoryTaskQueue


class TestSqlTaskQueue(TaskQueueContract, TaskQuotaContract):
    @pytest.fixture
    def lease(self, sql_lease: Lease) -> Lease:
        return sql_lease

    @pytest.fixture
    def queue(self, database: Database, lease: Lease, clock: FakeClock) -> TaskQueue:
        return SqlTaskQueue(database, lease, clock)

    @pytest.fixture
    async def bounded(
        self, location: Location, database: Database, lease: Lease, clock: FakeClock
    ) -> AsyncIterator[Sequence[TaskQueue]]:
        other = open_database(location)
        yield [SqlTaskQueue(each, lease, clock, QUOTA) for each in (database, other)]
        await other.aclose()

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryTaskQueue(TaskQueueContract, TaskQuotaContract):
    @pytest.fixture
    def lease(self) -> Lease:
        return MemoryLease()

    @pytest.fixture
    def queue(self, memory: Memory, lease: Lease, clock: FakeClock) -> TaskQueue:
        return MemoryTaskQueue(memory, lease, clock)

    @pytest.fixture
    def bounded(self, memory: Memory, lease: Lease, clock: FakeClock) -> Sequence[TaskQueue]:
        return [MemoryTaskQueue(memory, lease, clock, QUOTA) for _ in range(2)]

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
