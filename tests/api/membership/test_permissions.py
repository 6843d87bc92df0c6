"""Every role against every endpoint that a permission guards, made from the table itself."""

import re
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from superfacility.app import openapi_document
from superfacility.facility.membership.permissions import PERMISSIONS, Permission, may
from superfacility.facility.people import Role

NAMES = dict(zip(Role, ("demo1", "proxy", "resources", "people", "user"), strict=True))
P = "/projects/m0001"


@dataclass(frozen=True)
class Use:
    """A request that one permission allows."""

    permission: Permission
    method: str
    path: str
    body: Any = None


USES = [
    Use(Permission.EDIT_MEMBERS, "POST", f"{P}/members", {"user": "newcomer"}),
    Use(Permission.EDIT_MEMBERS, "DELETE", f"{P}/members/other"),
    Use(Permission.EDIT_MEMBERS, "PUT", "/groups/g0001", {"usernames": "other", "action": "batch_add"}),
    Use(Permission.INVITE_USERS, "GET", f"{P}/invitations"),
    Use(Permission.INVITE_USERS, "POST", f"{P}/invitations", {"email": "ada@example.org"}),
    Use(Permission.INVITE_USERS, "DELETE", f"{P}/invitations/<invitation>"),
    Use(Permission.MARK_CONTINUING, "PATCH", f"{P}/members/other", {"continuing": True}),
    Use(Permission.CREATE_GROUPS, "POST", "/groups", {"name": "g0002", "repo_name": "m0001"}),
    Use(Permission.CREATE_GROUPS, "DELETE", "/groups/g0001"),
    Use(Permission.ACCEPT_USERS, "GET", f"{P}/requests"),
    Use(Permission.ACCEPT_USERS, "POST", f"{P}/requests/<request>", {"accept": True}),
    Use(Permission.CHANGE_ROLES, "PATCH", f"{P}/members/other", {"role": "resource_manager"}),
    Use(Permission.EDIT_ORGANISATION, "PATCH", P, {"organisation": "An institute"}),
    Use(Permission.EDIT_DETAILS, "PATCH", P, {"title": "A title"}),
    Use(Permission.VIEW, "GET", P),
    Use(Permission.VIEW, "GET", f"{P}/members"),
]
ELSEWHERE = {Permission.EDIT_ALLOCATION, Permission.EDIT_ARCHIVE_ALLOCATION, Permission.EDIT_QUOTAS}
"""The first is of compute hours, which have tests of their own; nothing can be divided by the others yet."""


@pytest.fixture
async def paths(team):
    """Of what the requests name."""
    await team.made("POST", f"{P}/members", "demo1", {"user": "other"})
    await team.made("POST", "/groups", "demo1", {"name": "g0001", "repo_name": "m0001"})
    invitation = await team.made("POST", f"{P}/invitations", "demo1", {"email": "bob@example.org"})
    request = await team.made("POST", f"{P}/requests", "asking", {})
    return {"<invitation>": invitation["id"], "<request>": request["id"]}


async def tried(team, paths, use, who):
    path = use.path
    for name, value in paths.items():
        path = path.replace(name, value)
    return await team.call(use.method, path, who, use.body)


def test_every_permission_is_used():
    assert {use.permission for use in USES} | ELSEWHERE == set(PERMISSIONS)


@pytest.mark.parametrize(("use", "role"), [*product(USES, Role)])
async def test_a_role_may_what_the_table_says(team, paths, use, role):
    team.site.memory.audit.clear()
    answer = await tried(team, paths, use, NAMES[role])
    if may(role, use.permission):
        assert answer.status_code in (200, 201), answer.text
        assert len(team.site.memory.audit) == (use.method != "GET")
    else:
        assert answer.status_code == 403
        assert team.site.memory.audit == []


@pytest.mark.parametrize("use", USES)
async def test_the_pi_of_another_project_finds_nothing(team, paths, use):
    team.site.memory.audit.clear()
    answer = await tried(team, paths, use, "demo2")
    assert answer.status_code == 404
    assert team.site.memory.audit == []


@pytest.mark.parametrize("use", USES)
async def test_staff_may_all_of_it(team, paths, use):
    assert (await tried(team, paths, use, "staff1")).status_code in (200, 201)


@pytest.mark.parametrize("use", [use for use in USES if use.method != "GET"])
async def test_a_green_client_changes_nothing(team, paths, use):
    answer = await team.site.call(use.method, f"/account{use.path}", "green:demo1", json=use.body)
    assert answer.status_code == 403


@pytest.mark.parametrize("role", Role)
async def test_a_project_says_what_you_may_do_in_it(team, role):
    found = await team.made("GET", P, NAMES[role])
    assert (found["repo_name"], found["role"]) == ("m0001", role.value)
    assert found["permissions"] == [each.value for each in Permission if may(role, each)]
    of_staff = await team.made("GET", P, "staff1")
    assert (of_staff["role"], of_staff["permissions"]) == (None, [each.value for each in Permission])


def test_every_route_of_a_project_is_tried():
    """But those that ask for no permission: quotas (staff), asking to join, jobs (members), and what others test."""
    documented = {
        (method.upper(), path.removeprefix("/account"))
        for path, operations in openapi_document()["paths"].items()
        for method in operations
        if re.match(r"/account/projects/\{repo_name\}(/(members|invitations|requests).*)?$", path)
    }
    known = {(use.method, use.path.replace("m0001", "{repo_name}").replace("other", "{user}")) for use in USES}
    named = {
        (
            method,
            re.sub("<invitation>", "{invitation_id}", re.sub("<request>", "{request_id}", path)).replace(
                "other", "{user}"
            ),
        )
        for method, path in known
    }
    assert documented - named == {("POST", "/projects/{repo_name}/requests")}
