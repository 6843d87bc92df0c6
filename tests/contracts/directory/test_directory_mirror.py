"""The suite of DirectoryMirror over both databases and memory."""

import pytest

from superfacility.adapters.sql import (
    Database,
    SqlAccountStore,
    SqlAuditLog,
    SqlClientRequestStore,
    SqlClientStore,
    SqlCollaborationAccounts,
    SqlDirectoryMirror,
    SqlIdentityStore,
    SqlPeople,
    SqlTaskQueue,
)
from superfacility.facility.audit import AuditLog
from superfacility.facility.membership.directory import DirectoryMirror
from superfacility.facility.people import People
from superfacility.oauth.identity.accounts import AccountStore
from superfacility.oauth.identity.providers import IdentityStore
from superfacility.oauth.registration.collaborations import CollaborationAccounts
from superfacility.oauth.registration.requests import ClientRequestStore
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.directory_mirror import ALICE, DirectoryMirrorContract, new
from superfacility.testing.stores import (
    Memory,
    MemoryAccountStore,
    MemoryAuditLog,
    MemoryClientRequestStore,
    MemoryCollaborationAccounts,
    MemoryDirectoryMirror,
    MemoryIdentityStore,
    MemoryLease,
    MemoryPeople,
    MemoryTaskQueue,
)


class TestSqlDirectoryMirror(DirectoryMirrorContract):
    @pytest.fixture
    def mirror(self, database: Database) -> DirectoryMirror:
        return SqlDirectoryMirror(database)

    @pytest.fixture
    def people(self, database: Database) -> People:
        return SqlPeople(database)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)

    @pytest.fixture
    def accounts(self, database: Database) -> AccountStore:
        return SqlAccountStore(database)

    @pytest.fixture
    def identities(self, database: Database) -> IdentityStore:
        return SqlIdentityStore(database)

    @pytest.fixture
    def queue(self, database: Database, sql_lease: Lease) -> TaskQueue:
        return SqlTaskQueue(database, sql_lease, FakeClock())

    @pytest.fixture
    def requests(self, database: Database) -> ClientRequestStore:
        return SqlClientRequestStore(database)

    @pytest.fixture
    def managed(self, database: Database) -> CollaborationAccounts:
        return SqlCollaborationAccounts(database)

    async def test_every_process_learns_of_it(self, database: Database, mirror: DirectoryMirror) -> None:
        before = await SqlClientStore(database).generation()
        await mirror.apply([new(ALICE)])
        assert await SqlClientStore(database).generation() > before


class TestMemoryDirectoryMirror(DirectoryMirrorContract):
    @pytest.fixture
    def mirror(self, memory: Memory) -> DirectoryMirror:
        return MemoryDirectoryMirror(memory)

    @pytest.fixture
    def people(self, memory: Memory) -> People:
        return MemoryPeople(memory)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)

    @pytest.fixture
    def accounts(self, memory: Memory) -> AccountStore:
        return MemoryAccountStore(memory)

    @pytest.fixture
    def identities(self, memory: Memory) -> IdentityStore:
        return MemoryIdentityStore(memory)

    @pytest.fixture
    def queue(self, memory: Memory) -> TaskQueue:
        return MemoryTaskQueue(memory, MemoryLease(), FakeClock())

    @pytest.fixture
    def requests(self, memory: Memory) -> ClientRequestStore:
        return MemoryClientRequestStore(memory)

    @pytest.fixture
    def managed(self, memory: Memory) -> CollaborationAccounts:
        return MemoryCollaborationAccounts(memory)
