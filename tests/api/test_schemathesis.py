"""Goal S18: whatever is sent, the answer is the one that `openapi.json` promises, and never a 5xx."""

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


class PresentSite:
    """The ASGI application of the test that runs: examples are made before any test begins."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


present = PresentSite()
schema = schemathesis.openapi.from_dict(openapi_document())
schema.app = present


@pytest.fixture(autouse=True)
def at_this_site(site: Any) -> None:
    present.app = site.app


def examples(count: int) -> settings:
    return settings(
        max_examples=count, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
    )


@schema.parametrize()
@examples(40)
def test_answers_are_as_described(case: Any) -> None:
    case.call_and_validate(headers=HEADERS, checks=CHECKS)


@schema.parametrize()
@examples(5)
def test_without_a_token(case: Any) -> None:
    case.call_and_validate(checks=CHECKS)
