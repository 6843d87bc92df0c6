"""The queue's suite over SQLite and memory."""

from pathlib import Path

import pytest

from superfacility.adapters.sql import Database, FileLease, SqlAuditLog, SqlTaskQueue
from superfacility.facility.audit import AuditLog
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.task_queue import TaskQueueContract
from superfacility.testing.stores import Memory, MemoryAuditLog, MemoryLease, MemoryTaskQueue


class TestSqlTaskQueue(TaskQueueContract):
    @pytest.fixture
    def lease(self, tmp_path: Path) -> Lease:
        return FileLease(tmp_path / "workers")

    @pytest.fixture
    def queue(self, database: Database, lease: Lease, clock: FakeClock) -> TaskQueue:
        return SqlTaskQueue(database, lease, clock)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryTaskQueue(TaskQueueContract):
    @pytest.fixture
    def lease(self) -> Lease:
        return MemoryLease()

    @pytest.fixture
    def queue(self, memory: Memory, lease: Lease, clock: FakeClock) -> TaskQueue:
        return MemoryTaskQueue(memory, lease, clock)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
