"""Goal S18: whatever is sent, the answer is the one that `openapi.json` promises, and never a 5xx.

`make soak` sends more than 50,000 requests; the counts are chosen before any fixture can tell.
"""

import sys
from collections import Counter
from copy import deepcopy
from dataclasses import fields, is_dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
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
WORKFLOWS, STEPS = (500, 25) if "--soak" in sys.argv else (20, 12)
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


def copied(double: Any, clock: Any) -> dict[str, Any]:
    """Its fields, with the same clock in them."""
    names = [each.name for each in fields(double)] if is_dataclass(double) else vars(double)
    return {name: deepcopy(getattr(double, name), {id(clock): clock}) for name in names}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("who", ["demo1", "staff1"])
def test_what_one_answer_names_is_used_in_the_next(who: str, site: Any) -> None:
    """Clients, applications, requests, groups, allocations and reservations are made, changed and removed again, in
    any order, by the ids that the answers before gave."""
    answered: Counter[bool] = Counter()
    begun = [(double, copied(double, site.clock)) for double in (site.memory, site.scheduler)]

    class Workflow(schema.as_state_machine()):  # type: ignore[misc]  # made when it is asked for
        def setup(self) -> None:
            """Each begins with the same facility."""
            for double, kept in begun:
                for name, value in copied(SimpleNamespace(**kept), site.clock).items():
                    setattr(double, name, value)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer red:{who}:login"}}

        def validate_response(self, response: Any, case: Any, *_: Any, **__: Any) -> None:
            answered[response.status_code < 300] += 1
            case.validate_response(response, checks=CHECKS)

    run_state_machine_as_test(Workflow, settings=settings(examples(WORKFLOWS), stateful_step_count=STEPS))
    assert answered.total() > WORKFLOWS * STEPS // 4
    assert answered[True] > answered.total() // 10
