"""`/meta` and `/status`: public, both spellings, never a redirect."""

import asyncio
from datetime import datetime, timedelta

import pytest

from superfacility.facility.errors import Unavailable
from superfacility.facility.inventory import Inventory, Node, Partition
from superfacility.facility.jobs import JobState
from superfacility.facility.status import Note, Observation, Outage, ResourceName, ResourceState
from superfacility.services.status import StatusWatch

STATUS_KEYS = {"name", "full_name", "description", "system_type", "notes", "status", "updated_at"}


@pytest.mark.parametrize(
    "path",
    [
        "/meta/changelog",
        "/meta/config",
        "/status",
        "/status/perlmutter",
        "/status/outages",
        "/status/outages/perlmutter",
        "/status/outages/planned",
        "/status/outages/planned/perlmutter",
        "/status/notes",
        "/status/notes/spin",
        "/status/spin/history",
        "/status/spin/observations",
        "/status/perlmutter/queue",
        "",
    ],
)
async def test_both_spellings_answer_everybody(site, path):
    plain, slashed = await site.get(path), await site.get(path + "/")
    assert (plain.status_code, slashed.status_code) == (200, 200)
    assert plain.content == slashed.content
    assert plain.headers["access-control-allow-origin"] == "*"


async def test_a_status_has_seven_keys_and_no_null(site):
    for row in (await site.get("/status")).json():
        assert set(row) == STATUS_KEYS
        assert None not in row.values()
        assert datetime.fromisoformat(row["updated_at"]).tzinfo is not None


async def test_unknown_resources_are_404(site):
    for path in ("/status/nowhere", "/status/outages/nowhere", "/status/outages/planned/nowhere", "/status/notes/no"):
        answer = await site.get(path)
        assert answer.status_code == 404
        assert "no" in answer.json()["detail"]


async def test_outages_are_lists_of_lists_without_empty_ones(site):
    outages = (await site.get("/status/outages")).json()
    assert [[row["description"] for row in rows] for rows in outages] == [["Planned", "Past"]]
    assert [row["status"] for row in outages[0]] == ["Planned", "Completed"]
    planned = (await site.get("/status/outages/planned")).json()
    assert [[row["description"] for row in rows] for rows in planned] == [["Planned"]]
    assert (await site.get("/status/outages/planned/spin")).json() == []


async def test_an_outage_in_effect_shows_in_the_status_when_its_time_comes(site):
    assert (await site.get("/status/perlmutter")).json()["status"] == "active"
    site.clock.advance(timedelta(days=1, hours=1))
    row = (await site.get("/status/perlmutter")).json()
    assert (row["status"], row["description"]) == ("unavailable", "Planned")
    assert "Planned" in row["notes"][0]
    site.clock.advance(timedelta(days=1))
    assert (await site.get("/status/perlmutter")).json()["status"] == "active"


async def test_a_change_shows_at_once(site):
    await site.get("/status/globus")
    now = site.clock.now()
    outage = Outage(0, ResourceName("globus"), now, None, "Slow disks", impact="degr")
    await site.services.status.announce(outage, "operator:test")
    assert (await site.get("/status/globus")).json()["status"] == "degraded"
    assert [row["name"] for row in (await site.get("/status/outages/globus")).json()] == ["globus"]


async def test_an_unchanged_answer_is_304(site):
    first = await site.get("/status")
    again = await site.get("/status", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await site.get("/status", headers={"If-None-Match": '"other"'})).status_code == 200


def away(*_, **__):
    raise Unavailable("The database does not answer.")


async def test_without_the_database_the_last_answers_stay_with_their_age(site, monkeypatch):
    before = await site.get("/status")
    assert "age" not in before.headers
    for name in ("resources", "outages", "notes", "observations", "changes", "version"):
        monkeypatch.setattr(site.board, name, away)
    site.clock.advance(timedelta(days=1, hours=1))
    rows = (await site.get("/status")).json()
    assert [row["name"] for row in rows] == [row["name"] for row in before.json()]
    answer = await site.get("/status/perlmutter")
    assert (answer.json()["status"], answer.headers["age"]) == ("unavailable", "90000")
    site.clock.advance(timedelta(seconds=1))
    again = await site.get("/status/perlmutter", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.headers["age"]) == (304, "90001")
    for path in ("/status/outages", "/status/outages/planned", "/status/notes", "/status/spin"):
        assert (await site.get(path)).status_code == 200
    assert (await site.get("/status/spin/history")).status_code == 503
    monkeypatch.undo()
    site.clock.advance(timedelta(seconds=5))
    async with asyncio.timeout(20):
        while "age" in (await site.get("/status")).headers:  # noqa: ASYNC110 - a poll, as clients do
            await asyncio.sleep(0.01)


async def test_an_observation_shows_in_the_status_while_it_is_young(site):
    now, name = site.clock.now(), ResourceName("perlmutter")
    words = "3 of 10 nodes are down or drained"
    minutes = timedelta(minutes=2)
    seen = Observation(name, "perlmutter/nodes", ResourceState.DEGRADED, words, 0.5, now, now + minutes, now)
    await site.board.observe([seen])
    row = (await site.get("/status/perlmutter")).json()
    assert (set(row), row["status"], row["description"]) == (STATUS_KEYS, "degraded", words)
    (record,) = (await site.get("/status/perlmutter/observations")).json()
    assert (record["probe"], record["status"], record["latency_seconds"]) == ("perlmutter/nodes", "degraded", 0.5)
    assert (await site.get("/status/spin/observations")).json() == []
    site.clock.advance(minutes)
    assert (await site.get("/status/perlmutter")).json()["status"] == "active"
    assert (await site.get("/status/perlmutter/observations")).json() == []


async def test_a_note_shows_in_its_time(site):
    now, hour = site.clock.now(), timedelta(hours=1)
    note = Note(0, ResourceName("globus"), "Soon", starts_at=now + hour, ends_at=now + 2 * hour)
    await site.services.status.write_note(note, "operator:test")
    told = []
    for _ in range(3):
        (row,) = (await site.get("/status/notes/globus")).json()
        assert set(row) == {"name", "notes", "active", "timestamp"}
        told.append((row["active"], (await site.get("/status/globus")).json()["notes"]))
        site.clock.advance(hour)
    assert told == [(False, []), (True, ["Soon"]), (False, [])]


async def test_the_history_has_pages(site):
    watch = StatusWatch(site.services.status, site.clock)
    await watch.look()
    for state in (ResourceState.DEGRADED, ResourceState.UNAVAILABLE, ResourceState.ACTIVE):
        await site.services.status.change_resource(ResourceName("spin"), "operator:test", state=state)
        await watch.look()
    first = (await site.get("/status/spin/history", params={"limit": 3})).json()
    assert [(row["previous"], row["status"]) for row in first] == [
        ("unavailable", "active"),
        ("degraded", "unavailable"),
        ("active", "degraded"),
    ]
    rest = (await site.get("/status/spin/history", params={"before": first[-1]["id"]})).json()
    assert [(row["previous"], row["status"], row["outage"]) for row in rest] == [(None, "active", None)]
    outages = [row for row in (await site.get("/status/perlmutter/history")).json() if row["outage"]]
    assert {row["status"] for row in outages} == {"Planned", "Completed"}
    assert (await site.get("/status/nowhere/history")).status_code == 404
    for limit in (0, 1001, "x"):
        assert (await site.get("/status/spin/history", params={"limit": limit})).status_code == 422


NODES = (
    Node("n1", "mixed", ("regular", "debug"), 128, 64, 1024),
    Node("n2", "down", ("regular",), 128, 0, 1024, reason="demo2 broke it"),
)
PARTITIONS = (
    Partition("regular", "up", True, timedelta(days=1), 2),
    Partition("debug", "up", False, None, 1),
)


@pytest.fixture
def inventory(site, monkeypatch):
    async def read():
        return Inventory(NODES, PARTITIONS, site.clock.now())

    monkeypatch.setattr(site.scheduler, "inventory", read, raising=False)


async def test_nodes_and_partitions_in_numbers(site, inventory):
    nodes = (await site.get("/status/perlmutter/nodes")).json()
    assert (nodes["full_name"], nodes["data_as_of"]) == ("Perlmutter", site.clock.now().isoformat())
    assert nodes["totals"] == {
        "nodes": 2,
        "usable": 1,
        "states": {"down": 1, "mixed": 1},
        "cpus": 256,
        "cpus_allocated": 64,
    }
    partitions = (await site.get("/status/pm/partitions")).json()["partitions"]
    told = [(row["name"], row["default"], row["time_limit_seconds"], row["totals"]["usable"]) for row in partitions]
    assert told == [("regular", True, 86400.0, 1), ("debug", False, None, 1)]


async def test_why_nodes_are_down_is_for_staff(site, inventory):
    path = "/status/perlmutter/nodes/unusable"
    expected = [{"name": "n2", "status": "down", "reachable": True, "reason": "demo2 broke it"}]
    assert (await site.get(path, "yellow:staff1")).json() == expected
    assert (await site.get(path, "red:demo1")).status_code == 403
    assert (await site.get(path)).status_code == 403
    assert "demo2" not in (await site.get("/status/perlmutter/nodes")).text


async def test_the_queue_in_numbers_without_names(site):
    site.scheduler.add("1", qos="debug", partition="regular")
    site.scheduler.add("2", "demo2", JobState.PENDING, qos="debug", partition="regular")
    answer = await site.get("/status/perlmutter/queue")
    assert answer.json()["queues"] == [
        {
            "partition": "regular",
            "qos": "debug",
            "pending": 1,
            "running": 1,
            "other": 0,
            "oldest_pending_at": site.clock.now().isoformat(),
        }
    ]
    assert "demo" not in answer.text
    assert (await site.get("/status/dtns/queue")).status_code == 422
    assert (await site.get("/status/nowhere/queue")).status_code == 404


async def test_head_and_preflight(site):
    head = await site.call("HEAD", "/status")
    assert (head.status_code, head.content) == (200, b"")
    headers = {"Origin": "https://else.example", "Access-Control-Request-Headers": "authorization"}
    preflight = await site.call("OPTIONS", "/account/projects", headers=headers)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-headers"] == "authorization"


async def test_meta(site):
    assert (await site.get("/meta/config")).json() == [{"key": "compute.targets", "value": "perlmutter"}]
    assert (await site.get("/meta/changelog")).json() == [{"date": "2026-01-02", "change": "First"}]
