"""The suite of `StatusBoard`. Fixtures to supply: `board`, its `clock` (a FakeClock), `audit_log` of the same store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.status import (
    Note,
    Observation,
    Outage,
    OutageStatus,
    Resource,
    ResourceName,
    ResourceState,
    StateChange,
    StatusBoard,
)
from superfacility.testing.clocks import FakeClock

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAME, OTHER = ResourceName("perlmutter"), ResourceName("archive")
RESOURCE = Resource(NAME, "Perlmutter", "compute", ResourceState.DEGRADED, "slow", NOW)
OUTAGE = Outage(0, NAME, NOW, NOW + HOUR, "maintenance", "notes", "degr", OutageStatus.EXTENDED, NOW)
OBSERVATION = Observation(
    NAME, "perlmutter/login", ResourceState.DEGRADED, "slow", 0.25, NOW, NOW + HOUR, since=NOW - HOUR
)
CHANGE = StateChange(NAME, "degraded", "active", "slow", NOW)


def entry(action: str = "status.change") -> AuditEntry:
    return AuditEntry(NOW, "operator:root", action, "target")


class StatusBoardContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture
    async def populated(self, board: StatusBoard) -> StatusBoard:
        await board.save_resource(RESOURCE, entry("setup"), new=True)
        return board

    async def test_resources_keep_the_order_they_were_added_in(self, populated: StatusBoard, clock: FakeClock) -> None:
        await populated.save_resource(Resource(OTHER, "Archive", "storage"), entry(), new=True)
        await populated.save_resource(replace(RESOURCE, state=ResourceState.ACTIVE), entry())
        first, second = await populated.resources()
        assert first == replace(RESOURCE, state=ResourceState.ACTIVE)
        assert (second.name, second.updated_at) == (OTHER, clock.now())

    async def test_a_taken_name_is_a_conflict(self, populated: StatusBoard, audit_log: AuditLog) -> None:
        with pytest.raises(Conflict):
            await populated.save_resource(RESOURCE, entry("failed"), new=True)
        assert await audit_log.entries(action="failed") == []

    async def test_changes_need_what_they_change(self, populated: StatusBoard) -> None:
        for act in (
            populated.save_resource(replace(RESOURCE, name=OTHER), entry()),
            populated.remove_resource(OTHER, entry()),
            populated.save_outage(replace(OUTAGE, resource=OTHER), entry()),
            populated.save_outage(replace(OUTAGE, id=5), entry()),
            populated.remove_outage(5, entry()),
            populated.save_note(Note(0, OTHER, "text"), entry()),
            populated.save_note(Note(5, NAME, "text"), entry()),
            populated.remove_note(5, entry()),
        ):
            version = populated.version()
            with pytest.raises(NotFound):
                await act
            assert populated.version() == version

    async def test_outages_are_newest_first(self, populated: StatusBoard) -> None:
        first = await populated.save_outage(OUTAGE, entry())
        assert first == replace(OUTAGE, id=first.id)
        later = await populated.save_outage(replace(OUTAGE, start_at=NOW + HOUR, end_at=None), entry())
        earlier = await populated.save_outage(replace(OUTAGE, start_at=NOW - HOUR), entry())
        assert [outage.id for outage in await populated.outages()] == [later.id, first.id, earlier.id]
        assert (await populated.outages())[0] == later

    async def test_an_outage_changes_and_goes(self, populated: StatusBoard) -> None:
        saved = await populated.save_outage(OUTAGE, entry())
        changed = replace(saved, status=OutageStatus.CANCELLED, end_at=None)
        assert await populated.save_outage(changed, entry()) == changed
        assert await populated.outages() == [changed]
        await populated.remove_outage(saved.id, entry())
        assert await populated.outages() == []

    async def test_notes_are_newest_first_change_and_go(self, populated: StatusBoard, clock: FakeClock) -> None:
        old = await populated.save_note(Note(0, NAME, "old", timestamp=clock.now() - HOUR), entry())
        new = await populated.save_note(Note(0, NAME, "new", active=False), entry())
        assert new.timestamp == clock.now()
        assert await populated.notes() == [new, old]
        changed = await populated.save_note(replace(old, text="changed"), entry())
        assert await populated.notes() == [new, changed]
        await populated.remove_note(new.id, entry())
        assert await populated.notes() == [changed]

    async def test_a_note_keeps_when_it_begins_and_ends(self, populated: StatusBoard) -> None:
        saved = await populated.save_note(
            Note(0, NAME, "text", timestamp=NOW, starts_at=NOW, ends_at=NOW + HOUR), entry()
        )
        assert await populated.notes() == [saved]
        assert (saved.starts_at, saved.ends_at) == (NOW, NOW + HOUR)

    async def test_a_removed_resource_takes_what_belongs_to_it_along(self, populated: StatusBoard) -> None:
        await populated.save_outage(OUTAGE, entry())
        await populated.save_note(Note(0, NAME, "text"), entry())
        await populated.observe([OBSERVATION])
        await populated.record([CHANGE])
        await populated.remove_resource(NAME, entry())
        assert (await populated.resources(), await populated.outages(), await populated.notes()) == ([], [], [])
        assert await populated.observations() == []
        assert [each.state for each in await populated.changes(NAME)] == ["degraded"]

    async def test_each_probe_has_one_observation(self, populated: StatusBoard) -> None:
        other = replace(OBSERVATION, probe="perlmutter/a", latency=None, since=None)
        await populated.observe([OBSERVATION, other])
        later = replace(OBSERVATION, at=NOW + HOUR, expires_at=NOW + 2 * HOUR)
        await populated.observe([later])
        assert await populated.observations() == [other, later]

    async def test_only_observations_that_differ_raise_the_version(self, populated: StatusBoard) -> None:
        seen = [populated.version()]
        await populated.observe([OBSERVATION])
        seen.append(populated.version())
        await populated.observe([replace(OBSERVATION, at=NOW + HOUR, expires_at=NOW + 2 * HOUR, latency=1.0)])
        assert populated.version() == seen[-1]
        for changed in ({"description": "slower"}, {"state": ResourceState.UNAVAILABLE}):
            await populated.observe([replace(OBSERVATION, **changed)])
            seen.append(populated.version())
        assert seen == sorted(set(seen))

    async def test_an_observation_of_what_is_not_there_is_dropped(self, populated: StatusBoard) -> None:
        await populated.observe([replace(OBSERVATION, resource=OTHER, probe="other"), OBSERVATION])
        assert await populated.observations() == [OBSERVATION]

    async def test_the_history_is_read_in_pages_from_its_end(self, populated: StatusBoard) -> None:
        states = ["one", "two", "three", "four", "five"]
        await populated.record([replace(CHANGE, state=state) for state in states])
        await populated.record([replace(CHANGE, resource=OTHER, outage=7, previous=None)])
        first = await populated.changes(NAME, limit=2)
        second = await populated.changes(NAME, before=first[-1].id, limit=2)
        third = await populated.changes(NAME, before=second[-1].id)
        assert [each.state for each in (*first, *second, *third)] == states[::-1]
        assert third == [replace(CHANGE, state="one", id=third[0].id)]
        (other,) = await populated.changes(OTHER)
        assert other == replace(CHANGE, resource=OTHER, outage=7, previous=None, id=other.id)

    async def test_the_last_change_of_each_resource_and_outage(self, populated: StatusBoard) -> None:
        rows = [
            (NAME, None, "active"),
            (NAME, 1, "Planned"),
            (NAME, None, "degraded"),
            (OTHER, None, "active"),
            (NAME, 1, "Active"),
            (NAME, 2, "Planned"),
        ]
        await populated.record([replace(CHANGE, resource=name, outage=outage, state=s) for name, outage, s in rows])
        last = {(each.resource, each.outage, each.state) for each in await populated.last_changes()}
        assert last == {(NAME, None, "degraded"), (OTHER, None, "active"), (NAME, 1, "Active"), (NAME, 2, "Planned")}

    async def test_purge_keeps_what_is_young_and_the_last_of_each(self, populated: StatusBoard) -> None:
        young = replace(CHANGE, state="young", at=NOW + HOUR)
        await populated.record([CHANGE, replace(CHANGE, outage=1), young, replace(CHANGE, state="late but old")])
        await populated.observe([OBSERVATION, replace(OBSERVATION, probe="old", expires_at=NOW)])
        assert await populated.purge(NOW + HOUR) == 2
        kept = [(each.state, each.outage) for each in await populated.changes(NAME)]
        assert kept == [("late but old", None), ("young", None), ("degraded", 1)]
        assert await populated.observations() == [OBSERVATION]
        assert await populated.purge(NOW + HOUR) == 0

    async def test_every_change_raises_the_version(self, board: StatusBoard, audit_log: AuditLog) -> None:
        seen = [board.version()]
        await board.save_resource(RESOURCE, entry(), new=True)
        seen.append(board.version())
        outage = await board.save_outage(OUTAGE, entry())
        seen.append(board.version())
        note = await board.save_note(Note(0, NAME, "text"), entry())
        seen.append(board.version())
        await board.remove_note(note.id, entry())
        seen.append(board.version())
        await board.remove_outage(outage.id, entry())
        seen.append(board.version())
        await board.remove_resource(NAME, entry())
        seen.append(board.version())
        assert seen == sorted(set(seen))
        assert board.version() == seen[-1]
        assert len(await audit_log.entries()) == 6
