"""Goal S8: what is another's is as unknown as what does not exist, for every route that names an object.

The matrix is made from the router: a route with a new parameter fails here until the town of conftest.py has such an
object, and a new route over known parameters is tried without a body, or with the one of its line in `ROWS`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from typing import Any, cast

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from superfacility.app import BASE_PATH, create_app, openapi_document
from superfacility.facility.jobs import JobState
from superfacility.http.security import declared_scope
from superfacility.testing.tokens import key_pair

OWNER, STRANGER, COLLEAGUE = "demo1", "demo2", "demo3"
EVERYBODYS = re.compile(r"\{machine\}|/status/\{name\}")
"""Parameters that name nothing of anybody's."""


class Verdict(Enum):
    """What somebody else is told."""

    UNKNOWN = auto()
    """404, in the same words as for what does not exist."""
    FORBIDDEN = auto()
    """403."""
    REFUSED = auto()
    """200 with `status: ERROR`, where the contract's bodies have a status."""
    DENIED = auto()
    """422 in the words of the file system, which knows whose the file is."""
    COMMON = auto()
    """All may read it by the contract, unless the site's `visibility` says otherwise (test_visibility)."""


U, F, R, D, C = Verdict


@dataclass(frozen=True)
class Row:
    """How a route is tried. The owner's own call must succeed, else a refusal of others would prove nothing."""

    stranger: Verdict = U
    colleague: Verdict | None = None
    """In the same project, with no special role there; None: as a stranger."""
    body: Mapping[str, Any] = field(default_factory=dict)
    owner: str = OWNER

    def verdict(self, who: str) -> Verdict:
        return self.stranger if who == STRANGER or self.colleague is None else self.colleague


LOGGED_IN = f"{OWNER}:login"
KEY = {"json": {"public_key": key_pair("EdDSA")[1]}}
FILE = {"files": {"file": ("a", b"mine now\n")}}
ROWS = {
    "GET /account/groups/{group}": Row(U, C),
    "PUT /account/groups/{group}": Row(U, F, {"data": {"usernames": "demo2", "action": "batch_add"}}),
    "DELETE /account/groups/{group}": Row(U, F),
    "GET /account/projects/{repo_name}": Row(U, C),
    "PATCH /account/projects/{repo_name}": Row(U, F, {"json": {"title": "Mine"}}),
    "PATCH /account/projects/{repo_name}/quotas": Row(U, F, {"json": {"project_bytes": -1}}, owner="staff1"),
    "GET /account/projects/{repo_name}/allocation_rule": Row(U, C),
    "PUT /account/projects/{repo_name}/allocation_rule": Row(
        U, F, {"json": {"when_exhausted": "warn"}}, owner="staff1"
    ),
    "GET /account/projects/{repo_name}/allocations": Row(U, C),
    "POST /account/projects/{repo_name}/allocations": Row(U, F, {"json": {"kind": "gpu", "hours": 5}}, owner="staff1"),
    "PATCH /account/projects/{repo_name}/allocations/{allocation_id}": Row(
        U, F, {"json": {"hours": 500}}, owner="staff1"
    ),
    "DELETE /account/projects/{repo_name}/allocations/{allocation_id}": Row(
        U, F, {"params": {"unlimited": "true"}}, owner="staff1"
    ),
    "GET /account/projects/{repo_name}/shares": Row(U, C),
    "PUT /account/projects/{repo_name}/shares/{user}": Row(U, F, {"json": {"hours": 5}}),
    "GET /account/projects/{repo_name}/usage": Row(U, C),
    "GET /account/projects/{repo_name}/jobs": Row(U, C),
    "GET /account/projects/{repo_name}/members": Row(U, C),
    "POST /account/projects/{repo_name}/members": Row(U, F, {"json": {"user": "demo5"}}),
    "PATCH /account/projects/{repo_name}/members/{user}": Row(U, F, {"json": {"role": "pi_proxy"}}),
    "DELETE /account/projects/{repo_name}/members/{user}": Row(U, F),
    "GET /account/projects/{repo_name}/invitations": Row(U, F),
    "POST /account/projects/{repo_name}/invitations": Row(U, F, {"json": {"user": "demo5"}}),
    "DELETE /account/projects/{repo_name}/invitations/{invitation_id}": Row(U, F),
    "GET /account/projects/{repo_name}/requests": Row(U, F),
    "POST /account/projects/{repo_name}/requests/{request_id}": Row(U, F, {"json": {"accept": True}}),
    "PATCH /account/clients/{client_id}": Row(body={"json": {"name": "mine"}}, owner=LOGGED_IN),
    "DELETE /account/clients/{client_id}": Row(owner=LOGGED_IN),
    "POST /account/clients/{client_id}/renew": Row(owner=LOGGED_IN),
    "POST /account/clients/{client_id}/key": Row(body=KEY, owner=LOGGED_IN),
    "POST /account/client_requests/{request_id}/approve": Row(F, F, owner="staff1:login"),
    "POST /account/client_requests/{request_id}/refuse": Row(F, F, {"json": {"reason": "no"}}, owner="staff1:login"),
    "DELETE /account/client_requests/{request_id}": Row(F, F, owner=LOGGED_IN),
    "PATCH /account/applications/{application_id}": Row(
        body={"json": {"homepage": "https://mine.example"}}, owner=LOGGED_IN
    ),
    "DELETE /account/applications/{application_id}": Row(owner=LOGGED_IN),
    "POST /account/applications/{application_id}/approval": Row(
        F, F, {"json": {"approve": False}}, owner="staff1:login"
    ),
    "DELETE /compute/jobs/{machine}/{jobid}": Row(R),
    "GET /compute/jobs/{machine}/{jobid}": Row(C),
    "PATCH /compute/jobs/{machine}/{jobid}": Row(R, body={"json": {"qos": "debug"}}),
    "GET /compute/jobs/{machine}/{jobid}/details": Row(C),
    "POST /compute/jobs/{machine}/{jobid}/hold": Row(R),
    "GET /compute/jobs/{machine}/{jobid}/output": Row(D),
    "GET /compute/jobs/{machine}/{jobid}/output/follow": Row(D),
    "POST /compute/jobs/{machine}/{jobid}/release": Row(R),
    "POST /compute/jobs/{machine}/{jobid}/requeue": Row(R),
    "GET /reservations/{machine}/{name}": Row(C),
    "POST /reservations/{machine}/{name}": Row(F, body={"json": {"cores": 2}}),
    "DELETE /reservations/{machine}/{name}": Row(F),
    "GET /utilities/ls/{machine}/{path}": Row(R),
    "GET /utilities/download/{machine}/{path}": Row(R),
    "PUT /utilities/upload/{machine}/{path}": Row(R, body=FILE),
}
ASKING_TO_JOIN = "POST /account/projects/{repo_name}/requests"
"""Everybody may; whether the project exists must not be told."""
DAY = {"start": "2030-01-01T08:00:00+00:00", "end": "2030-01-01T09:00:00+00:00"}
STOLEN = {"source_dir": "/home/demo1/secret.txt", "target_dir": "/home/demo2/mine"}
NAMED_IN_BODIES = [
    ("/account/groups", {"data": {"name": "g0002", "repo_name": "m0001"}}, U),
    ("/account/applications", {"json": {"name": "X", "level": "green", "device": True, "project": "m0001"}}, F),
    ("/reservations/perlmutter", {"data": {"name": "n", **DAY, "cores": 1, "projects": "m0001"}}, F),
    ("/reservations/perlmutter", {"data": {"name": "n", **DAY, "cores": 1, "users": "demo1"}}, F),
    ("/storage/globus/transfer", {"data": {"source_uuid": "dtn", "target_uuid": "dtn", **STOLEN}}, R),
]
"""Where the body names what is another's."""
ASKING_FOR_OTHERS = {("/account", "username"): C, ("/callbacks", "user"): F, ("/account/clients/details", "user"): U}
"""Query parameters that name a person."""
PEOPLE = {"user", "username", "owner", "member"}
ENDLESS = {"/events"}
"""Streams: what they show follows `visibility`, and test_events asks them."""
FOR_STAFF = {"/status/{name}/nodes/unusable"}
COMMON_LISTS = {"/compute/jobs/{machine}", "/reservations/{machine}"}
"""Everybody's by the contract."""


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    found = openapi_document()["paths"].items()
    return [(method.upper(), path, operation) for path, all_of in found for method, operation in all_of.items()]


def owned(path: str) -> bool:
    return "{" in EVERYBODYS.sub("", path)


GUARDED = [(method, path) for method, path, operation in operations() if operation["x-nersc-scope"] != "public"]
MATRIX = [
    pytest.param(method, path, id=f"{method} {path}")
    for method, path in GUARDED
    if owned(path) and f"{method} {path}" != ASKING_TO_JOIN
]
LISTS = [path for method, path in GUARDED if method == "GET" and not owned(path) and path not in ENDLESS]
ASKED_FOR = [
    pytest.param(path, each["name"], id=f"{path}?{each['name']}")
    for _, path, operation in operations()
    for each in operation.get("parameters", ())
    if each["in"] == "query" and each["name"] in PEOPLE and path not in ENDLESS
]
APP = create_app(cast("Any", None), name="Example")


def row(method: str, path: str) -> Row:
    return ROWS.get(f"{method} {path}", Row())


def is_verdict(verdict: Verdict, answer: httpx.Response) -> bool:
    if verdict is R:
        return answer.status_code == 200 and answer.json()["status"] == "ERROR"
    return answer.status_code == {U: 404, F: 403, D: 422, C: 200}[verdict]


@pytest.mark.parametrize(("method", "path"), MATRIX)
@pytest.mark.parametrize("who", [STRANGER, COLLEAGUE])
async def test_nobody_reaches_what_is_anothers(town, method, path, who):
    tried, before = row(method, path), town.records()
    answer = await town.call(method, town.address(path), who, **tried.body)
    assert is_verdict(tried.verdict(who), answer), answer.text
    assert town.records() == before or method == "GET"
    if tried.verdict(who) is not C:
        assert "canary" not in answer.text
    if tried.verdict(who) is U:
        mine, none = town.address(path), town.address(path, known=False)
        unknown = await town.call(method, none, who, **tried.body)
        assert unknown.status_code == 404
        assert _anonymous(unknown.text, none) == _anonymous(answer.text, mine), "one can tell that it exists"


def _anonymous(text: str, path: str) -> str:
    for part in sorted(path.split("/"), key=len, reverse=True):
        text = text.replace(part, "") if len(part) > 3 or part.isdecimal() else text
    return re.sub(r"\W+", " ", text)


@pytest.mark.parametrize(("method", "path"), MATRIX)
async def test_its_owner_does(town, method, path):
    tried = row(method, path)
    if path.endswith("/follow"):  # it ends with the job
        town.site.scheduler.add("7", OWNER, JobState.COMPLETED)
        town.site.clock.advance(timedelta(minutes=1))
    answer = await town.call(method, town.address(path), tried.owner, **tried.body)
    assert answer.status_code in (200, 201), answer.text
    assert answer.headers["content-type"] != "application/json" or _told(answer).get("status") != "ERROR"


@pytest.mark.parametrize("path", LISTS)
async def test_lists_show_nothing_of_anothers(empty_town, path):
    """Whatever demo1 has, demo2 sees the same as before."""
    before = await empty_town.call("GET", empty_town.address(path), STRANGER)
    await empty_town.fill()
    empty_town.site.clock.advance(timedelta(minutes=1))
    after = await empty_town.call("GET", empty_town.address(path), STRANGER)
    assert after.status_code == before.status_code == (403 if path in FOR_STAFF else 200)
    told = [{**_told(each), "data_as_of": ""} for each in (before, after)]
    assert (told[0] != told[1]) == (path in COMMON_LISTS)


def _told(answer: httpx.Response) -> dict[str, Any]:
    found = answer.json()
    return found if isinstance(found, dict) else {"rows": found}


@pytest.mark.parametrize(("path", "body", "verdict"), NAMED_IN_BODIES)
async def test_no_body_names_what_is_anothers(town, path, body, verdict):
    before = town.records()
    answer = await town.call("POST", path, STRANGER, **body)
    assert is_verdict(verdict, answer), answer.text
    assert town.records() == before
    assert "canary" not in answer.text


async def test_who_asks_to_join_cannot_tell_whether_the_project_exists(town):
    path = "/account/projects/{}/requests"
    told = [await town.call("POST", path.format(name), STRANGER, json={}) for name in ("m0001", "m9999")]
    assert [each.status_code for each in told] == [201, 201]
    there, nowhere = (each.json() for each in told)
    assert {**there, "id": "", "project": ""} == {**nowhere, "id": "", "project": ""}
    again = [await town.call("POST", path.format(name), STRANGER, json={}) for name in ("m0001", "m9999")]
    assert [each.status_code for each in again] == [409, 409]
    assert again[0].text.replace("m0001", "") == again[1].text.replace("m9999", "")


async def test_an_invitation_is_accepted_by_nobody_else(town):
    """By its id only who it is addressed to may; whether it exists is not told."""
    before = town.records()
    for claim in ({"id": town.objects["/invitations/{invitation_id}"]}, {"id": "none"}, {"token": "inv_none"}):
        for verb in ("accept", "decline"):
            answer = await town.call("POST", f"/account/invitations/{verb}", STRANGER, json=claim)
            assert answer.status_code == 404
            assert answer.json() == {"detail": "You have no such invitation; GET /account/invitations lists yours."}
    assert town.records() == before


async def test_cancelling_many_jobs_spares_those_of_others(town):
    town.site.scheduler.add("8", STRANGER)
    task = await town.call("POST", "/compute/jobs/perlmutter/cancel", STRANGER, json={"jobids": ["7", "8"]})
    async with town.site.working():
        done = json.loads((await town.site.result(task.json()["task_id"], f"red:{STRANGER}"))["result"])
    told = {job: each["status"] for job, each in done["jobs"].items()}
    assert told == {"7": "error", "8": "ok"}
    assert town.site.scheduler.jobs["7"].state is JobState.RUNNING


@pytest.mark.parametrize(("path", "parameter"), ASKED_FOR)
async def test_asking_for_another_person_is_refused_or_common(town, path, parameter):
    verdict = ASKING_FOR_OTHERS[path, parameter]
    answer = await town.call("GET", path, STRANGER, params={parameter: OWNER})
    assert is_verdict(verdict, answer), answer.text


def test_the_matrix_is_whole():
    """A route that is not described would not be in it."""
    assert len(MATRIX) > 20
    described = {BASE_PATH + path for _, path, _ in operations()}
    guarded = {route.path for route in iter_route_contexts(APP.router.routes) if declared_scope(route)}
    assert {re.sub(r":\w+\}", "}", path) for path in guarded} <= described
    assert set(ROWS) <= {f"{method} {path}" for method, path in GUARDED}
