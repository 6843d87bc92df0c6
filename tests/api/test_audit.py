"""Every request that changes something leaves one row: who did what, with which program, from where."""

import re
from datetime import timedelta

import pytest

from superfacility.app import openapi_document
from superfacility.facility.deliveries import Channel, NewDelivery, Step

START, END = "2030-01-01T08:00:00+00:00", "2030-01-01T09:00:00+00:00"
CHANGES = [
    ("POST", "/account/groups", {"name": "g0002", "repo_name": "m0001"}, "account.create_group"),
    ("PUT", "/account/groups/g0001", {"usernames": "demo2", "action": "batch_add"}, "account.change_members"),
    ("DELETE", "/account/groups/g0001", {}, "account.delete_group"),
    ("POST", "/compute/jobs/perlmutter", {"job": "#!/bin/sh\n", "isPath": "false"}, "compute.submit"),
    ("DELETE", "/compute/jobs/perlmutter/1", None, "compute.cancel"),
    ("POST", "/compute/jobs/perlmutter/cancel", {"jobids": ["1"]}, "compute.cancel_many"),
    ("POST", "/compute/jobs/perlmutter/1/hold", None, "compute.hold"),
    ("POST", "/compute/jobs/perlmutter/1/release", None, "compute.release"),
    ("POST", "/compute/jobs/perlmutter/1/requeue", None, "compute.requeue"),
    ("PATCH", "/compute/jobs/perlmutter/1", {"qos": "debug"}, "compute.change"),
    ("DELETE", "/tasks/1", None, "tasks.cancel"),
    ("POST", "/utilities/command/perlmutter", {"executable": "true"}, "utilities.command"),
    (
        "POST",
        "/reservations/perlmutter",
        {"name": "night", "start": START, "end": END, "cores": "1"},
        "reservations.create",
    ),
    ("POST", "/reservations/perlmutter/beam", {"cores": "2"}, "reservations.update"),
    ("DELETE", "/reservations/perlmutter/beam", None, "reservations.delete"),
    ("POST", "/callbacks/secret", None, "callbacks.rotate"),
    ("POST", "/callbacks/1/redeliver", None, "callbacks.redeliver"),
]
ELSEWHERE = {
    ("PUT", "/utilities/upload/{machine}/{path}"),
    ("POST", "/storage/globus/transfer"),
    ("POST", "/account/applications"),
    ("PATCH", "/account/applications/{application_id}"),
    ("DELETE", "/account/applications/{application_id}"),
    ("POST", "/account/applications/{application_id}/approval"),
    ("DELETE", "/account/grants/{grant_id}"),
    ("POST", "/account/clients"),
    ("PATCH", "/account/clients/{client_id}"),
    ("DELETE", "/account/clients/{client_id}"),
    ("POST", "/account/clients/{client_id}/key"),
    ("POST", "/account/clients/{client_id}/renew"),
    ("POST", "/account/client_requests"),
    ("DELETE", "/account/client_requests/{request_id}"),
    ("POST", "/account/client_requests/{request_id}/approve"),
    ("POST", "/account/client_requests/{request_id}/refuse"),
    ("PUT", "/account/projects/{repo_name}/allocation_rule"),
    ("POST", "/account/projects/{repo_name}/allocations"),
    ("PATCH", "/account/projects/{repo_name}/allocations/{allocation_id}"),
    ("DELETE", "/account/projects/{repo_name}/allocations/{allocation_id}"),
    ("PUT", "/account/projects/{repo_name}/shares/{user}"),
    ("PATCH", "/account/projects/{repo_name}"),
    ("PATCH", "/account/projects/{repo_name}/quotas"),
    ("POST", "/account/projects/{repo_name}/members"),
    ("PATCH", "/account/projects/{repo_name}/members/{user}"),
    ("DELETE", "/account/projects/{repo_name}/members/{user}"),
    ("POST", "/account/projects/{repo_name}/invitations"),
    ("DELETE", "/account/projects/{repo_name}/invitations/{invitation_id}"),
    ("POST", "/account/invitations/accept"),
    ("POST", "/account/invitations/decline"),
    ("POST", "/account/projects/{repo_name}/requests"),
    ("POST", "/account/projects/{repo_name}/requests/{request_id}"),
    ("DELETE", "/account/join_requests/{request_id}"),
}
"""Their tests look at the audit themselves: they need files, an application that somebody has allowed, or people."""


def callback_at(now):
    """One of demo1's, that waits to be sent."""
    target, place = "https://example.org/hook", "example.org"
    until = now + timedelta(hours=24)
    what = ("7", "demo1", "perlmutter", "1", Channel.WEBHOOK, target, place, "job.ended", "{}", "msg_1", now, until)
    return NewDelivery(*what)


@pytest.fixture
async def filled(site):
    """Has a group, a job, a task, a reservation and a callback to change."""
    await site.call("POST", "/account/groups", "red:demo1", data={"name": "g0001", "repo_name": "m0001"})
    form = {"name": "beam", "start": START, "end": END, "cores": "1"}
    task = (await site.call("POST", "/reservations/perlmutter", "red:demo1", data=form)).json()["task_id"]
    async with site.working():
        await site.result(task)
    site.scheduler.add("1")
    await site.services.callbacks.store.commit(Step(1, deliveries=[callback_at(site.clock.now())]))
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
