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


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_a_trailing_slash_changes_nothing(site, method, path):
    path = re.sub(r"\{(\w+)\}", lambda found: NAMES.get(found[1], "perlmutter"), path)
    plain = await site.call(method, path, "red:demo1")
    slashed = await site.call(method, path + "/", "red:demo1")
    assert plain.status_code == slashed.status_code
    assert plain.status_code in {200, 404, 422}
    if method == "GET":
        assert plain.content == slashed.content
