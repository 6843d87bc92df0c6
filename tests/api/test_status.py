"""`/meta` and `/status`: public, both spellings, never a redirect."""

from datetime import datetime, timedelta

import pytest

from superfacility.facility.status import Outage, ResourceName

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
