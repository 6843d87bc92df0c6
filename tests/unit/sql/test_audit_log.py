"""The audit log over SQLite and memory, and JSON columns."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.adapters.sql import Database, SqlAuditLog
from superfacility.adapters.sql.columns import dump_json, load_json
from superfacility.facility.audit import AuditEntry, AuditQuery
from superfacility.testing.stores import Memory, MemoryAuditLog

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ANY_TEXT = st.text(st.characters(codec=None))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | ANY_TEXT,
    lambda children: st.lists(children) | st.dictionaries(ANY_TEXT, children),
)


@pytest.fixture(params=["sql", "memory"])
def audit_log(request: pytest.FixtureRequest, database: Database) -> SqlAuditLog | MemoryAuditLog:
    return SqlAuditLog(database) if request.param == "sql" else MemoryAuditLog(Memory())


async def test_entries_are_newest_first_and_filtered(audit_log: SqlAuditLog | MemoryAuditLog) -> None:
    entries = [
        AuditEntry(NOW, actor, action, "target", "client", "192.0.2.1", "words")
        for actor in ("alice", "bob")
        for action in ("compute.submit", "tasks.cancel")
    ]
    for entry in entries:
        await audit_log.append(entry)
    assert await audit_log.entries() == entries[::-1]
    assert await audit_log.entries(actor="bob") == [entries[3], entries[2]]
    assert await audit_log.entries(action="tasks.cancel", limit=1) == [entries[3]]
    assert await audit_log.entries(actor="alice", action="tasks.cancel") == [entries[1]]


async def test_search_asks_for_what_is_given(audit_log: SqlAuditLog | MemoryAuditLog) -> None:
    first = AuditEntry(NOW, "alice", "clients.create", "abc", "c1", "192.0.2.1", "red for alice")
    second = AuditEntry(NOW + timedelta(hours=1), "bob", "clients_extra.x", "100%", "c2", "192.0.2.2", "under_score")
    for entry in (first, second):
        await audit_log.append(entry)
    for query, found in {
        AuditQuery(action="clients.*"): [first],
        AuditQuery(target="abc"): [first],
        AuditQuery(client_id="c2"): [second],
        AuditQuery(address="192.0.2.2"): [second],
        AuditQuery(text="0%"): [second],
        AuditQuery(text="r_s"): [second],
        AuditQuery(text="red"): [first],
        AuditQuery(since=NOW + timedelta(hours=1)): [second],
        AuditQuery(until=NOW + timedelta(hours=1)): [first],
        AuditQuery(limit=1): [second],
        AuditQuery(): [second, first],
    }.items():
        assert await audit_log.search(query) == found, query


async def test_names_that_are_not_utf8_are_kept_readable(database: Database) -> None:
    audit_log = SqlAuditLog(database)
    await audit_log.append(AuditEntry(NOW, "alice", "utilities.upload", "/data/\udcff", detail="\ud800"))
    (entry,) = await audit_log.entries()
    assert (entry.target, entry.detail) == ("/data/\\udcff", "\\ud800")


@given(JSON)
def test_json_survives(value: Any) -> None:
    assert load_json(dump_json(value)) == value
