"""Whose `Idempotency-Key` it is."""

from dataclasses import replace
from datetime import UTC, datetime

from starlette.requests import Request

from superfacility.facility.people import User, UserName
from superfacility.http.idempotency import idempotency
from superfacility.oauth.applications import GrantId
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel


def asked(query: bytes = b"") -> Request:
    path = "/api/v1.2/compute/jobs/pm"
    return Request({"type": "http", "method": "POST", "path": path, "query_string": query, "headers": []})


REQUEST = asked()


def principal(user: str, grant: str | None) -> Principal:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    found = Principal(User(1, UserName(user)), ClientId("sfapi-cli"), SecurityLevel.RED, frozenset(), "::1", moment)
    return found if grant is None else replace(found, grant=GrantId(grant))


def test_two_people_at_one_application_do_not_share_keys() -> None:
    one = idempotency(REQUEST, principal("demo1", "g1"), None, "mine")
    other = idempotency(REQUEST, principal("demo2", "g2"), None, "mine")
    assert one is not None
    assert other is not None
    assert one.client_id != other.client_id
    again = idempotency(REQUEST, principal("demo1", "g3"), None, "mine")
    assert again == one, "a new login of the same person is the same caller"


def test_a_client_keeps_its_own_name() -> None:
    found = idempotency(REQUEST, principal("demo1", None), None, "mine")
    assert found is not None
    assert found.client_id == "sfapi-cli"
    assert idempotency(REQUEST, principal("demo1", None), None, None) is None


def test_another_query_is_another_request() -> None:
    one, other = (idempotency(asked(query), principal("demo1", None), None, "mine") for query in (b"a=1", b"a=2"))
    assert one is not None
    assert other is not None
    assert one.fingerprint != other.fingerprint
