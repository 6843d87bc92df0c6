"""One id joins the answer to a request, its line of the access log and what else is logged of it; the line tells who
has called, too."""

from collections.abc import Callable, MutableMapping
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from superfacility.serving.access_log import AccessLog

BASE = "/api/v1.2"
Ask = Callable[..., Any]
Line = MutableMapping[str, Any]


@pytest.fixture
def asked(site: Any) -> Ask:
    """Asks as a server with an access log is asked: the answer, the line of the access log, and other lines."""

    async def ask(
        path: str, token: str = "", method: str = "GET", **headers: str
    ) -> tuple[httpx.Response, Line, list[Line]]:
        transport = httpx.ASGITransport(AccessLog(site.app), raise_app_exceptions=False)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        with capture_logs() as lines:
            async with httpx.AsyncClient(transport=transport, base_url="https://facility.example") as http:
                answer = await http.request(method, path, headers=headers)
        [line] = [each for each in lines if each["event"] == "request"]
        return answer, line, [each for each in lines if each is not line]

    return ask


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", f"{BASE}/account", "red:demo1", 200),
        ("GET", f"{BASE}/account/", "red:demo1", 200),
        ("HEAD", f"{BASE}/account", "red:demo1", 200),
        ("OPTIONS", f"{BASE}/account", "", 204),
        ("GET", "/nowhere", "", 404),
        ("GET", f"{BASE}/tasks/12", "red:demo1", 404),
        ("GET", f"{BASE}/account", "", 403),
        ("GET", f"{BASE}/status", "", 200),
        ("GET", f"{BASE}/status?notes=true", "", 200),
        ("GET", f"{BASE}/tasks", "red:demo1", 200),
    ],
)
@pytest.mark.parametrize("own", ["", "a-request-1", "unfit"])
async def test_the_id_of_the_answer_is_in_the_line(
    asked: Ask, method: str, path: str, token: str, status: int, own: str
) -> None:
    answer, line, _ = await asked(path, token, method, **({"X-Request-ID": own} if own else {}))
    assert (answer.status_code, line["status"]) == (status, status)
    assert answer.headers.get_list("x-request-id") == [line["request_id"]]
    assert (line["request_id"] == own) == (own == "a-request-1")
    known = {name: line.get(name) for name in ("client_id", "user")}
    assert known == ({"client_id": "client-demo1", "user": "demo1"} if token else {"client_id": None, "user": None})


async def test_a_polled_task_read_by_its_owner(site: Any, asked: Ask) -> None:
    """FastAPI is out of order: it is the lane that answers."""
    submitted = await site.call(
        "POST", "/compute/jobs/perlmutter", "red:demo1", data={"job": "#!/bin/sh\n", "isPath": "false"}
    )
    site.app.middleware_stack = None
    site.app.build_middleware_stack = None
    answer, line, _ = await asked(f"{BASE}/tasks/{submitted.json()['task_id']}", "red:demo1")
    assert answer.status_code == 200
    assert answer.headers["x-request-id"] == line["request_id"]
    assert (line["client_id"], line["user"]) == ("client-demo1", "demo1")


async def test_who_may_not_is_known_all_the_same(asked: Ask) -> None:
    answer, line, _ = await asked(f"{BASE}/compute/jobs/perlmutter", "green:demo2")
    assert answer.status_code == 403
    assert line["user"] == "demo2"


async def test_what_breaks_has_one_id_and_the_headers_of_every_answer(site: Any, asked: Ask) -> None:
    site.app.state.services = None
    answer, line, others = await asked(f"{BASE}/meta/changelog")
    assert (answer.status_code, line["status"]) == (500, 500)
    [broken] = [each for each in others if each["event"] == "unexpected error"]
    assert answer.headers.get_list("x-request-id") == [line["request_id"]] == [broken["request_id"]]
    assert answer.json()["detail"].endswith(line["request_id"])
    refused, _, _ = await asked("/nowhere")
    of_its_own = {"content-length", "x-request-id"}
    assert refused.headers.keys() == answer.headers.keys()
    for name in refused.headers.keys() - of_its_own:
        assert answer.headers[name] == refused.headers[name]


async def test_each_request_has_another_id(asked: Ask) -> None:
    found = [(await asked(f"{BASE}/status"))[1]["request_id"] for _ in range(5)]
    assert len(set(found)) == 5
