"""What staff decide at a terminal: what they read before, what is sent, and what they are told when it is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from superfacility.client.errors import NotPermitted, Refused
from superfacility.client.records.account import AuditEntry
from superfacility.client.records.accounting import GivenHours
from superfacility.client.records.applications import Application
from superfacility.client.records.clients import ClientRequest

AT = datetime(2026, 5, 31, 18, tzinfo=UTC)
REQUEST = ClientRequest(
    id="r-1", state="pending", requester="demo1", user="beam7", name="night", level="red", days=30.0,
    ranges=("192.0.0.0/20", "mine"), project="m0001", purpose="Runs at\x1b[2J night\nlevel\tgreen",
    key="thumb-1", created_at=AT, decided_by="", reason="", client_id="", scopes=("compute.jobs:write",), globus=True,
    dpop=True, comments="words",
)  # fmt: skip
APPLICATION = Application(
    id="a-1", name="Gateway", owner="demo2", project="m0001", level="red", approval="pending",
    scopes=("compute.jobs:write",), redirect_uris=("https://gateway.example/cb",), logout_uris=(), homepage="",
    keys=("thumb-2",), profile="compat", device=True, dpop=False, resource_server=False, created_at=AT,
    revoked_at=None, fingerprint="print-1",
)  # fmt: skip
HOURS = GivenHours(7, "m0001", "cpu", None, "2027-01-01", None)
DONE = AuditEntry(AT, "demo2", "clients.create", "c1", "c0", "192.0.2.1", "orange")


@pytest.fixture(autouse=True)
def decided(connection: Any) -> Any:
    connection.answers |= {
        "client_requests": (REQUEST,),
        "client_request": REQUEST,
        "approve_client_request": REQUEST,
        "refuse_client_request": REQUEST,
        "applications": (APPLICATION,),
        "application": APPLICATION,
        "approve_application": APPLICATION,
        "refuse_application": APPLICATION,
        "revoke_application": APPLICATION,
        "allocate": HOURS,
        "change_allocation": HOURS,
        "remove_allocation": HOURS,
        "allocation_rule": "facility",
        "set_allocation_rule": lambda _, rule: rule,
        "audit": (DONE,),
    }
    return connection


DOCUMENTS = {
    "client-requests list": "client-requests",
    "client-requests show": "client-requests show r-1",
    "client-requests approve": "client-requests approve r-1",
    "client-requests refuse": "client-requests refuse r-1 --reason no",
    "applications list": "applications --pending",
    "applications show": "applications show a-1",
    "applications approve": "applications approve a-1 --seen print-1",
    "applications refuse": "applications refuse a-1",
    "applications revoke": "applications revoke a-1",
    "allocations list": "allocations m0001",
    "allocations add": "allocations add m0001 --hours 0",
    "allocations change": "allocations change m0001 7 --hours 5",
    "allocations remove": "allocations remove m0001 7 --unlimited",
    "allocations rule": "allocations rule m0001",
    "activity": "activity --all",
}


@pytest.mark.parametrize("command", DOCUMENTS)
def test_every_document_is_as_the_reference_says(command: str, run: Any) -> None:
    done = run(*DOCUMENTS[command].split(), "--json")
    assert done.document(command)
    assert done.err == ""


@pytest.mark.parametrize("command", DOCUMENTS)
def test_without_json_people_read_it(command: str, run: Any) -> None:
    done = run(*DOCUMENTS[command].split())
    assert done.code == 0, done.err
    assert (done.out or done.err).strip()


def test_a_request_is_read_in_full_before_it_is_decided(run: Any) -> None:
    done = run("client-requests", "show", "r-1")
    for each in ("demo1", "beam7", "night", "red", "30", "192.0.0.0/20", "m0001", "thumb-1", "compute.jobs:write"):
        assert each in done.out
    assert "Runs at\\x1b[2J night" in done.out, "what people have written does not steer the terminal"
    assert "dpop\tyes" in done.out
    assert [line for line in done.out.splitlines() if line.startswith("level")] == ["level\tred"], "nor adds a line"
    assert "sfapi client-requests approve r-1" in done.err
    assert "sfapi client-requests refuse r-1 --reason" in done.err


def test_requests_are_everybodys_and_decided_as_the_words_say(run: Any, connection: Any) -> None:
    run("client-requests", "--pending")
    run("client-requests", "list")
    assert connection.of("client_requests") == [
        ((), {"everybodys": True, "state": "pending"}),
        ((), {"everybodys": True, "state": None}),
    ]
    run("client-requests", "approve", "r-1", "--days", "14", "--reason", "as planned")
    assert connection.of("approve_client_request") == [(("r-1",), {"days": 14.0, "reason": "as planned"})]
    assert run("client-requests", "refuse", "r-1").code == 2
    assert connection.of("refuse_client_request") == []
    connection.answers["approve_client_request"] = NotPermitted("Deciding is for people: log in, with `sfapi login`.")
    done = run("client-requests", "approve", "r-1")
    assert (done.code, done.err.count("sfapi login")) == (3, 1)


def test_an_application_is_approved_as_it_was_seen_alone(run: Any, connection: Any) -> None:
    done = run("applications", "show", "a-1")
    for each in ("demo2", "Gateway", "red", "https://gateway.example/cb", "thumb-2", "compute.jobs:write", "print-1"):
        assert each in done.out
    assert "sfapi applications approve a-1 --seen print-1" in done.err
    blind = run("applications", "approve", "a-1")
    assert (blind.code, "--seen" in blind.err) == (2, True)
    assert connection.of("approve_application") == []
    connection.answers["approve_application"] = Refused("Gateway is not what you have looked at.", status=409)
    changed = run("applications", "approve", "a-1", "--seen", "old")
    assert (changed.code, "sfapi applications show a-1" in changed.err) == (1, True)


def test_hours_without_limit_are_given_in_so_many_words(run: Any, connection: Any) -> None:
    silent = run("allocations", "add", "m0001")
    assert silent.code == 2
    assert "--hours" in silent.err
    assert "--unlimited" in silent.err
    assert run("allocations", "add", "m0001", "--hours", "5", "--unlimited").code == 2
    assert connection.of("allocate") == []
    assert "no limit" in run("allocations", "add", "m0001", "--unlimited", "--begins", "2027-01-01").out
    nothing = run("allocations", "change", "m0001", "7")
    assert (nothing.code, "--without" in nothing.err) == (2, True)
    run("allocations", "change", "m0001", "7", "--without", "ends", "--without", "hours")
    bounds = {"hours": None, "begins": None, "ends": None}
    assert connection.of("change_allocation") == [(("m0001", 7), {"without": ["ends", "hours"], **bounds})]
    assert run("allocations", "rule", "m0001").out == "facility\n"
    assert run("allocations", "rule", "m0001", "warn").out == "warn\n"


def test_what_others_did_is_asked_for_in_words(run: Any, connection: Any) -> None:
    run("activity", "--action", "clients.*")
    run("activity", "--user", "demo2", "--since", "2026-05-31T18:00:00+00:00")
    asked = [named for _, named in connection.of("audit")]
    assert [each["everybodys"] for each in asked] == [False, True]
    assert asked[1]["since"] == AT
    assert run("activity", "--since", "yesterday").code == 2
