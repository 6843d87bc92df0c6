"""Durable storage: every store over one SQL database (SQLite or PostgreSQL), its migrations, leases and locks.

All SQL of the project lives here, and no rule of the domain: stores keep and find, services decide.
"""

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.opening import (
    Location,
    is_server,
    lease_for,
    locks_for,
    migrate,
    open_database,
)
from superfacility.adapters.sql.sqlite.locks import FileLease
from superfacility.adapters.sql.sqlite.named_locks import FileLocks
from superfacility.adapters.sql.stores.access.applications import SqlApplicationStore
from superfacility.adapters.sql.stores.access.client_requests import SqlClientRequestStore
from superfacility.adapters.sql.stores.access.client_warnings import SqlWarningLog
from superfacility.adapters.sql.stores.access.clients import SqlAssertionLog, SqlClientStore
from superfacility.adapters.sql.stores.access.collaborations import SqlCollaborationAccounts
from superfacility.adapters.sql.stores.access.revoked_tokens import SqlRevokedTokens
from superfacility.adapters.sql.stores.access.tickets import SqlTicketStore
from superfacility.adapters.sql.stores.accounting.allocations import SqlAllocations
from superfacility.adapters.sql.stores.accounting.ledger import SqlLedger
from superfacility.adapters.sql.stores.audit.chain import SqlAuditChain
from superfacility.adapters.sql.stores.audit.log import SqlAuditLog
from superfacility.adapters.sql.stores.events.callbacks import SqlCallbackStore
from superfacility.adapters.sql.stores.events.log import SqlEventLog
from superfacility.adapters.sql.stores.events.snapshots import SqlSnapshotStore
from superfacility.adapters.sql.stores.login.accounts import SqlAccountStore
from superfacility.adapters.sql.stores.login.attempts import SqlAttemptLog
from superfacility.adapters.sql.stores.login.identities import SqlIdentityStore
from superfacility.adapters.sql.stores.login.sessions import SqlLoginSessionStore
from superfacility.adapters.sql.stores.membership.admissions import SqlAdmissions
from superfacility.adapters.sql.stores.membership.directory_mirror import SqlDirectoryMirror
from superfacility.adapters.sql.stores.membership.people import SqlPeople
from superfacility.adapters.sql.stores.status.board import SqlStatusBoard
from superfacility.adapters.sql.stores.tasks.allowances import SqlAllowances
from superfacility.adapters.sql.stores.tasks.answers import SqlAnswerStore
from superfacility.adapters.sql.stores.tasks.queue import SqlTaskQueue
from superfacility.adapters.sql.stores.vitals import SqlVitals

__all__ = [
    "Database",
    "FileLease",
    "FileLocks",
    "Location",
    "SqlAccountStore",
    "SqlAdmissions",
    "SqlAllocations",
    "SqlAllowances",
    "SqlAnswerStore",
    "SqlApplicationStore",
    "SqlAssertionLog",
    "SqlAttemptLog",
    "SqlAuditChain",
    "SqlAuditLog",
    "SqlCallbackStore",
    "SqlClientRequestStore",
    "SqlClientStore",
    "SqlCollaborationAccounts",
    "SqlDirectoryMirror",
    "SqlEventLog",
    "SqlIdentityStore",
    "SqlLedger",
    "SqlLoginSessionStore",
    "SqlPeople",
    "SqlRevokedTokens",
    "SqlSnapshotStore",
    "SqlStatusBoard",
    "SqlTaskQueue",
    "SqlTicketStore",
    "SqlVitals",
    "SqlWarningLog",
    "is_server",
    "lease_for",
    "locks_for",
    "migrate",
    "open_database",
]
