"""Stores that live in memory, for tests: the same promises as the SQL ones (the same contract suites run over both),
but for durability. All of one test share one `Memory`.
"""

from superfacility.testing.stores.accounts import MemoryAccountStore, MemoryAttemptLog, MemoryIdentityStore
from superfacility.testing.stores.admissions import MemoryAdmissions
from superfacility.testing.stores.allocations import MemoryAllocations
from superfacility.testing.stores.allowances import MemoryAllowances
from superfacility.testing.stores.answers import MemoryAnswerStore
from superfacility.testing.stores.applications import MemoryApplicationStore, MemoryTicketStore
from superfacility.testing.stores.callbacks import MemoryCallbackStore
from superfacility.testing.stores.clients import MemoryAssertionLog, MemoryClientStore
from superfacility.testing.stores.directory_mirror import MemoryDirectoryMirror
from superfacility.testing.stores.events import MemoryEventLog
from superfacility.testing.stores.ledger import MemoryLedger
from superfacility.testing.stores.locks import MemoryLocks
from superfacility.testing.stores.logins import MemoryLoginSessionStore
from superfacility.testing.stores.memory import Memory, MemoryAuditLog
from superfacility.testing.stores.people import MemoryPeople
from superfacility.testing.stores.registration import (
    MemoryClientRequestStore,
    MemoryCollaborationAccounts,
    MemoryWarningLog,
)
from superfacility.testing.stores.revoked_tokens import MemoryRevokedTokens
from superfacility.testing.stores.snapshots import MemorySnapshotStore
from superfacility.testing.stores.status_board import MemoryStatusBoard
from superfacility.testing.stores.task_queue import MemoryLease, MemoryTaskQueue

__all__ = [
    "Memory",
    "MemoryAccountStore",
    "MemoryAdmissions",
    "MemoryAllocations",
    "MemoryAllowances",
    "MemoryAnswerStore",
    "MemoryApplicationStore",
    "MemoryAssertionLog",
    "MemoryAttemptLog",
    "MemoryAuditLog",
    "MemoryCallbackStore",
    "MemoryClientRequestStore",
    "MemoryClientStore",
    "MemoryCollaborationAccounts",
    "MemoryDirectoryMirror",
    "MemoryEventLog",
    "MemoryIdentityStore",
    "MemoryLease",
    "MemoryLedger",
    "MemoryLocks",
    "MemoryLoginSessionStore",
    "MemoryPeople",
    "MemoryRevokedTokens",
    "MemorySnapshotStore",
    "MemoryStatusBoard",
    "MemoryTaskQueue",
    "MemoryTicketStore",
    "MemoryWarningLog",
]
