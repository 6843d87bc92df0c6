"""What staff say of the status page, and what the commands show of it."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from superfacility.cli.admin import note, outage, resource
from superfacility.cli.admin.desk import open_desk
from superfacility.cli.init import init
from superfacility.cli.output import Shared
from superfacility.facility.errors import InvalidInput, NotFound
from superfacility.facility.status import Observation, ResourceName, ResourceState
from superfacility.services.status import StatusWatch

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)
NAME = ResourceName("perlmutter")
Run = Callable[[Coroutine[Any, Any, None]], Any]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    folder = tmp_path_factory.mktemp("status") / "site"
    init(folder)
    return Shared(config=folder, json=True)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command and reads the JSON that it printed."""

    def ran(command: Coroutine[Any, Any, None]) -> Any:
        capsys.readouterr()
        asyncio.run(command)
        return json.loads(capsys.readouterr().out)

    return ran


def test_a_note_begins_ends_and_is_withdrawn(shared: Shared, run: Run) -> None:
    def listed() -> list[str]:
        return run(resource.show(NAME, shared=shared))["notes"]

    written = run(note.add(NAME, "soon", start=NOW + HOUR, end=NOW + 2 * HOUR, shared=shared))
    assert datetime.fromisoformat(written["starts_at"]) == NOW + HOUR
    assert listed() == []
    changed = run(note.change(written["id"], start=NOW - HOUR, shared=shared))
    assert datetime.fromisoformat(changed["ends_at"]) == NOW + 2 * HOUR
    assert listed() == ["soon"]
    with pytest.raises(InvalidInput, match="end after"):
        run(note.change(written["id"], end=NOW - 2 * HOUR, shared=shared))
    assert run(note.withdraw(written["id"], shared=shared))["active"] is False
    assert listed() == []
    assert [each["text"] for each in run(note.list_notes(NAME, shared=shared))] == ["soon"]


def test_a_time_without_an_offset_is_meant_here(shared: Shared, run: Run) -> None:
    here = datetime(2026, 7, 1, 8, 0)  # noqa: DTZ001 - as a person writes it
    written = run(outage.add(NAME, start=here, end=here + HOUR, impact="none", shared=shared))
    assert datetime.fromisoformat(written["start_at"]) == here.astimezone(UTC)


def test_a_resource_for_a_system_brings_the_name_of_the_settings(shared: Shared, run: Run) -> None:
    run(resource.remove(NAME, shared=shared))
    added = run(resource.add(NAME, shared=shared))
    assert (added["full_name"], added["kind"]) == ("Perlmutter", "compute")
    other = run(resource.add("jupyter", shared=shared))
    assert (other["full_name"], other["kind"]) == ("jupyter", "service")
    named = run(resource.add("portal", full_name="Portal", kind="storage", shared=shared))
    assert (named["full_name"], named["kind"]) == ("Portal", "storage")


def test_what_is_announced_and_what_is_observed_are_shown_apart(shared: Shared, run: Run) -> None:
    async def observe() -> None:
        async with open_desk(shared) as desk:
            now = desk.clock.now()
            seen = Observation(NAME, "perlmutter/login", ResourceState.UNAVAILABLE, "no answer", None, now, now + HOUR)
            watch = StatusWatch(desk.status, desk.clock)
            await watch.look()
            await desk.stores.board.observe([seen])
            await watch.look()

    asyncio.run(observe())
    shown = run(resource.show(NAME, shared=shared))
    assert (shown["state"], shown["announced"]) == ("unavailable", "active")
    assert shown["observed"] == ["perlmutter/login unavailable: no answer"]
    changes = run(resource.history(NAME, shared=shared))
    newest, first = [each for each in changes if each["outage"] is None][:2]  # others tell of its outages
    assert (newest["previous"], newest["state"], newest["description"]) == ("active", "unavailable", "no answer")
    assert first["state"] == "active"
    with pytest.raises(NotFound):
        run(resource.history("nowhere", shared=shared))
