"""`/reservations`: create, show, list, delete; each change is a task."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.facility.errors import Unavailable
from superfacility.services.reservations import ReservationRule

PATH = "/reservations/perlmutter"


def form(site, **changes):
    start = site.clock.now() + timedelta(hours=1)
    usual = {
        "name": "beamtime",
        "start": start.isoformat(),
        "end": (start + timedelta(hours=2)).isoformat(),
        "cores": "2",
        "nodes": "",
    }
    return usual | changes


async def change(site, method, path, **options):
    body = (await site.call(method, path, "red:demo1", **options)).json()
    assert body["status"] == "OK", body
    async with site.working():
        return json.loads((await site.result(body["task_id"]))["result"])


async def test_the_life_of_a_reservation(site):
    result = await change(site, "POST", PATH, data=form(site, projects="m0001"))
    assert result == {"status": "ok", "reservation": "beamtime", "error": None}
    (row,) = (await site.get(PATH + "/", "green:demo2")).json()
    assert (row["name"], row["cores"], row["projects"]) == ("beamtime", 2, ["m0001"])
    assert (row["start"], row["end"]) == (form(site)["start"], form(site)["end"])
    assert (await site.get(f"{PATH}/beamtime", "green:demo2")).json() == row
    assert (await change(site, "DELETE", f"{PATH}/beamtime"))["status"] == "ok"
    assert (await site.get(f"{PATH}/beamtime", "green:demo1")).status_code == 404
    assert (await site.call("DELETE", f"{PATH}/beamtime", "red:demo1")).status_code == 404


async def test_a_taken_name_is_told_by_the_task(site):
    await change(site, "POST", PATH, data=form(site))
    result = await change(site, "POST", PATH, data=form(site, cores="1"))
    assert result["status"] == "error"
    assert "taken" in result["error"]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "a;b"},
        {"cores": ""},
        {"nodes": "1"},
        {"cores": "0"},
        {"start": "soon"},
        {"end": "2001-1-1"},
        {"end": "9999-12-31T23:59:59-14:00"},
        {"start": "0001-01-01T00:00:00+14:00"},
        {"start": "0001-01-01T00:00:00"},
    ],
)
async def test_wrong_forms(site, changes):
    assert (await site.call("POST", PATH, "red:demo1", data=form(site, **changes))).status_code == 422


async def test_reservations_of_others(site):
    mine = await site.call("POST", PATH, "red:demo1", data=form(site, users="demo2"))
    assert mine.status_code == 403
    await change(site, "POST", PATH, data=form(site))
    assert (await site.call("DELETE", f"{PATH}/beamtime", "red:demo2")).status_code == 403
    assert (await site.call("DELETE", f"{PATH}/beamtime", "red:staff1")).status_code == 200


async def test_a_system_without_batch_jobs(site):
    assert (await site.call("POST", "/reservations/dtns", "red:demo1", data=form(site))).json()["status"] == "ERROR"
    assert (await site.get("/reservations/cori", "green:demo1")).status_code == 404


async def test_a_reservation_is_changed_in_part(site):
    await change(site, "POST", PATH, data=form(site, projects="m0001"))
    before = (await site.get(f"{PATH}/beamtime", "green:demo1")).json()
    end = site.clock.now() + timedelta(hours=9)
    sent = {"end": end.isoformat(), "nodes": 1, "users": ["demo1", "demo2"]}
    result = await change(site, "POST", f"{PATH}/beamtime", json=sent)
    assert result == {"status": "ok", "reservation": "beamtime", "error": None}
    after = (await site.get(f"{PATH}/beamtime", "green:demo1")).json()
    assert after == before | {"end": end.isoformat(), "nodes": 1, "cores": None, "users": ["demo1", "demo2"]}


@pytest.mark.parametrize(
    ("sent", "changed"),
    [
        ({"end": "2999-01-01T00:00:00+00:00"}, {"end": "2999-01-01T00:00:00+00:00"}),
        ({"users": ["demo1", "demo2"]}, {"users": ["demo1", "demo2"]}),
        ({"users": []}, {"users": []}),
        ({"projects": []}, {"projects": []}),
        ({"nodes": 2}, {"nodes": 2, "cores": None}),
    ],
)
async def test_a_scheduler_may_tell_both_sizes(site, sent, changed):
    """As Slurm does: a change needs none of them."""
    await change(site, "POST", PATH, data=form(site, users="demo1", projects="m0001"))
    site.scheduler.reserved["beamtime"] = replace(site.scheduler.reserved["beamtime"], nodes=1, cores=64)
    before = (await site.get(f"{PATH}/beamtime", "green:demo1")).json()
    assert (await change(site, "POST", f"{PATH}/beamtime", json=sent))["error"] is None
    assert (await site.get(f"{PATH}/beamtime", "green:demo1")).json() == before | changed


async def test_lists_are_emptied_by_a_form_too(site):
    await change(site, "POST", PATH, data=form(site, users="demo1", projects="m0001"))
    await change(site, "POST", f"{PATH}/beamtime", data={"projects": ""})
    assert (await site.get(f"{PATH}/beamtime", "green:demo1")).json()["projects"] == []


async def test_what_is_not_named_stays_as_it_is_when_the_task_runs(site):
    """Between request and task somebody else has changed it."""
    await change(site, "POST", PATH, data=form(site))
    accepted = (await site.call("POST", f"{PATH}/beamtime", "red:demo1", json={"cores": 1})).json()
    others = {"end": site.clock.now() + timedelta(days=1), "users": ("demo1", "demo2")}
    site.scheduler.reserved["beamtime"] = replace(site.scheduler.reserved["beamtime"], **others)
    async with site.working():
        await site.result(accepted["task_id"])
    found = site.scheduler.reserved["beamtime"]
    assert (found.cores, found.end, found.users) == (1, *others.values())


async def test_what_a_change_makes_is_checked_again_when_the_task_runs(site):
    await change(site, "POST", PATH, data=form(site))
    start = site.clock.now() + timedelta(hours=2)
    accepted = (await site.call("POST", f"{PATH}/beamtime", "red:demo1", json={"start": start.isoformat()})).json()
    sooner = replace(site.scheduler.reserved["beamtime"], end=start - timedelta(minutes=1))
    site.scheduler.reserved["beamtime"] = sooner
    async with site.working():
        result = json.loads((await site.result(accepted["task_id"]))["result"])
    assert result["error"] == "A reservation must end after it starts."
    assert site.scheduler.reserved["beamtime"] == sooner


async def test_one_that_has_begun_keeps_its_start(site):
    await change(site, "POST", PATH, data=form(site))
    begun = replace(site.scheduler.reserved["beamtime"], state="ACTIVE")
    site.scheduler.reserved["beamtime"] = begun
    same = {"start": begun.start.isoformat(), "end": (begun.end + timedelta(hours=1)).isoformat()}
    assert (await change(site, "POST", f"{PATH}/beamtime", json=same))["status"] == "ok"
    other = {"start": (begun.start + timedelta(minutes=1)).isoformat()}
    answer = await site.call("POST", f"{PATH}/beamtime", "red:demo1", json=other)
    assert (answer.status_code, "has begun" in answer.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"users": []},
        {"users": [], "projects": []},
        {"cores": 0},
        {"nodes": 1, "cores": 1},
        {"end": "2001-01-01"},
        {"start": "2999-01-01"},
        {"name": "other"},
        {"owner": "demo2"},
        {"cores": 2, "flags": "MAINT"},
    ],
)
async def test_what_is_no_change_is_wrong_input(site, sent):
    await change(site, "POST", PATH, data=form(site))
    assert (await site.call("POST", f"{PATH}/beamtime", "red:demo1", json=sent)).status_code == 422


async def test_others_change_nothing(site):
    await change(site, "POST", PATH, data=form(site))
    for token, sent in (("red:demo2", {"cores": 1}), ("red:demo1", {"users": ["demo2"]})):
        assert (await site.call("POST", f"{PATH}/beamtime", token, json=sent)).status_code == 403
    for level in ("green", "yellow", "orange"):
        response = await site.call("POST", f"{PATH}/beamtime", f"{level}:demo1", json={"cores": 1})
        assert response.status_code == 403
    assert (await site.call("POST", f"{PATH}/nothing", "red:demo1", json={"cores": 1})).status_code == 404


@pytest.mark.parametrize(("method", "sent"), [("DELETE", {}), ("POST", {"json": {"cores": 1}})])
async def test_whose_it_is_counts_when_the_task_runs(site, method, sent):
    """Between request and task the name has gone to somebody else."""
    await change(site, "POST", PATH, data=form(site))
    accepted = (await site.call(method, f"{PATH}/beamtime", "red:demo1", **sent)).json()
    site.scheduler.reserved["beamtime"] = replace(site.scheduler.reserved["beamtime"], users=("demo2",))
    async with site.working():
        result = json.loads((await site.result(accepted["task_id"]))["result"])
    assert result["status"] == "error"
    assert "must be yours" in result["error"]
    assert site.scheduler.reserved["beamtime"].users == ("demo2",)
    assert site.scheduler.reserved["beamtime"].cores == 2


async def test_a_site_may_leave_reservations_to_staff(site):
    site.app.state.services = replace(
        site.services, reservations=replace(site.services.reservations, who=ReservationRule.STAFF)
    )
    assert (await site.call("POST", PATH, "red:demo1", data=form(site))).status_code == 403
    await site.call("POST", PATH, "red:staff1", data=form(site, users="demo1"))
    async with site.working():
        await site.result("1", "red:staff1")
    assert (await site.call("DELETE", f"{PATH}/beamtime", "red:demo1")).status_code == 403
    assert (await site.call("POST", f"{PATH}/beamtime", "red:demo1", json={"cores": 1})).status_code == 403
    assert (await site.get(f"{PATH}/beamtime", "green:demo1")).status_code == 200


async def test_many_who_ask_at_once_cost_a_scheduler_little(site, monkeypatch):
    """One question on its way at a time, and nobody is told of what was before they asked."""
    asked, at_once, reservations = 0, [0, 0], site.scheduler.reservations

    async def slow():
        nonlocal asked
        asked, at_once[0] = asked + 1, at_once[0] + 1
        at_once[1] = max(at_once)
        await asyncio.sleep(0.01)
        at_once[0] -= 1
        return await reservations()

    monkeypatch.setattr(site.scheduler, "reservations", slow)
    answers = await asyncio.gather(*(site.get(PATH, "green:demo1") for _ in range(50)))
    assert {each.status_code for each in answers} == {200}
    assert (asked <= 3, at_once[1]) == (True, 1)


async def test_while_the_scheduler_is_away_the_last_reading_is_told_with_its_age(site, monkeypatch):
    monkeypatch.setattr("superfacility.services.reservations.readings._PATIENCE", 0.05)
    reservations = site.scheduler.reservations

    async def away():
        raise Unavailable("slurmctld is away")

    monkeypatch.setattr(site.scheduler, "reservations", away)
    assert (await site.get(PATH, "green:demo1")).status_code == 503
    monkeypatch.setattr(site.scheduler, "reservations", reservations)
    await change(site, "POST", PATH, data=form(site))
    known = await site.get(PATH, "green:demo1")
    assert known.headers["x-data-as-of"] == site.clock.now().isoformat()
    site.clock.advance(timedelta(seconds=30))
    for silence in (away, asyncio.Event().wait):
        monkeypatch.setattr(site.scheduler, "reservations", silence)
        told = await site.get(PATH, "green:demo1")
        assert (told.json(), told.headers["x-data-as-of"]) == (known.json(), known.headers["x-data-as-of"])
        accepted = await site.call("POST", f"{PATH}/beamtime", "red:demo1", json={"cores": 1})
        assert accepted.json()["status"] == "OK", "accepting waits for no scheduler"


async def test_a_change_that_was_accepted_is_answered_again_after_the_reservation_is_gone(site):
    await change(site, "POST", PATH, data=form(site))
    end = (site.clock.now() + timedelta(hours=5)).isoformat()
    asked = {"json": {"end": end}, "headers": {"Idempotency-Key": "k1"}}
    first = (await site.call("POST", PATH + "/beamtime", "red:demo1", **asked)).json()
    async with site.working():
        await site.result(first["task_id"])
    await change(site, "DELETE", PATH + "/beamtime")
    again = await site.call("POST", PATH + "/beamtime", "red:demo1", **asked)
    assert again.json()["task_id"] == first["task_id"]
    asked["headers"] = {"Idempotency-Key": "k2"}
    assert (await site.call("POST", PATH + "/beamtime", "red:demo1", **asked)).status_code == 404
