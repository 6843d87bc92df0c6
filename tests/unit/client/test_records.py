"""Records are made of what a server tells, and of nothing where it tells nothing."""

from datetime import UTC, datetime

from superfacility.client.records.accounting import Allocation
from superfacility.client.records.clients import ClientLevel, ClientRequest, RegisteredClient
from superfacility.client.records.projects import ProjectDetails

AT = "2026-05-31T18:00:00Z"


def test_fields_are_read_under_their_names_as_their_types_say() -> None:
    row = {"id": "r1", "ranges": ["192.0.2.0/24"], "days": "30", "created_at": AT, "project": None, "unknown": 1}
    found = ClientRequest.of(row)
    assert (found.id, found.ranges, found.days, found.project) == ("r1", ("192.0.2.0/24",), 30.0, "")
    assert found.created_at == datetime(2026, 5, 31, 18, tzinfo=UTC)


def test_what_is_left_out_is_empty() -> None:
    assert Allocation.of({"id": 7}) == Allocation(7, "", "", None, None, None, False, 0.0, None, None, 0.0)
    found = ProjectDetails.of({"repo_name": "m0001", "permissions": None})
    assert (found.name, found.permissions, found.project_bytes) == ("m0001", (), None)
    assert ClientLevel.of({"level": "red"}).without_review.days is None


def test_a_client_is_read_as_the_contract_writes_it_too() -> None:
    found = RegisteredClient.of({"clientId": "c1", "comments": "red client", "expiresAt": AT})
    assert (found.id, found.level, found.keys) == ("c1", "red", ())
    assert found.expires_at == datetime(2026, 5, 31, 18, tzinfo=UTC)
