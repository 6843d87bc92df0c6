"""What is counted of requests, and that a caller can make the numbers grow but not their names."""

import pytest

from superfacility.serving.measured import BOUNDS, Durations, Measured, RequestCounts


async def _send(_: object) -> None: ...


async def _receive() -> dict[str, object]:
    return {"type": "http.request"}


async def _answers(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    if scope["path"].endswith("/gone"):
        return
    if scope["path"].endswith("/broken"):
        raise RuntimeError("broken")
    await send({"type": "http.response.start", "status": 404 if "odd" in scope["path"] else 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def _ask(measured: Measured, path: str, method: str = "GET") -> None:
    await measured({"type": "http", "path": path, "method": method}, _receive, _send)


async def test_by_group_method_and_status() -> None:
    counts = RequestCounts(frozenset({"tasks", "oauth2"}))
    measured = Measured(_answers, "/api/v1.2", counts)
    for path in ("/api/v1.2/tasks/", "/api/v1.2/tasks/12", "/api/v1.2/tasks/gone", "/oauth2/token", "/api/v1.2/odd/1"):
        await _ask(measured, path)
    await _ask(measured, "/wp-login.php?odd", "BREW")
    with pytest.raises(RuntimeError):
        await _ask(measured, "/api/v1.2/tasks/broken")
    assert counts.requests == {
        ("tasks", "GET", 200): 2,
        ("tasks", "GET", 0): 2,
        ("oauth2", "GET", 200): 1,
        ("other", "GET", 404): 1,
        ("other", "other", 404): 1,
    }
    assert counts.open == 0
    assert sum(counts.durations["tasks"].counts) == 4


def test_durations_fall_into_their_class() -> None:
    durations = Durations()
    for seconds in (0.0005, BOUNDS[0], 0.3, 99.0):
        durations.add(seconds)
    assert durations.counts[0] == 2
    assert durations.counts[BOUNDS.index(0.5)] == 1
    assert durations.counts[-1] == 1
    assert durations.total == pytest.approx(99.3015)
