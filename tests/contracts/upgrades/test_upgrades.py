"""Every schema that was ever released comes to today's with its data, on both databases (goal R12)."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.pool import StaticPool
from tests.contracts.upgrades.data import AT, ROWS, fill

from superfacility.adapters.local.audit_witness import FileWitness
from superfacility.adapters.sql import (
    Database,
    Location,
    SqlAccountStore,
    SqlAllocations,
    SqlApplicationStore,
    SqlAuditChain,
    SqlAuditLog,
    SqlCallbackStore,
    SqlClientStore,
    SqlEventLog,
    SqlIdentityStore,
    SqlLedger,
    SqlPeople,
    SqlSnapshotStore,
    SqlStatusBoard,
    SqlTaskQueue,
    migrate,
    migrations,
    open_database,
)
from superfacility.adapters.sql.postgresql.connections import open_engine as open_server
from superfacility.adapters.sql.sqlite.connections import open_engine as open_file
from superfacility.adapters.sql.tables import SCHEMA
from superfacility.core.clock import SystemClock
from superfacility.facility.accounting.allocations import HoursKind
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import ProjectName
from superfacility.oauth.clients import ClientId
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.audit import Sealer, verify
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.task import TaskId, TaskStatus
from superfacility.testing.postgresql import PostgreSQL
from superfacility.testing.stores import MemoryLease

KEY = b"k" * 32
THEN = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=AT)
VERSIONS = Path(migrations.__file__).parent
REVISIONS = sorted(each.revision for each in ScriptDirectory(str(VERSIONS)).walk_revisions())


def _at(location: Location, revision: str, then: Callable[[Connection], Any]) -> Any:
    """Bring an empty database to that schema, and do something with it there."""
    if isinstance(location, Path):
        engine = open_file(location, read_only=False, pool=StaticPool)
    else:
        engine = open_server(str(location), 1)
    configuration = Config()
    configuration.set_main_option("script_location", str(VERSIONS))
    try:
        with engine.connect().execution_options(
            **({} if isinstance(location, Path) else {"isolation_level": "READ COMMITTED"})
        ) as connection:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, revision)
            found = then(connection)
            connection.commit()
            return found
    finally:
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "sqlite":
        return tmp_path / "old.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
async def upgraded(empty: Location, revision: str) -> AsyncIterator[Database]:
    """A database that was filled at an old schema and is at today's."""
    _at(empty, revision, lambda connection: fill(connection, revision))
    migrate(empty, KEY)
    database = open_database(empty)
    database.prove_with(KEY)
    yield database
    await database.aclose()


def test_all_schemas_are_here() -> None:
    assert REVISIONS[0] == "0001"
    assert REVISIONS[-1] == SCHEMA
    assert set(ROWS) <= set(REVISIONS)


async def test_what_an_old_schema_held_is_read_by_todays_stores(upgraded: Database, revision: str) -> None:
    assert [each for each in await upgraded.check() if "damaged" in each or "missing row" in each] == []
    await _people(upgraded)
    if revision < "0012":  # later, the sums of charges are made with each charge
        await _hours(upgraded)
    await _clients(upgraded)
    await _tasks(upgraded)
    await _status(upgraded)
    if revision < "0012":
        ledger = await SqlLedger(upgraded).usage()
        assert [(each.project, each.user, each.node_hours) for each in ledger] == [("m0001", "ada", 2.5)]
    if revision >= "0002":
        await _events(upgraded)
    if revision >= "0004":
        await _callbacks(upgraded)
    if revision >= "0006":
        await _logins_and_applications(upgraded)


async def _people(database: Database) -> None:
    people = SqlPeople(database)
    ada, bob = [await people.user(name) for name in ("ada", "bob")]  # type: ignore[arg-type]
    assert ada is not None
    assert bob is not None
    assert (ada.uid, ada.email, ada.staff, ada.last_name) == (1001, "ada@example.org", True, "Lovelace")
    assert not bob.active
    (project,) = await people.projects()
    assert (project.name, project.description) == ("m0001", "Engines")
    assert project.allocation.project_bytes == 1 << 40
    roles = {each.user: each.role.value for each in await people.memberships(project=project.name)}
    assert roles == {"ada": "pi", "bob": "user"}
    (group,) = await people.groups(member="bob")  # type: ignore[arg-type]
    assert (group.name, group.gid) == ("engines", 5001)


async def _hours(database: Database) -> None:
    standings = await SqlAllocations(database).standings([ProjectName("m0001")])
    cpu = next(each for each in standings if each.allocation.kind is HoursKind.CPU)
    assert (cpu.allocation.hours, cpu.used) == (100.0, 2.5)


async def _clients(database: Database) -> None:
    client = await SqlClientStore(database).client(ClientId("abcdefghijklm"))
    assert client is not None
    assert (client.user, client.level, client.name) == ("ada", SecurityLevel.RED, "pipeline")
    assert client.ranges == ("192.0.2.0/28",)
    assert [key.jwk["kid"] for key in client.keys] == ["k1"]
    assert client.expires_at == THEN + timedelta(days=1)


async def _tasks(database: Database) -> None:
    queue = SqlTaskQueue(database, MemoryLease(), SystemClock())
    waiting, done = [await queue.task(TaskId(number)) for number in ("1", "2")]
    assert waiting is not None
    assert done is not None
    assert (waiting.status, waiting.intent, waiting.created_at) == (TaskStatus.NEW, {"path": "/x"}, THEN)
    assert (done.status, done.result) == (TaskStatus.COMPLETED, {"status": "ok", "jobid": "7", "error": None})
    assert await queue.accepted(IdempotencyKey("abcdefghijklm", "POST", "/x", "k", "f")) == waiting
    assert await queue.by_reference("copy", "r1") == waiting


async def _status(database: Database) -> None:
    board = SqlStatusBoard(database, SystemClock())
    (resource,) = await board.resources()
    (outage,) = await board.outages()
    (note,) = await board.notes()
    assert (resource.name, resource.full_name, resource.updated_at) == ("perlmutter", "Perlmutter", THEN)
    assert (outage.description, outage.end_at) == ("Maintenance", THEN + timedelta(days=1))
    assert (note.text, note.starts_at) == ("Be gentle", None)


async def _events(database: Database) -> None:
    (event,) = await SqlEventLog(database).after(0)
    assert (event.what.subject, event.what.user, event.what.at) == ("7", "ada", THEN)
    snapshot = await SqlSnapshotStore(database).latest("perlmutter", "queue")
    assert snapshot is not None
    assert snapshot.payload == b"\x00payload"


async def _callbacks(database: Database) -> None:
    store = SqlCallbackStore(database)
    (delivery,) = await store.deliveries("ada")  # type: ignore[arg-type]
    assert (delivery.what.message_id, delivery.attempts, delivery.status) == ("msg_1", 1, 500)
    assert (await store.cursor(), [each.task_id for each in await store.unbound()]) == (1, ["1"])
    salt = await store.salt("ada")  # type: ignore[arg-type]
    assert salt is not None
    assert salt.current == "salt"


async def _logins_and_applications(database: Database) -> None:
    account = await SqlAccountStore(database).account("ada")  # type: ignore[arg-type]
    assert account is not None
    assert (account.password, account.recovery) == ("$argon2id$x", ("r",))
    assert await SqlIdentityStore(database).owner("lab", "s-1") == "ada"
    applications = SqlApplicationStore(database)
    (application,) = await applications.applications()
    assert (application.name, application.redirect_uris) == ("Gateway", ("https://gateway.example/cb",))
    (grant,) = await applications.grants(user="bob")  # type: ignore[arg-type]
    assert grant.methods == ("pwd",)


async def test_the_audit_log_of_an_old_schema_is_sealed_and_whole(
    upgraded: Database, revision: str, tmp_path: Path
) -> None:
    """From 0014 on a row that comes without a proof is not ours."""
    log, chain, witness = SqlAuditLog(upgraded), SqlAuditChain(upgraded), FileWitness(tmp_path / "head")
    await log.append(AuditEntry(THEN, "ada", "x.do", "y"))
    await Sealer(chain, KEY, witness, SystemClock()).seal()
    found = await verify(chain, KEY, witness)
    assert found.entries == 3
    assert len(found.faults) == (2 if revision >= "0014" else 0), found.faults
    actions = [each.action for each in await log.entries()]
    assert actions == ["x.do", "tasks.cancel", "compute.submit"]


async def test_work_goes_on_after_an_upgrade(upgraded: Database) -> None:
    """What waited is claimed and ended, and new rows follow the old ones."""
    lease = MemoryLease()
    queue = SqlTaskQueue(upgraded, lease, SystemClock())
    lease.hold("w")  # type: ignore[arg-type]
    (claimed,) = await queue.claim("w", ["copy"], 10)  # type: ignore[arg-type]
    assert claimed.id == "1"
    assert await queue.finish("w", claimed.id, TaskStatus.COMPLETED, {})  # type: ignore[arg-type]
    people = SqlPeople(upgraded)
    user = await people.user("bob")  # type: ignore[arg-type]
    assert user is not None
    await people.save_user(user, AuditEntry(THEN, "operator:test", "user.change", "bob"))
