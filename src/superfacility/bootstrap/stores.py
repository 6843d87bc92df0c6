"""What an installation remembers: its database, opened, made and brought up to date."""

from dataclasses import dataclass

from superfacility.adapters.sql import (
    Database,
    SqlAccountStore,
    SqlAdmissions,
    SqlAllocations,
    SqlAllowances,
    SqlAnswerStore,
    SqlApplicationStore,
    SqlAssertionLog,
    SqlAttemptLog,
    SqlAuditChain,
    SqlAuditLog,
    SqlCallbackStore,
    SqlClientRequestStore,
    SqlClientStore,
    SqlCollaborationAccounts,
    SqlDirectoryMirror,
    SqlEventLog,
    SqlIdentityStore,
    SqlLedger,
    SqlLoginSessionStore,
    SqlPeople,
    SqlRevokedTokens,
    SqlSnapshotStore,
    SqlStatusBoard,
    SqlTaskQueue,
    SqlTicketStore,
    SqlVitals,
    SqlWarningLog,
    lease_for,
    locks_for,
    migrate,
    open_database,
)
from superfacility.core.clock import Clock, SystemClock
from superfacility.facility.errors import InvalidInput
from superfacility.facility.locks import Locks
from superfacility.facility.people import KnownUsers
from superfacility.facility.secret_files import own_key
from superfacility.oauth.keys import SigningKeys
from superfacility.settings import Settings
from superfacility.tasks.queue import Lease
from superfacility.tasks.quota import TaskQuota

WEBHOOKS_KEY = "webhooks.key"
"""In the folder of keys: what the secrets of callbacks are derived from."""
LOGIN_KEY = "login.key"
"""In the folder of keys: what second factors, logins under way and kept answers are sealed with."""
AUDIT_KEY = "audit.key"
"""In the folder of keys: what the audit log is sealed with."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What an installation remembers, and what its processes share: locks, and the workers' proof of life. `users` say
    who may use the facility now: the database, or where there is one the site's directory."""

    database: Database
    people: SqlPeople
    users: KnownUsers
    admissions: SqlAdmissions
    mirror: SqlDirectoryMirror
    clients: SqlClientStore
    client_requests: SqlClientRequestStore
    client_warnings: SqlWarningLog
    collaborations: SqlCollaborationAccounts
    assertions: SqlAssertionLog
    revoked_tokens: SqlRevokedTokens
    answers: SqlAnswerStore
    applications: SqlApplicationStore
    tickets: SqlTicketStore
    board: SqlStatusBoard
    ledger: SqlLedger
    allowances: SqlAllowances
    allocations: SqlAllocations
    audit: SqlAuditLog
    audit_chain: SqlAuditChain
    queue: SqlTaskQueue
    events: SqlEventLog
    snapshots: SqlSnapshotStore
    callbacks: SqlCallbackStore
    accounts: SqlAccountStore
    attempts: SqlAttemptLog
    identities: SqlIdentityStore
    login_sessions: SqlLoginSessionStore
    vitals: SqlVitals
    lease: Lease
    locks: Locks

    async def aclose(self) -> None:
        await self.locks.aclose()
        await self.database.aclose()


def open_stores(settings: Settings, clock: Clock | None = None) -> Stores:
    """Open the database of an installation; it must be there and of the current schema."""
    clock = clock or SystemClock()
    database = open_database(settings.database_location)
    database.prove_with(own_key(settings.path(settings.keys) / AUDIT_KEY))
    state = settings.path(settings.state)
    lease = lease_for(database, state)
    people = SqlPeople(database)
    return Stores(
        database=database,
        people=people,
        users=people,
        admissions=SqlAdmissions(database),
        mirror=SqlDirectoryMirror(database),
        clients=SqlClientStore(database),
        client_requests=SqlClientRequestStore(database),
        client_warnings=SqlWarningLog(database),
        collaborations=SqlCollaborationAccounts(database),
        assertions=SqlAssertionLog(database),
        revoked_tokens=SqlRevokedTokens(database),
        answers=SqlAnswerStore(database),
        applications=SqlApplicationStore(database),
        tickets=SqlTicketStore(database),
        board=SqlStatusBoard(database, clock),
        ledger=SqlLedger(database),
        allowances=SqlAllowances(database),
        allocations=SqlAllocations(database),
        audit=SqlAuditLog(database),
        audit_chain=SqlAuditChain(database),
        queue=SqlTaskQueue(database, lease, clock, TaskQuota(settings.limits.tasks_per_user)),
        events=SqlEventLog(database),
        snapshots=SqlSnapshotStore(database),
        callbacks=SqlCallbackStore(database),
        accounts=SqlAccountStore(database),
        attempts=SqlAttemptLog(database),
        identities=SqlIdentityStore(database),
        login_sessions=SqlLoginSessionStore(database),
        vitals=SqlVitals(database, clock),
        lease=lease,
        locks=locks_for(database, state),
    )


def migrate_database(settings: Settings) -> None:
    """Bring the database that is there to the schema of this code."""
    location = settings.database_location
    if not isinstance(location, str) and not location.is_file():
        raise InvalidInput(f"There is no database {location}; make an installation with: sfapi init DIR")
    migrate(location, own_key(settings.path(settings.keys) / AUDIT_KEY))


def prepare(settings: Settings) -> None:
    """Make what an installation needs before it can be opened: folders, database, keys."""
    for folder in (settings.keys, settings.state):
        settings.path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    migrate(settings.database_location)
    keys = settings.path(settings.keys)
    SigningKeys.create(keys)
    for name in (WEBHOOKS_KEY, LOGIN_KEY, AUDIT_KEY):
        own_key(keys / name)
