"""Registering programs: levels, lifetimes, ranges, scopes and keys."""

from datetime import timedelta

import pytest

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, InvalidInput, NotFound
from superfacility.facility.people import User, UserName
from superfacility.oauth.scopes import LEVELS, SecurityLevel, scopes_of
from superfacility.services.clients import ClientService
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import Memory, MemoryAuditLog, MemoryClientStore, MemoryPeople
from superfacility.testing.tokens import key_pair

PRIVATE, PUBLIC = key_pair("ES256")
HERE = ["127.0.0.1"]
RED, GREEN = SecurityLevel.RED, SecurityLevel.GREEN


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
async def service(memory) -> ClientService:
    clock, people = FakeClock(), MemoryPeople(memory)
    audit = AuditEntry(clock.now(), "test", "people.add_user", "demo1")
    await people.save_user(User(1001, UserName("demo1")), audit, new=True)
    await people.save_user(User(1002, UserName("gone"), active=False), audit, new=True)
    return ClientService(MemoryClientStore(memory), people, clock)


async def create(service, level=RED, user="demo1", name="detector", **changes):
    given = {"ranges": HERE, "keys": [PUBLIC], "actor": "operator:root"} | changes
    return await service.create(user, name, level, **given)


async def test_a_new_client(service):
    client = await create(service)
    assert len(client.id) == 13
    assert client.id.isalnum()
    assert client.id == client.id.lower()
    assert client.scopes == scopes_of(RED)
    assert client.ranges == ("127.0.0.1/32",)
    assert client.expires_at - client.created_at == timedelta(days=2)
    assert await service.get(client.id) == client
    assert await service.list("demo1") == [client]


async def test_every_change_leaves_its_audit_row(service, memory):
    client = await create(service)
    await service.change(client.id, actor="operator:root", name="camera")
    await service.renew(client.id, actor="operator:root")
    await service.revoke(client.id, actor="operator:root")
    await service.revoke(client.id, actor="operator:root")
    await service.remove(client.id, actor="operator:root")
    rows = await MemoryAuditLog(memory).entries(actor="operator:root")
    assert [row.action for row in reversed(rows)] == [
        "clients.create",
        "clients.change",
        "clients.renew",
        "clients.revoke",
        "clients.remove",
    ]
    assert {row.target for row in rows} == {client.id}


@pytest.mark.parametrize("level", SecurityLevel)
async def test_lifetimes_are_bounded_by_the_level(service, level):
    longest = LEVELS[level].lifetime
    client = await create(service, level, lifetime=longest)
    assert client.expires_at == service.clock.now() + longest
    for wrong in (longest + timedelta(seconds=1), timedelta(), timedelta(days=-1)):
        with pytest.raises(InvalidInput, match=f"{level.label} client lives"):
            await create(service, level, lifetime=wrong)


async def test_a_site_may_set_its_own_lifetimes(service):
    longer = ClientService(service.clients, service.people, service.clock, {RED: timedelta(days=30)})
    client = await create(longer)
    assert client.expires_at - client.created_at == timedelta(days=30)
    green = await create(longer, GREEN)
    assert green.expires_at - green.created_at == timedelta(days=60)


async def test_fewer_scopes_than_the_level(service):
    client = await create(service, scopes=["tasks.task:read"])
    assert client.scopes == {"tasks.task:read"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": GREEN, "scopes": ["compute.jobs:write"]}, "does not grant compute.jobs:write"),
        ({"scopes": ["everything"]}, "no scope 'everything'"),
        ({"scopes": []}, "at least one scope"),
        ({"ranges": []}, "at least one source range"),
        ({"ranges": ["0.0.0.0/0"]}, "too wide"),
        ({"ranges": ["192.0.2.1", "192.0.2.2", "192.0.2.3"]}, "2 source ranges"),
        ({"keys": []}, "1 to 5 public keys"),
        ({"keys": [PUBLIC] * 6}, "1 to 5 public keys"),
        ({"keys": [PRIVATE]}, "private key"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"user": "gone"}, "not active"),
    ],
)
async def test_what_is_refused(service, changes, words):
    with pytest.raises(InvalidInput, match=words):
        await create(service, **changes)
    assert await service.list() == []


async def test_unknown_people_and_clients(service):
    with pytest.raises(NotFound, match="nobody"):
        await create(service, user="nobody")
    for act in (service.get, lambda name: service.revoke(name, actor="a"), lambda name: service.renew(name, actor="a")):
        with pytest.raises(NotFound):
            await act("nothing000000")


async def test_a_change_keeps_what_is_not_named(service):
    client = await create(service, comments="for the detector")
    other = key_pair("EdDSA")[1]
    changed = await service.change(client.id, actor="a", ranges=["192.0.2.0/24"], keys=[other])
    assert changed.ranges == ("192.0.2.0/24",)
    assert changed.keys[0].jwk == other
    assert (changed.name, changed.scopes, changed.comments) == (client.name, client.scopes, client.comments)
    with pytest.raises(InvalidInput):
        await service.change(client.id, actor="a", ranges=["10.0.0.0/8"])


async def test_renewing(service):
    client = await create(service)
    service.clock.advance(timedelta(days=5))
    renewed = await service.renew(client.id, actor="a")
    assert renewed.expires_at == service.clock.now() + timedelta(days=2)
    await service.revoke(client.id, actor="a")
    with pytest.raises(Conflict, match="revoked"):
        await service.renew(client.id, actor="a")


async def test_revoked_is_kept_and_removed_is_gone(service):
    client = await create(service)
    await service.revoke(client.id, actor="a")
    assert (await service.get(client.id)).revoked_at == service.clock.now()
    await service.remove(client.id, actor="a")
    with pytest.raises(NotFound):
        await service.get(client.id)
