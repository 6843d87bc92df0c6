"""What staff decide by the client: what is sent, and what is made of the answer."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from superfacility.client import AsyncConnection
from superfacility.client.facilities import Facility
from superfacility.oauth.client_keys import thumbprint
from superfacility.testing.tokens import key_pair

REQUEST = {"id": "r1", "state": "pending", "requester": "demo1", "scopes": ["compute.jobs:write"]}
HOURS = {"id": 7, "project": "m0001", "kind": "gpu", "hours": 80, "begins": "2027-01-01", "ends": None}
KEYS = [key_pair(algorithm)[1] for algorithm in ("RS256", "ES256", "EdDSA")]
APPLICATION = {"id": "a1", "name": "Gateway", "approval": "pending", "keys": KEYS, "fingerprint": "f" * 43}
AUDITED = {"at": "2026-05-31T18:00:00Z", "actor": "demo2", "action": "clients.create", "target": "c1", "client": None}


class Asking:
    """A connection whose answers a test lays down, and what it was asked."""

    def __init__(self, transport: Any, reply: Callable[..., Any]) -> None:
        self._transport, self._reply = transport, reply
        self.calls = AsyncConnection(Facility("home", "https://api.example"), token="t", transport=transport)

    def answers(self, content: Any) -> AsyncConnection:
        self._transport.will(self._reply(content))
        return self.calls

    @property
    def sent(self) -> tuple[str, str, Any]:
        """Method, path with query, and body of the last request."""
        asked = self._transport.asked[-1]
        path = asked.url.partition("/api/v1.2/account/")[2]
        return asked.method, path, json.loads(asked.body) if asked.body else None


@pytest.fixture
def asking(transport: Any, reply: Callable[..., Any]) -> Asking:
    return Asking(transport, reply)


async def test_requests_for_clients_are_listed_and_decided(asking: Asking) -> None:
    (found,) = await asking.answers([REQUEST]).client_requests(everybodys=True, state="pending")
    assert asking.sent == ("GET", "client_requests?everybodys=true&state=pending", None)
    assert (found.requester, found.scopes) == ("demo1", ("compute.jobs:write",))
    assert await asking.answers([]).client_requests() == ()
    assert asking.sent == ("GET", "client_requests", None)
    await asking.answers(REQUEST).approve_client_request("r/1", days=3)
    assert asking.sent == ("POST", "client_requests/r%2F1/approve", {"days": 3})
    await asking.answers(REQUEST).refuse_client_request("r1", "too wide")
    assert asking.sent == ("POST", "client_requests/r1/refuse", {"reason": "too wide"})


async def test_applications_are_decided_by_what_was_seen(asking: Asking) -> None:
    (found,) = await asking.answers([APPLICATION]).applications()
    assert found.keys == tuple(map(thumbprint, KEYS))
    await asking.answers(APPLICATION).approve_application("a1", found.fingerprint)
    assert asking.sent == ("POST", "applications/a1/approval", {"approve": True, "seen": "f" * 43})
    await asking.answers(APPLICATION).refuse_application("a1")
    assert asking.sent == ("POST", "applications/a1/approval", {"approve": False})
    await asking.answers(APPLICATION).revoke_application("a1")
    assert asking.sent == ("DELETE", "applications/a1", None)
    assert (await asking.answers(APPLICATION).application("a1")).resource_server is False


async def test_hours_are_given_changed_and_taken_away(asking: Asking) -> None:
    made = await asking.answers(HOURS).allocate("m0001", kind="gpu", hours=80, begins="2027-01-01")
    path = "projects/m0001/allocations"
    assert asking.sent == ("POST", path, {"kind": "gpu", "hours": 80, "begins": "2027-01-01"})
    assert (made.id, made.hours, made.ends) == (7, 80.0, None)
    await asking.answers(HOURS).allocate("m0001", unlimited=True)
    assert asking.sent == ("POST", path, {"kind": "cpu", "unlimited": True})
    await asking.answers(HOURS).change_allocation("m0001", 7, hours=5, without=["ends"])
    assert asking.sent == ("PATCH", f"{path}/7", {"hours": 5, "without": ["ends"]})
    await asking.answers(HOURS).remove_allocation("m0001", 7, unlimited=True)
    assert asking.sent == ("DELETE", f"{path}/7?unlimited=true", None)
    assert await asking.answers({"when_exhausted": "warn"}).set_allocation_rule("m0001", "warn") == "warn"
    assert asking.sent == ("PUT", "projects/m0001/allocation_rule", {"when_exhausted": "warn"})
    assert await asking.answers({"when_exhausted": "facility"}).allocation_rule("m0001") == "facility"


async def test_what_was_done_is_read(asking: Asking) -> None:
    since = datetime(2026, 5, 31, tzinfo=UTC)
    (found,) = await asking.answers([AUDITED]).audit(everybodys=True, action="clients.*", since=since, limit=5)
    asked = "everybodys=true&action=clients.%2A&since=2026-05-31T00%3A00%3A00%2B00%3A00&limit=5"
    assert asking.sent == ("GET", f"audit?{asked}", None)
    assert (found.actor, found.client, found.at) == ("demo2", "", datetime(2026, 5, 31, 18, tzinfo=UTC))
