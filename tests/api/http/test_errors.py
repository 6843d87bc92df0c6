"""One table from what goes wrong to what the wire shows: design decision 9."""

import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import BaseModel, field_validator

from superfacility.facility import errors as facility_errors
from superfacility.facility.errors import FacilityError, FileProblem, Unavailable
from superfacility.http import errors
from superfacility.oauth.errors import AccessRefused, Reason
from superfacility.oauth.scopes import Scope

KINDS = [
    kind
    for kind in vars(facility_errors).values()
    if isinstance(kind, type) and issubclass(kind, FacilityError) and kind is not FacilityError
]


class Job(BaseModel):
    """A body with all that pydantic may complain about."""

    name: str
    count: int

    @field_validator("name")
    @classmethod
    def _no_blanks(cls, value: str) -> str:
        if " " in value:
            raise ValueError("a name has no blanks")
        return value


@pytest.fixture
def raised() -> list[Exception]:
    return []


@pytest.fixture
def http(raised) -> httpx.AsyncClient:
    app = FastAPI()
    errors.install(app)

    @app.get("/raise")
    async def raise_it() -> None:
        raise raised[0]

    @app.post("/job")
    async def job(body: Job) -> None:
        """Takes a job."""

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://facility.example")


@pytest.mark.parametrize("kind", KINDS)
async def test_no_error_of_the_tree_is_ours(http, raised, kind):
    raised.append(kind("what happened and what to do"))
    answer = await http.get("/raise")
    assert answer.json() == {"detail": "what happened and what to do"}
    assert answer.status_code in {403, 404, 409, 422, 429, 503}
    assert (answer.status_code == 503) == (kind is Unavailable)


async def test_not_now_says_when(http, raised):
    raised.append(Unavailable("The scheduler does not answer.", retry_after=30))
    answer = await http.get("/raise")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"


async def test_refused_access_carries_its_challenge(http, raised):
    raised.append(AccessRefused(Reason.MISSING_SCOPE, 'Needs "red" – \\now\r\nX: y', scope=Scope.JOBS_WRITE))
    answer = await http.get("/raise")
    assert answer.status_code == 403
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer error="insufficient_scope", error_description="Needs \'red\'')
    assert challenge.endswith('scope="compute.jobs:write"')
    assert challenge.isprintable()
    assert "x" not in answer.headers


async def test_names_that_are_no_text(http, raised):
    raised.append(FileProblem("ls: cannot access '/home/\udcff': No such file or directory"))
    answer = await http.get("/raise")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("ls: cannot access")


async def test_the_unexpected_shows_a_number_and_nothing_else(http, raised):
    raised.append(RuntimeError("password=hunter2 at 0x7f"))
    with structlog.testing.capture_logs() as events:
        answer = await http.get("/raise")
    assert answer.status_code == 500
    assert answer.json().keys() == {"detail"}
    assert "hunter2" not in answer.text
    [event] = events
    assert event["request_id"] in answer.json()["detail"]
    assert event["exc_info"] is raised[0]


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "canary secret", "count": "canary"}',
        '{"name": 7, "count": {"canary": 1}}',
        '["canary"]',
        '{"canary"',
        "",
    ],
)
async def test_bad_input_is_told_without_repeating_it(http, body):
    answer = await http.post("/job", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert detail
    for each in detail:
        assert each.keys() == {"loc", "msg", "type"}
    assert "canary" not in answer.text


async def test_unknown_paths_and_methods(http):
    assert (await http.get("/nowhere")).status_code == 404
    assert "detail" in (await http.get("/nowhere")).json()
    assert (await http.post("/raise")).status_code == 405
