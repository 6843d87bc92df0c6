"""Stores that live in memory, for tests: the same promises as the SQL ones (the same contract suites run over both),
but for durability. All of one test share one `Memory`.
"""

from superfacility.testing.stores.clients import MemoryAssertionLog, MemoryClientStore
from superfacility.testing.stores.ledger import MemoryLedger
from superfacility.testing.stores.memory import Memory, MemoryAuditLog
from superfacility.testing.stores.people import MemoryPeople
from superfacility.testing.stores.status_board import MemoryStatusBoard
from superfacility.testing.stores.task_queue import MemoryLease, MemoryTaskQueue

__all__ = [
    "Memory",
    "MemoryAssertionLog",
    "MemoryAuditLog",
    "MemoryClientStore",
    "MemoryLease",
    "MemoryLedger",
    "MemoryPeople",
    "MemoryStatusBoard",
    "MemoryTaskQueue",
]
