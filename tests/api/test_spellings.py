"""Existing programs add and leave out trailing slashes, and follow no redirects: both spellings are one address."""

import re

import pytest

from superfacility.app import openapi_document

OPERATIONS = [
    (method.upper(), path)
    for path, operations in openapi_document()["paths"].items()
    for method in operations
    if not path.startswith("/utilities/")  # a slash is part of a file's name there
]
NAMES = {
    "machine": "perlmutter", "jobid": "77", "id": "77", "group": "g0001", "repo_name": "m0001", "globus_uuid": "77",
}  # fmt: skip
FOR_STAFF = {
    "/status/perlmutter/nodes/unusable",
    "/account/projects/m0001/allocations",
    "/account/projects/m0001/quotas",
}
FOR_PEOPLE = ("/account/client_requests/", "/account/applications")
ALREADY = {("POST", "/account/projects/m0001/requests")}
"""Asks to join a project that the caller is a member of; gives hours where there are some already."""


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_a_trailing_slash_changes_nothing(site, method, path):
    path = re.sub(r"\{(\w+)\}", lambda found: NAMES.get(found[1], "perlmutter"), path)
    login = ":login" if path.startswith(FOR_PEOPLE) else ""
    token = f"red:{'staff1' if path in FOR_STAFF or login else 'demo1'}{login}"
    plain = await site.call(method, path, token)
    slashed = await site.call(method, path + "/", token)
    assert plain.status_code == slashed.status_code
    assert plain.status_code in ({409} if (method, path) in ALREADY else {200, 404, 422})
    if method == "GET":
        assert plain.content == slashed.content
