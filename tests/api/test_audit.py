"""Every request that changes something leaves one row: who did what, with which program, from where."""

import re

import pytest

from superfacility.app import openapi_document

START, END = "2030-01-01T08:00:00+00:00", "2030-01-01T09:00:00+00:00"
CHANGES = [
    ("POST", "/account/groups", {"name": "g0002", "repo_name": "m0001"}, "account.create_group"),
    ("PUT", "/account/groups/g0001", {"usernames": "demo2", "action": "batch_add"}, "account.change_members"),
    ("POST", "/compute/jobs/perlmutter", {"job": "#!/bin/sh\n", "isPath": "false"}, "compute.submit"),
    ("DELETE", "/compute/jobs/perlmutter/1", None, "compute.cancel"),
    ("DELETE", "/tasks/1", None, "tasks.cancel"),
    ("POST", "/utilities/command/perlmutter", {"executable": "true"}, "utilities.command"),
    (
        "POST",
        "/reservations/perlmutter",
        {"name": "night", "start": START, "end": END, "cores": "1"},
        "reservations.create",
    ),
    ("DELETE", "/reservations/perlmutter/beam", None, "reservations.delete"),
]
ELSEWHERE = {("PUT", "/utilities/upload/{machine}/{path}"), ("POST", "/storage/globus/transfer")}
"""Their tests look at the audit themselves: they need files."""


@pytest.fixture
async def filled(site):
    """Has a group, a job, a task and a reservation to change."""
    await site.call("POST", "/account/groups", "red:demo1", data={"name": "g0001", "repo_name": "m0001"})
    form = {"name": "beam", "start": START, "end": END, "cores": "1"}
    task = (await site.call("POST", "/reservations/perlmutter", "red:demo1", data=form)).json()["task_id"]
    async with site.working():
        await site.result(task)
    site.scheduler.add("1")
    site.memory.audit.clear()
    return site


@pytest.mark.parametrize(("method", "path", "form", "action"), CHANGES)
async def test_a_change_leaves_one_row(filled, method, path, form, action):
    answer = await filled.call(method, path, "red:demo1", data=form)
    assert answer.status_code == 200, answer.text
    (row,) = filled.memory.audit
    assert (row.action, row.actor, row.client_id, row.address) == (action, "demo1", "client-demo1", "127.0.0.1")
    assert row.target


@pytest.mark.parametrize(("method", "path", "form", "action"), CHANGES)
async def test_a_refused_change_leaves_none(filled, method, path, form, action):
    assert (await filled.call(method, path, None, data=form)).status_code == 403
    assert (await filled.call(method, path, "green:demo2", data=form)).status_code in {403, 404}
    assert filled.memory.audit == []


def test_every_route_that_changes_something_is_here():
    changing = {
        (method.upper(), path)
        for path, operations in openapi_document()["paths"].items()
        for method in operations
        if method not in {"get", "head"} and not path.startswith("/oauth2")
    }
    tried = {
        (method, template)
        for method, template in changing
        for known, path, *_ in CHANGES
        if known == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    }
    assert tried | ELSEWHERE == changing
