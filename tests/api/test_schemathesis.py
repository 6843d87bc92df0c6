"""Goal S18: whatever is sent, the answer is the one that `openapi.json` promises, and never a 5xx.

`make soak` sends more than 50,000 requests; the counts are chosen before any fixture can tell.
"""

import sys
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from superfacility.app import openapi_document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
HEADERS = {"Authorization": "Bearer red:demo1"}
OPERATIONS = sum(len(operations) for operations in openapi_document()["paths"].values())
WITH_TOKEN, WITHOUT = (50_000 // OPERATIONS + 1, 40) if "--soak" in sys.argv else (40, 5)


class PresentSite:
    """The ASGI application of the test that runs: examples are made before any test begins."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


present = PresentSite()
schema = schemathesis.openapi.from_dict(openapi_document())
schema.app = present


@pytest.fixture(autouse=True)
def at_this_site(site: Any, soak: bool) -> None:
    present.app = site.app


def examples(count: int) -> settings:
    return settings(
        max_examples=count, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
    )


@schema.parametrize()
@examples(WITH_TOKEN)
def test_answers_are_as_described(case: Any) -> None:
    case.call_and_validate(headers=HEADERS, checks=CHECKS)


@schema.parametrize()
@examples(WITHOUT)
def test_without_a_token(case: Any) -> None:
    case.call_and_validate(checks=CHECKS)
