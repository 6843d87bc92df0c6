"""What is sent again and what is not, tokens that end, and errors that say what to do."""

from collections.abc import Callable
from typing import Any

import pytest

from superfacility.client.errors import (
    ConfigurationError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Refused,
    SuperfacilityError,
    Unavailable,
)
from superfacility.client.transport.messages import Broken, NotReached
from superfacility.client.wire.session import Ask, Session, quoted

Reply = Callable[..., Any]
READ, KEYED = Ask("GET", "tasks"), Ask("POST", "compute/jobs/m", form={"job": "x"}, key="k-1")
UNKEYED = Ask("PATCH", "account/projects/m1", form={})


class Tokens:
    """Numbered tokens; a refused one is replaced."""

    def __init__(self, *, renewable: bool = True) -> None:
        self.number = 1
        self.renewable = renewable

    async def token(self, endpoint: Any, *, refused: str | None = None) -> str:
        if refused == f"t{self.number}" and self.renewable:
            self.number += 1
        return f"t{self.number}"


def session(transport: Any, credentials: Any = None, patience: float = 30.0) -> Session:
    return Session("https://api.example", transport, credentials, patience=patience, clock=transport.clock)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_read_is_sent_again_while_the_facility_is_busy(transport: Any, reply: Reply, status: int) -> None:
    transport.will(reply({"detail": "later"}, status), Broken("cut"), NotReached("down"), reply({"tasks": []}))
    assert await session(transport).json(READ) == {"tasks": []}
    assert len(transport.slept) == 3


async def test_it_waits_as_long_as_the_facility_asks(transport: Any, reply: Reply) -> None:
    transport.will(reply({"detail": "later"}, 503, retry_after="7"), reply({}))
    await session(transport).json(READ)
    assert transport.slept == [7.0]


async def test_it_does_not_wait_for_longer_than_its_patience(transport: Any, reply: Reply) -> None:
    transport.will(reply({"detail": "Maintenance until noon."}, 503, retry_after="3600"))
    with pytest.raises(Unavailable, match="until noon") as found:
        await session(transport).json(READ)
    assert (transport.slept, found.value.retry_after, found.value.request_id) == ([], 3600.0, "r-1")


async def test_patience_ends(transport: Any, reply: Reply) -> None:
    transport.will(*(NotReached("refused") for _ in range(100)))
    with pytest.raises(Unavailable, match=r"api\.example cannot be reached"):
        await session(transport, patience=20).json(READ)
    assert 19 < sum(transport.slept) <= 20.001


async def test_a_keyed_request_is_sent_again_with_the_same_key(transport: Any, reply: Reply) -> None:
    transport.will(Broken("cut"), reply({"detail": "later"}, 503), reply({"task_id": "1", "status": "OK"}))
    await session(transport).json(KEYED)
    assert [each.headers["idempotency-key"] for each in transport.asked] == ["k-1"] * 3
    assert {each.body for each in transport.asked} == {b"job=x"}


async def test_every_post_has_a_key_and_is_sent_again(transport: Any, reply: Reply) -> None:
    transport.will(Broken("cut"), reply({}), reply({}))
    for _ in range(2):
        await session(transport).json(Ask("POST", "account/groups", form={"name": "g"}))
    first, again, other = (each.headers["idempotency-key"] for each in transport.asked)
    assert first == again != other


async def test_what_is_still_being_answered_is_asked_for_again_and_other_conflicts_are_not(
    transport: Any, reply: Reply
) -> None:
    transport.will(reply({"detail": "under way"}, 409, retry_after="1"), reply({"id": "1"}, 201))
    assert await session(transport).json(KEYED) == {"id": "1"}
    transport.will(reply({"detail": "taken"}, 409))
    with pytest.raises(SuperfacilityError, match="taken"):
        await session(transport).json(KEYED)
    assert len(transport.asked) == 3


@pytest.mark.parametrize("answer", [Broken("cut"), 502, 503, 504])
async def test_a_request_without_a_key_is_not_sent_twice(transport: Any, reply: Reply, answer: Any) -> None:
    transport.will(reply({"detail": "x"}, answer) if isinstance(answer, int) else answer)
    with pytest.raises(Unavailable):
        await session(transport).json(UNKEYED)
    assert len(transport.asked) == 1


async def test_what_never_left_or_was_turned_away_is_sent_again(transport: Any, reply: Reply) -> None:
    transport.will(NotReached("down"), reply({"detail": "too many"}, 429), reply({}))
    await session(transport).json(UNKEYED)
    assert len(transport.asked) == 3


INVALID = 'Bearer error="invalid_token", error_description="It has ended"'


@pytest.mark.parametrize(
    ("status", "headers", "detail"),
    [(403, {"www_authenticate": INVALID}, "ended"), (401, {}, "x"), (403, {}, "Not authenticated")],
)
async def test_a_refused_token_is_replaced_once(
    transport: Any, reply: Reply, status: int, headers: Any, detail: str
) -> None:
    transport.will(reply({"detail": detail}, status, **headers), reply({"tasks": []}))
    await session(transport, Tokens()).json(READ)
    assert [each.headers["authorization"] for each in transport.asked] == ["Bearer t1", "Bearer t2"]
    transport.will(*(reply({"detail": detail}, status, **headers) for _ in range(2)))
    with pytest.raises(NotAuthenticated):
        await session(transport, Tokens()).json(READ)
    assert len(transport.asked) == 4


async def test_a_token_that_cannot_be_replaced_is_not_shown_again(transport: Any, reply: Reply) -> None:
    transport.will(reply({"detail": "Not authenticated"}, 403))
    with pytest.raises(NotAuthenticated):
        await session(transport, Tokens(renewable=False)).json(READ)
    assert len(transport.asked) == 1


async def test_a_missing_power_is_not_a_matter_of_tokens(transport: Any, reply: Reply) -> None:
    challenge = 'Bearer error="insufficient_scope", scope="compute.jobs:write"'
    transport.will(reply({"detail": "This needs level red."}, 403, www_authenticate=challenge))
    with pytest.raises(NotPermitted, match="red"):
        await session(transport, Tokens()).json(READ)
    assert len(transport.asked) == 1


async def test_public_reads_carry_no_token(transport: Any, reply: Reply) -> None:
    transport.will(reply([]))
    await session(transport, Tokens()).json(Ask("GET", "status", public=True))
    assert "authorization" not in transport.asked[0].headers


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, NotFound), (422, InvalidRequest), (400, InvalidRequest), (409, Refused), (500, SuperfacilityError)],
)
async def test_each_status_has_its_error(transport: Any, reply: Reply, status: int, kind: Any) -> None:
    transport.will(reply({"detail": "words"}, status))
    with pytest.raises(kind, match="words") as found:
        await session(transport).json(READ)
    assert type(found.value) is kind
    assert found.value.status == status


async def test_a_list_of_problems_names_the_fields(transport: Any, reply: Reply) -> None:
    detail = [{"loc": ["body", "nodes"], "msg": "must be positive", "type": "x"}]
    transport.will(reply({"detail": detail}, 422))
    with pytest.raises(InvalidRequest, match="nodes: must be positive"):
        await session(transport).json(READ)


async def test_what_is_no_api_is_said_so(transport: Any, reply: Reply) -> None:
    transport.will(reply(pieces=[b"<html>"]))
    with pytest.raises(Unavailable, match=r"is https://api\.example/api/v1\.2 the address of its API"):
        await session(transport).json(READ)


async def test_a_body_that_breaks_off_is_read_again(transport: Any, reply: Reply) -> None:
    transport.will(reply(pieces=[b'{"tas', Broken("cut")]), reply({"tasks": [1]}))
    assert await session(transport).json(READ) == {"tasks": [1]}


@pytest.mark.parametrize(
    ("given", "api"),
    [
        ("api.example", "https://api.example/api/v1.2"),
        ("https://api.example/", "https://api.example/api/v1.2"),
        ("https://api.example/api/v1.2/", "https://api.example/api/v1.2"),
        ("http://[::1]:80/prefix", "http://[::1]:80/prefix/api/v1.2"),
    ],
)
def test_addresses_are_completed(transport: Any, given: str, api: str) -> None:
    made = Session(given, transport)
    assert (made.api, made.root) == (api, api.removesuffix("/api/v1.2"))


@pytest.mark.parametrize("given", ["", "ftp://x", "https://", "file:///etc/passwd"])
def test_what_is_no_address_is_refused(transport: Any, given: str) -> None:
    with pytest.raises(ConfigurationError):
        Session(given, transport)


def test_paths_keep_every_byte() -> None:
    assert quoted("/a b/ü?#%\udcff") == "/a%20b/%C3%BC%3F%23%25%FF"
