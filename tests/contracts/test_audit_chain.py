"""The chain of the audit log on both databases: what is sealed, what a change breaks, what purging keeps."""

import asyncio
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import delete, select, text, update

from superfacility.adapters.local.audit_witness import FileWitness
from superfacility.adapters.sql import Database, Location, SqlAuditChain, SqlAuditLog, open_database
from superfacility.adapters.sql.tables import audit, audit_anchor
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.audit.chain import GENESIS, Seal
from superfacility.facility.audit.proofs import entry_proof
from superfacility.services.audit import Sealer, Verification, verify

KEY = b"k" * 32
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def database(database: Database) -> Database:
    database.prove_with(KEY)
    return database


@pytest.fixture
def chain(database: Database) -> SqlAuditChain:
    return SqlAuditChain(database)


@pytest.fixture
def log(database: Database) -> SqlAuditLog:
    return SqlAuditLog(database)


@pytest.fixture
def witness(tmp_path: Path) -> FileWitness:
    return FileWitness(tmp_path / "audit.head")


@pytest.fixture
def sealer(chain: SqlAuditChain, witness: FileWitness) -> Sealer:
    return Sealer(chain, KEY, witness, SystemClock())


@pytest.fixture
def check(chain: SqlAuditChain, witness: FileWitness) -> Callable[..., "asyncio.Future[Verification]"]:
    return lambda expected=None: verify(chain, KEY, witness, expected)  # type: ignore[return-value]


async def _write(log: SqlAuditLog, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        await log.append(
            AuditEntry(NOW + timedelta(days=number), "alice", "x.do", f"target {number}", detail="\ud800é")
        )


async def test_an_empty_log_is_whole(sealer: Sealer, check) -> None:  # type: ignore[no-untyped-def]
    assert await sealer.seal() == Seal(0, GENESIS)
    found = await check()
    assert (found.entries, found.faults) == (0, ())


async def test_all_that_waits_is_sealed_in_order(log: SqlAuditLog, sealer: Sealer, check) -> None:  # type: ignore[no-untyped-def]
    await _write(log, 5)
    assert (await check()).waiting == 5
    head = await sealer.seal()
    await _write(log, 2, start=5)
    assert await sealer.seal() != head
    found = await check(head)
    assert (found.entries, found.waiting, found.faults, found.head.position) == (7, 0, (), 7)


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        (update(audit).where(audit.c.position == 3).values(actor="mallory"), "Position 3 "),
        (update(audit).where(audit.c.position == 3).values(detail=""), "Position 3 "),
        (update(audit).where(audit.c.position == 3).values(at=NOW), "Position 3 "),
        (update(audit).where(audit.c.position == 3).values(client_id="x"), "Position 3 "),
        (update(audit).where(audit.c.position == 3).values(digest=b"0" * 32), "Position 3 "),
        (delete(audit).where(audit.c.position == 3), "Positions 3 to 3 are missing"),
        (delete(audit).where(audit.c.position == 1), "Positions 1 to 1 are missing"),
        (delete(audit).where(audit.c.position >= 4), "this host has seen"),
        (text("UPDATE audit SET position = 9 - position, digest = digest WHERE position IN (4, 5)"), "Position"),
    ],
)
async def test_every_change_is_noticed(
    database: Database,
    log: SqlAuditLog,
    sealer: Sealer,
    check,
    deed,
    told: str,  # type: ignore[no-untyped-def]
) -> None:
    await _write(log, 5)
    await sealer.seal()
    if "9 - position" in str(deed):  # two rows change places
        deed = text("UPDATE audit SET actor = CASE position WHEN 4 THEN 'b' ELSE 'a' END WHERE position IN (4, 5)")
    await database.write(lambda connection: connection.execute(deed))
    assert any(told in fault for fault in (await check()).faults)


async def test_without_the_key_no_chain_can_be_made_anew(
    database: Database, chain: SqlAuditChain, log: SqlAuditLog, sealer: Sealer, witness: FileWitness
) -> None:
    await _write(log, 3)
    await sealer.seal()
    await database.write(
        lambda connection: connection.execute(update(audit).values(position=None, digest=None, actor="mallory"))
    )
    await chain.extend(b"other key" + bytes(23))
    faults = (await verify(chain, KEY, witness)).faults
    assert len(faults) == 4, faults  # each position, and the seal that this host remembers


async def test_a_cut_end_is_noticed_while_serving_and_not_forgotten(
    database: Database,
    log: SqlAuditLog,
    sealer: Sealer,
    witness: FileWitness,
    check,  # type: ignore[no-untyped-def]
) -> None:
    await _write(log, 3)
    head = await sealer.seal()
    await database.write(lambda connection: connection.execute(delete(audit).where(audit.c.position == 3)))
    await _write(log, 2, start=9)
    await sealer.seal()
    assert sealer.broken
    assert witness.recall() == head
    assert any("this host has seen" in fault for fault in (await check()).faults)


async def test_purging_keeps_the_rest_provable(
    database: Database,
    log: SqlAuditLog,
    sealer: Sealer,
    check,  # type: ignore[no-untyped-def]
) -> None:
    await _write(log, 6)
    assert await sealer.purge(NOW + timedelta(days=2)) == 0  # nothing is purged before it is sealed
    old = await sealer.seal()
    assert await sealer.purge(NOW + timedelta(days=2)) == 2
    found = await check(old)
    assert (found.entries, found.beginning.position, found.faults) == (4, 2, ())
    assert await sealer.purge(NOW + timedelta(days=99)) == 4
    await _write(log, 1)
    await sealer.seal()
    found = await check(old)
    assert (found.entries, found.beginning.position, found.head.position, found.faults) == (1, 6, 7, ())


@pytest.mark.parametrize("whose", [audit.c.position == 1, audit.c.position <= 3, audit.c.position > 0])
async def test_whoever_moves_times_gets_nothing_purged(
    database: Database,
    log: SqlAuditLog,
    sealer: Sealer,
    check,
    whose,  # type: ignore[no-untyped-def]
) -> None:
    """Neither one entry of the past nor all of them: the time is part of what was sealed."""
    await _write(log, 5)
    await sealer.seal()
    long_ago = update(audit).where(whose).values(at=NOW - timedelta(days=9999))
    await database.write(lambda connection: connection.execute(long_ago))
    assert await sealer.purge(NOW - timedelta(days=1)) == 0
    found = await check()
    assert found.entries == 5
    assert found.faults
    await sealer.seal()
    assert sealer.broken


async def test_purging_goes_on_until_all_that_is_old_is_gone(
    log: SqlAuditLog,
    chain: SqlAuditChain,
    sealer: Sealer,
    check,  # type: ignore[no-untyped-def]
) -> None:
    await _write(log, 7)
    await sealer.seal()
    assert await chain.purge(KEY, NOW + timedelta(days=5), 2) == 2
    assert await sealer.purge(NOW + timedelta(days=5)) == 3
    found = await check()
    assert (found.entries, found.beginning.position, found.faults) == (2, 5, ())


async def test_a_beginning_that_somebody_else_made_is_noticed(
    database: Database,
    log: SqlAuditLog,
    chain: SqlAuditChain,
    sealer: Sealer,
    check,  # type: ignore[no-untyped-def]
) -> None:
    await _write(log, 4)
    await sealer.seal()
    second = await chain.seal_at(2)
    assert second is not None
    forged = {"position": 2, "digest": second.digest, "proof": b"0" * 32}

    def forge(connection) -> None:  # type: ignore[no-untyped-def]
        connection.execute(delete(audit).where(audit.c.position <= 2))
        connection.execute(audit_anchor.insert(), forged)

    await database.write(forge)
    assert "not made by this installation" in (await check()).faults[0]
    assert await sealer.purge(NOW + timedelta(days=99)) == 0
    await sealer.seal()
    assert sealer.broken


async def test_sealers_of_several_processes_make_one_chain(
    location: Location,
    log: SqlAuditLog,
    check,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    databases = [open_database(location) for _ in range(3)]
    try:
        chains = [SqlAuditChain(each) for each in databases]

        async def extend(chain: SqlAuditChain) -> None:
            for _ in range(20):
                await chain.extend(KEY, 3)

        await asyncio.gather(_write(log, 40), *(extend(each) for each in chains))
        await chains[0].extend(KEY)
    finally:
        for each in databases:
            await each.aclose()
    found = await check()
    assert (found.entries, found.faults) == (40, ())


PUT_IN = {"at": NOW, "actor": "alice", "action": "x.do", "target": "y", "detail": ""}


FOREIGN = entry_proof(b"other" + bytes(27), AuditEntry(NOW, "alice", "x.do", "y"))


@pytest.mark.parametrize("proof", [None, b"", b"0" * 32, FOREIGN], ids=["none", "empty", "invented", "foreign"])
async def test_a_row_that_somebody_put_in_is_sealed_and_told(
    database: Database,
    log: SqlAuditLog,
    sealer: Sealer,
    check,
    proof: bytes | None,  # type: ignore[no-untyped-def]
) -> None:
    await _write(log, 2)
    await database.write(lambda connection: connection.execute(audit.insert(), {**PUT_IN, "proof": proof}))
    await _write(log, 2, start=5)
    await sealer.seal()
    assert sealer.foreign == 1
    found = await check()
    assert found.waiting == 0
    (fault,) = found.faults
    assert fault.startswith("Position 3 (row 3, 2026-03-01 12:00:00 UTC, x.do) was written without")


@pytest.mark.parametrize("change", [{"actor": "bob"}, {"detail": "less"}, {"at": NOW}, {"proof": None}])
async def test_a_row_that_is_changed_before_it_is_sealed_is_told(
    database: Database,
    log: SqlAuditLog,
    sealer: Sealer,
    check,
    change: dict[str, object],  # type: ignore[no-untyped-def]
) -> None:
    await _write(log, 3)
    await database.write(lambda connection: connection.execute(update(audit).where(audit.c.id == 2).values(change)))
    await sealer.seal()
    (fault,) = (await check()).faults
    assert fault.startswith("Position 2 ")


async def test_a_copy_of_a_row_is_told(
    database: Database,
    log: SqlAuditLog,
    sealer: Sealer,
    check,  # type: ignore[no-untyped-def]
) -> None:
    await _write(log, 2)
    names = ("at", "actor", "action", "target", "client_id", "address", "detail", "proof")
    columns = [audit.c[name] for name in names]
    again = audit.insert().from_select(names, select(*columns).where(audit.c.id == 1))
    await database.write(lambda connection: connection.execute(again))
    await sealer.seal()
    faults = (await check()).faults
    assert faults == tuple(f"Row {number} has the proof of another row: it is a copy." for number in (1, 3))


async def test_what_was_sealed_before_there_were_proofs_stays_whole_and_can_be_purged(
    database: Database,
    log: SqlAuditLog,
    sealer: Sealer,
    check,  # type: ignore[no-untyped-def]
) -> None:
    def of_old(connection) -> None:  # type: ignore[no-untyped-def]
        digest = GENESIS
        for number in (1, 2):
            said = [number, number, 1772366400_000_000 + number, "alice", "x.do", "y", None, None, ""]
            digest = hmac.digest(KEY, digest + orjson.dumps(said), "sha256")
            at = NOW + timedelta(microseconds=number)
            connection.execute(audit.insert(), {**PUT_IN, "at": at, "position": number, "digest": digest})

    await database.write(of_old)
    await _write(log, 2)
    await sealer.seal()
    assert (await check()).faults == ()
    assert await sealer.purge(NOW + timedelta(hours=1)) == 3
    assert (await check()).faults == ()


def test_a_seal_is_read_as_it_is_written() -> None:
    seal = Seal(12, bytes(range(32)))
    assert Seal.read(str(seal)) == seal
    for wrong in ("", "12", "x:00", "1:00", "-1:" + "00" * 32):
        with pytest.raises(ValueError):
            Seal.read(wrong)
