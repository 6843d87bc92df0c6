"""The access log tells of each request, and nothing that came in its query string."""

from typing import Any

from structlog.testing import capture_logs

from superfacility.serving.access_log import AccessLog


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _nothing(*_: Any) -> None:
    return None


async def test_a_request_is_told_without_its_query() -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/oauth2/token",
        "query_string": b"client_assertion=secret",
        "headers": [(b"x-request-id", b"a-request-1")],
        "client": ("192.0.2.1", 1234),
    }
    with capture_logs() as lines:
        await AccessLog(_answer)(scope, _nothing, _nothing)
    [line] = lines
    assert (line["method"], line["path"], line["status"], line["peer"]) == ("POST", "/oauth2/token", 418, "192.0.2.1")
    assert line["request_id"] == "a-request-1"
    assert not {"client_id", "user"} & line.keys()
    assert "secret" not in str(line)


async def test_a_caller_who_leaves_without_an_answer_has_an_id_too() -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with capture_logs() as lines:
        await AccessLog(_nothing)(scope, _nothing, _nothing)
    [line] = lines
    assert (line["status"], line["peer"]) == (0, None)
    assert len(line["request_id"]) == 32


async def test_what_is_no_request_passes() -> None:
    with capture_logs() as lines:
        await AccessLog(_answer)({"type": "lifespan"}, _nothing, _nothing)
    assert lines == []
