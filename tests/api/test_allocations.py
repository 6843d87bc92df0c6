"""Hours over the API: staff give, managers divide, members see, others know nothing of them."""

from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.accounting.charges import Charge, HoursKind
from superfacility.facility.people import Project, ProjectName, Role
from superfacility.testing.stores import MemoryLedger

M0001 = "/account/projects/m0001"
M0002 = "/account/projects/m0002"
STAFF = "red:staff1"
YEAR = {"kind": "gpu", "hours": 500, "begins": "2027-01-01", "ends": "2027-12-31"}
READS = ("/allocations", "/shares", "/allocation_rule", "/usage")
STAFF_WRITES = (
    ("POST", "/allocations", YEAR),
    ("PATCH", "/allocations/1", {"hours": 1}),
    ("DELETE", "/allocations/1", None),
    ("PUT", "/allocation_rule", {"when_exhausted": "block"}),
)
SHARE = ("PUT", "/shares/demo1", {"percent": 10})


@pytest.fixture
async def two(site):
    """m0002 of demo2, beside m0001 of demo1."""
    await site.people.save_project(Project(0, ProjectName("m0002")), site.audit(), new=True)
    await site.people.set_membership(ProjectName("m0002"), "demo2", Role.PI, site.audit())
    return site


async def send(site, token, method, path, body=None):
    return await site.call(method, path, token, **({} if body is None else {"json": body}))


async def test_staff_give_change_and_take_hours(site):
    added = await send(site, STAFF, "POST", f"{M0001}/allocations", YEAR)
    assert added.status_code == 201
    number = added.json()["id"]
    assert added.json() == {"id": number, "project": "m0001", **YEAR}
    assert (await send(site, STAFF, "POST", f"{M0001}/allocations", YEAR)).status_code == 409
    changed = await send(
        site, STAFF, "PATCH", f"{M0001}/allocations/{number}", {"without": ["hours"], "ends": "2028-06-30"}
    )
    assert changed.json() == {**added.json(), "hours": None, "ends": "2028-06-30"}
    listed = (await site.get(f"{M0001}/allocations", "green:demo1")).json()
    assert [(each["kind"], each["current"], each["left"]) for each in listed] == [
        ("cpu", True, 100.0),
        ("gpu", False, None),
    ]
    assert listed == (await site.get("/account/allocations", "green:demo1")).json()
    last = await send(site, STAFF, "DELETE", f"{M0001}/allocations/{number}")
    assert (last.status_code, "without limit" in last.text) == (409, True)
    removed = await send(site, STAFF, "DELETE", f"{M0001}/allocations/{number}?unlimited=true")
    assert removed.json() == changed.json()
    assert (await send(site, STAFF, "DELETE", f"{M0001}/allocations/{number}")).status_code == 404
    actions = [entry.action for entry in site.memory.audit if entry.actor == "staff1"]
    assert actions == ["allocations.add", "allocations.change", "allocations.remove"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": -1},
        {"hours": 1e13},
        {"kind": "tpu"},
        {"begins": "soon"},
        {"begins": "2027-02-01", "ends": "2027-01-01"},
        {"owner": "me"},
        {"hours": None},
        {"unlimited": True},
    ],
)
async def test_what_is_no_allocation(site, wrong):
    assert (await send(site, STAFF, "POST", f"{M0001}/allocations", YEAR | wrong)).status_code == 422


@pytest.mark.parametrize("role", list(Role))
async def test_what_each_role_may(site, role):
    await site.people.set_membership(ProjectName("m0001"), "demo2", role, site.audit())
    for path in READS:
        assert (await site.get(M0001 + path, "green:demo2")).status_code == 200
    for method, path, body in STAFF_WRITES:
        assert (await send(site, "red:demo2", method, M0001 + path, body)).status_code == 403, path
    method, path, body = SHARE
    divides = role in (Role.PI, Role.PI_PROXY, Role.RESOURCE_MANAGER)
    assert (await send(site, "red:demo2", method, M0001 + path, body)).status_code == (200 if divides else 403)
    assert (await send(site, "orange:demo2", method, M0001 + path, body)).status_code == 403


async def test_projects_of_others_are_unknown(two):
    for path in READS:
        assert (await two.get(M0002 + path, "green:demo1")).status_code == 404, path
        assert (await two.get(M0002 + path, "green:staff1")).status_code == 200, path
    for method, path, body in (*STAFF_WRITES, SHARE):
        assert (await send(two, "red:demo1", method, M0002 + path, body)).status_code == 404, path
    number = (await two.get(f"{M0001}/allocations", STAFF)).json()[0]["id"]
    for method in ("PATCH", "DELETE"):
        crossed = await send(two, STAFF, method, f"{M0002}/allocations/{number}", {"hours": 1})
        assert crossed.status_code == 404
    assert (await send(two, "red:demo2", "PUT", f"{M0002}/shares/demo1", {"hours": 1})).status_code == 404
    assert (await send(two, STAFF, "POST", "/account/projects/none/allocations", YEAR)).status_code == 404
    assert [each["hours"] for each in (await two.get("/account/allocations", "green:demo1")).json()] == [100.0]


async def test_a_share_shows_in_the_balance(site):
    await site.people.set_membership(ProjectName("m0001"), "demo2", Role.USER, site.audit())
    share = await send(site, "red:demo1", "PUT", f"{M0001}/shares/demo2", {"percent": 10})
    expected = {"project": "m0001", "user": "demo2", "kind": "cpu", "hours": None, "percent": 10.0}
    assert share.json() == expected
    assert (await site.get(f"{M0001}/shares", "green:demo2")).json() == [expected]
    (balance,) = (await site.get("/account/projects", "green:demo2")).json()
    assert (balance["hours_given"], balance["project_hours_given"]) == (10.0, 100.0)
    for wrong in ({"percent": 101}, {"percent": 1, "hours": 1}, {"hours": -1}):
        assert (await send(site, "red:demo1", "PUT", f"{M0001}/shares/demo2", wrong)).status_code == 422
    assert (await send(site, "red:demo1", "PUT", f"{M0001}/shares/demo2", {})).status_code == 200
    told = [(entry.action, entry.actor, entry.detail) for entry in site.memory.audit if entry.actor == "demo1"]
    assert told == [
        ("allocations.share", "demo1", "demo2 cpu 10 %"),
        ("allocations.share", "demo1", "demo2 cpu without a bound"),
    ]
    assert (await site.get(f"{M0001}/shares", "green:demo2")).json() == []


async def test_a_projects_own_rule(site):
    path = f"{M0001}/allocation_rule"
    assert (await site.get(path, "green:demo1")).json() == {"project": "m0001", "when_exhausted": "facility"}
    for rule in ("block", "facility"):
        assert (await send(site, STAFF, "PUT", path, {"when_exhausted": rule})).status_code == 200
        assert (await site.get(path, "green:demo1")).json()["when_exhausted"] == rule
    assert (await send(site, STAFF, "PUT", path, {"when_exhausted": "explode"})).status_code == 422
    told = [(entry.action, entry.detail) for entry in site.memory.audit if entry.actor == "staff1"]
    assert told == [("allocations.rule", "block"), ("allocations.rule", "as the facility")]


async def test_usage_over_time(two):
    await two.people.set_membership(ProjectName("m0001"), "demo2", Role.USER, two.audit())
    today = two.clock.now().date()
    ends = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (today, today - timedelta(days=40))]
    rows = [("m0001", "demo1", 1.0), ("m0001", "demo2", 2.0), ("m0002", "demo2", 4.0)]
    await MemoryLedger(two.memory).record(
        [
            Charge("pm", f"{at}{number}", at, project, user, hours, at, HoursKind.CPU, "debug")
            for at in ends
            for number, (project, user, hours) in enumerate(rows)
        ]
    )
    month = (await two.get(f"{M0001}/usage?by=user", "green:demo2")).json()
    assert (month["project"], month["end"], month["cpu_hours"], month["gpu_hours"]) == (
        "m0001",
        today.isoformat(),
        3.0,
        0.0,
    )
    assert [(each["of"], each["node_hours"], each["jobs"]) for each in month["steps"]] == [
        ("demo1", 1.0, 1),
        ("demo2", 2.0, 1),
    ]
    longer = f"start={today - timedelta(days=60)}&step=month"
    assert (await two.get(f"{M0001}/usage?{longer}", "green:demo1")).json()["cpu_hours"] == 6.0
    own = (await two.get(f"/account/usage?{longer}&by=project", "green:demo2")).json()
    assert (own["user"], own["project"], own["cpu_hours"]) == ("demo2", None, 12.0)
    assert {each["of"] for each in own["steps"]} == {"m0001", "m0002"}


@pytest.mark.parametrize(
    "query",
    ["start=2026-02-01&end=2026-01-01", "start=2024-01-01&end=2026-01-01", "by=shoe", "step=hour", "start=now"],
)
async def test_what_is_no_time(site, query):
    assert (await site.get(f"{M0001}/usage?{query}", "green:demo1")).status_code == 422
