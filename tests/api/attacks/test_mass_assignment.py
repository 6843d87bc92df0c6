"""Goal S9: a body sets what its schema names, and nothing else of an object.

What v1.2 gives us ignores other fields, because existing programs send some; our own endpoints answer 422. The fields
that are tried are all that any answer shows, and those that records are made of.
"""

from typing import Any

import pytest

from superfacility.app import openapi_document

OWNER = "demo1"
RECORDS = {
    "id", "uid", "gid", "user", "users", "owner", "username", "actor", "staff", "active", "level", "scopes", "role",
    "client_id", "created_at", "expires_at", "revoked_at", "approval", "approved", "status", "state", "result",
    "reference", "handler", "intent", "project", "members", "keys", "ips", "profile", "dpop", "__class__", "__proto__",
    "constructor", "self", "cls", "model_config",
}  # fmt: skip
CANARIES: list[Any] = ["canary", 424242]
DAY = {"start": "2030-01-01T08:00:00+00:00", "end": "2030-01-01T09:00:00+00:00"}
PATHS = {"source_dir": "/home/demo1/7.out", "target_dir": "/home/demo1/c"}
V12 = {
    "POST /account/groups": {"name": "g0002", "repo_name": "m0001"},
    "PUT /account/groups/{group}": {"usernames": "demo2", "action": "batch_add"},
    "POST /compute/jobs/{machine}": {"job": "#!/bin/sh\n", "isPath": "false"},
    "POST /reservations/{machine}": {"name": "night", **DAY, "cores": "1"},
    "POST /storage/globus/transfer": {"source_uuid": "dtn", "target_uuid": "dtn", **PATHS},
    "POST /utilities/command/{machine}": {"executable": "true"},
}
"""The contract's routes with a body that is right. All others are our own."""


def schema_of(reference: str) -> dict[str, Any]:
    found: dict[str, Any] = openapi_document()["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def shown_anywhere() -> set[str]:
    return {
        name for each in openapi_document()["components"]["schemas"].values() for name in each.get("properties", {})
    }


BODIES = [
    pytest.param(
        method.upper(),
        path,
        sorted((RECORDS | shown_anywhere()) - schema_of(content["schema"]["$ref"])["properties"].keys()),
        id=f"{method.upper()} {path}",
    )
    for path, operations in openapi_document()["paths"].items()
    for method, operation in operations.items()
    if (content := operation.get("requestBody", {}).get("content", {}).get("application/json"))
]
OURS = [each for each in BODIES if each.id not in V12]
CONTRACTS = [each for each in BODIES if each.id in V12]


def test_every_body_is_tried():
    assert {each.id for each in CONTRACTS} == set(V12)
    assert len(OURS) >= 6
    assert all(len(each.values[2]) > 60 for each in BODIES)


@pytest.mark.parametrize("kind", ["json", "data"])
@pytest.mark.parametrize(("method", "path", "fields"), OURS)
async def test_our_own_endpoints_refuse_what_they_do_not_know(town, method, path, fields, kind):
    before = town.records()
    for name in fields:
        answer = await town.call(method, town.address(path), OWNER, **{kind: {name: "canary"}})
        assert answer.status_code == 422, (name, answer.text)
        assert name in str(answer.json()["detail"][0]["loc"]), answer.text
    assert town.records() == before


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("kind", ["json", "data"])
@pytest.mark.parametrize(("method", "path", "fields"), CONTRACTS)
async def test_the_contracts_endpoints_bind_nothing_else(town, method, path, fields, kind, canary):
    """One that is bound would leave its value behind, or be of the wrong type."""
    extra = dict.fromkeys(fields, canary)
    answer = await town.call(method, town.address(path), OWNER, **{kind: extra | V12[f"{method} {path}"]})
    assert answer.status_code == 200, answer.text
    assert answer.json().get("status", "OK") == "OK", answer.text
    left = town.records().replace("canary\\n", "")  # what demo1's files hold
    assert str(canary) not in left + answer.text
