"""The published description and the page that shows it."""

import re

import httpx
import pytest

from superfacility.app import openapi_document
from superfacility.oauth.scopes import SCOPES, Scope

OPERATIONS = [
    (path, method, operation)
    for path, operations in openapi_document()["paths"].items()
    for method, operation in operations.items()
]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_is_described(path, method, operation):
    assert operation["summary"]
    assert operation["description"]
    assert len(operation["tags"]) == 1
    assert {"422", "503"} <= set(operation["responses"])
    assert {"200", "201"} & set(operation["responses"])
    if operation["x-nersc-scope"] == "public":
        assert operation["security"] == []
    else:
        scope = Scope(operation["x-superfacility-scope"])
        assert operation["x-nersc-scope"] == SCOPES[scope].level.label
        assert "403" in operation["responses"]


@pytest.mark.parametrize(
    "path", ["/compute/jobs/{machine}", "/compute/jobs/{machine}/{jobid}", "/account/projects/{repo_name}/jobs"]
)
def test_what_has_a_tag_says_that_it_may_answer_304(path):
    responses = openapi_document()["paths"][path]["get"]["responses"]
    assert "content" not in responses["304"]


def test_operation_ids_are_unique():
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_the_document_is_always_the_same():
    assert openapi_document() == openapi_document()


def test_forms_are_documented_as_forms():
    operation = openapi_document()["paths"]["/compute/jobs/{machine}"]["post"]
    assert set(operation["requestBody"]["content"]) == {"application/x-www-form-urlencoded", "application/json"}
    form = openapi_document()["components"]["schemas"]["JobForm"]
    assert set(form["required"]) == {"job", "isPath"}


def test_references_lead_somewhere():
    document = openapi_document()
    for name in re.findall(r"#/components/schemas/(\w+)", str(document)):
        assert name in document["components"]["schemas"]


def test_examples_are_whole():
    for schema in openapi_document()["components"]["schemas"].values():
        for example in schema.get("examples", ()):
            assert set(schema.get("required", ())) <= set(example) <= set(schema["properties"])
            nulls = {name for name, value in example.items() if value is None}
            assert all({"type": "null"} in schema["properties"][name].get("anyOf", ()) for name in nulls)


def test_every_refusal_has_the_same_body():
    for _, _, operation in OPERATIONS:
        for status in operation["responses"].keys() & {"403", "404", "409", "413", "503"}:
            body = operation["responses"][status]["content"]["application/json"]["schema"]
            assert body == {"$ref": "#/components/schemas/Problem"}


async def test_it_is_served(site):
    answer = await site.get("/openapi.json")
    assert answer.json() == openapi_document()


async def test_swagger_ui_needs_no_network_and_no_inline_script(site):
    page = await site.get("/")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "http" not in re.sub(r"<!doctype.*?>", "", page.text)
    assert "<script>" not in page.text
    for address in re.findall(r'(?:src|href)="/api/v1\.2(/docs/[^"]+)"', page.text):
        answer = await site.get(address)
        assert answer.status_code == 200
        assert answer.content
    assert (await site.get("/docs/../app.py")).status_code == 404
    assert (await site.get("/docs/redoc.standalone.js")).status_code == 404


async def test_headers_on_every_answer(site):
    for path in ("/", "/status", "/account", "/nowhere"):
        answer = await site.get(path, headers={"X-Request-ID": "a-request-1"})
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"] == "a-request-1"
        assert "cache-control" in answer.headers
    strange = await site.get("/status", headers={"X-Request-ID": "x"})
    assert re.fullmatch("[0-9a-f]{32}", strange.headers["x-request-id"])


async def test_refusals_say_what_to_do(site):
    answer = await site.get("/account")
    assert (answer.status_code, answer.json()) == (403, {"detail": "Not authenticated"})
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_root_of_the_site_is_a_signpost(site):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site.app), base_url="https://facility.example") as http:
        signpost = (await http.get("/")).json()
        assert signpost["api"] == "/api/v1.2"
        assert "swagger-ui" in (await http.get(signpost["documentation"])).text
