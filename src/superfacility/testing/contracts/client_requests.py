"""The suite of `ClientRequestStore`.

Fixtures to supply, all of one store: `requests`, `clients`, `people`, `audit_log`.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import People, Project, ProjectName, User, UserName
from superfacility.oauth.clients import Client, ClientId, ClientKey, ClientStore
from superfacility.oauth.registration.requests import ClientRequest, ClientRequestStore, RequestId, RequestState
from superfacility.oauth.scopes import Scope, SecurityLevel

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ALICE, BEAM = UserName("alice"), UserName("beam")
PROJECT = ProjectName("m0001")
REQUEST = ClientRequest(
    id=RequestId("one"),
    requester=ALICE,
    user=BEAM,
    name="beamline ß",
    level=SecurityLevel.RED,
    scopes=frozenset({Scope.JOBS_WRITE}),
    ranges=("192.0.0.0/20",),
    keys=(ClientKey({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),),
    lifetime=timedelta(days=30),
    purpose="To measure\nat night",
    created_at=NOW,
    comments="words",
    project=PROJECT,
    globus=True,
    strict=True,
    dpop=True,
)
CLIENT = Client(
    id=ClientId("abcdefghijk01"),
    user=BEAM,
    name=REQUEST.name,
    level=REQUEST.level,
    scopes=REQUEST.scopes,
    ranges=REQUEST.ranges,
    keys=REQUEST.keys,
    created_at=NOW,
    expires_at=NOW + REQUEST.lifetime,
    project=PROJECT,
)
APPROVED = replace(
    REQUEST, state=RequestState.APPROVED, decided_at=NOW, decided_by="staff1", reason="good", client_id=CLIENT.id
)


def entry(action: str = "client_requests.ask") -> AuditEntry:
    return AuditEntry(NOW, "alice", action, REQUEST.id)


class ClientRequestStoreContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture(autouse=True)
    async def known(self, people: People) -> None:
        for name in (ALICE, BEAM):
            await people.save_user(User(0, name), entry("users.add"), new=True)
        await people.save_project(Project(0, PROJECT), entry("projects.add"), new=True)

    async def test_a_request_is_found_as_it_was_asked(self, requests: ClientRequestStore, audit_log: AuditLog) -> None:
        assert await requests.request(REQUEST.id) is None
        await requests.ask(REQUEST, entry())
        assert await requests.request(REQUEST.id) == REQUEST
        assert await requests.request(RequestId("\udcff\0")) is None
        assert len(await audit_log.entries(action="client_requests.ask")) == 1

    async def test_people_must_be_there(self, requests: ClientRequestStore, audit_log: AuditLog) -> None:
        for wrong in (replace(REQUEST, user=UserName("nobody")), replace(REQUEST, requester=UserName("nobody"))):
            with pytest.raises(NotFound):
                await requests.ask(wrong, entry())
        assert await audit_log.entries(action="client_requests.ask") == []

    async def test_listings_are_newest_first(self, requests: ClientRequestStore) -> None:
        for number, name in enumerate((ALICE, BEAM, ALICE)):
            made = replace(REQUEST, id=RequestId(f"r{number}"), requester=name)
            await requests.ask(replace(made, created_at=NOW + timedelta(seconds=number)), entry())
        (newest, *_) = await requests.requests()
        await requests.conclude(replace(newest, state=RequestState.WITHDRAWN), [entry()])
        assert [each.id for each in await requests.requests()] == ["r2", "r1", "r0"]
        assert [each.id for each in await requests.requests(requester=ALICE)] == ["r2", "r0"]
        assert [each.id for each in await requests.requests(state=RequestState.PENDING)] == ["r1", "r0"]

    async def test_so_many_may_be_pending(self, requests: ClientRequestStore) -> None:
        asking = [requests.ask(replace(REQUEST, id=RequestId(f"r{n}")), entry(), at_most=2) for n in range(4)]
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(each) for each in outcomes].count(Conflict) == 2
        for each in await requests.requests():
            await requests.conclude(replace(each, state=RequestState.REFUSED), [entry()])
        await requests.ask(REQUEST, entry(), at_most=2)

    async def test_approving_makes_the_client(
        self, requests: ClientRequestStore, clients: ClientStore, audit_log: AuditLog
    ) -> None:
        await requests.ask(REQUEST, entry())
        generation = await clients.generation()
        audit = [entry("client_requests.approve"), entry("clients.create")]
        await requests.conclude(APPROVED, audit, CLIENT)
        assert await requests.request(REQUEST.id) == APPROVED
        assert await clients.client(CLIENT.id) == CLIENT
        assert await clients.generation() > generation
        for each in audit:
            assert len(await audit_log.entries(action=each.action)) == 1

    async def test_of_two_at_once_one_decides(
        self, requests: ClientRequestStore, clients: ClientStore, audit_log: AuditLog
    ) -> None:
        await requests.ask(REQUEST, entry())
        made = [replace(CLIENT, id=ClientId(f"abcdefghijk0{n}")) for n in range(4)]
        deciding = [
            requests.conclude(replace(APPROVED, client_id=each.id), [entry("client_requests.approve")], each)
            for each in made
        ]
        refusal = requests.conclude(replace(REQUEST, state=RequestState.REFUSED), [entry("client_requests.refuse")])
        outcomes = await asyncio.gather(*deciding, refusal, return_exceptions=True)
        assert [type(each) for each in outcomes].count(Conflict) == 4
        kept = await requests.request(REQUEST.id)
        assert kept is not None
        assert [each.id for each in await clients.clients()] == ([kept.client_id] if kept.client_id else [])
        rows = [
            row for act in ("approve", "refuse") for row in await audit_log.entries(action=f"client_requests.{act}")
        ]
        assert len(rows) == 1

    async def test_all_or_nothing(
        self, requests: ClientRequestStore, clients: ClientStore, audit_log: AuditLog
    ) -> None:
        await requests.ask(REQUEST, entry())
        await clients.save(CLIENT, entry("clients.create"), new=True)
        approve = entry("client_requests.approve")
        with pytest.raises(Conflict):
            await requests.conclude(APPROVED, [approve], CLIENT)
        other = replace(CLIENT, id=ClientId("abcdefghijk02"))
        with pytest.raises(Conflict):
            await requests.conclude(replace(APPROVED, client_id=other.id), [approve], other, at_most=1)
        assert await requests.request(REQUEST.id) == REQUEST
        assert await clients.client(other.id) is None
        assert await audit_log.entries(action="client_requests.approve") == []

    async def test_what_is_not_there_cannot_be_decided(self, requests: ClientRequestStore) -> None:
        with pytest.raises(NotFound):
            await requests.conclude(APPROVED, [entry()], CLIENT)
