"""Durable storage: every store over one SQL database (SQLite), its migrations, and the lease of workers on one host.

All SQL of the project lives here, and no rule of the domain: stores keep and find, services decide.
"""

from superfacility.adapters.sql.audit import SqlAuditLog
from superfacility.adapters.sql.clients import SqlAssertionLog, SqlClientStore
from superfacility.adapters.sql.database import Database
from superfacility.adapters.sql.lease import FileLease
from superfacility.adapters.sql.ledger import SqlLedger
from superfacility.adapters.sql.people import SqlPeople
from superfacility.adapters.sql.schema import migrate
from superfacility.adapters.sql.status_board import SqlStatusBoard
from superfacility.adapters.sql.task_queue import SqlTaskQueue

__all__ = [
    "Database",
    "FileLease",
    "SqlAssertionLog",
    "SqlAuditLog",
    "SqlClientStore",
    "SqlLedger",
    "SqlPeople",
    "SqlStatusBoard",
    "SqlTaskQueue",
    "migrate",
]
