"""What the operator decides of a name that may be another person's."""

from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.membership.directory import DirectoryLink
from superfacility.facility.people import Role, User, UserName
from superfacility.oauth.clients import Client, ClientId
from superfacility.oauth.identity.accounts import Account
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.services.access.grants import GrantService
from superfacility.services.access.provider import KnownApplications
from superfacility.services.access.provider.known import COMMAND_LINE
from superfacility.services.clients import ClientService
from superfacility.services.directory.decisions import DirectoryDecisions
from superfacility.testing.stores import MemoryApplicationStore, MemoryClientStore

from .conftest import Site

ALICE = UserName("alice")


def decisions(site: Site) -> DirectoryDecisions:
    clients = MemoryClientStore(site.memory)
    grants = GrantService(KnownApplications(MemoryApplicationStore(site.memory), site.people), site.clock)
    service = ClientService(clients, site.people, site.clock)
    return DirectoryDecisions(site.directory, site.mirror, clients, service, grants, site.clock)


@pytest.fixture
async def known(site: Site) -> Site:
    """Alice, with a client, a role and a password of our own; then the directory has another entry of that name."""
    site.put("alice", 5001)
    await site.follow()
    await site.add_project("m0001")
    await site.set_role("m0001", "alice", Role.PI)
    await site.change_user("alice", staff=True, middle_name="M.")
    site.memory.login_accounts[ALICE] = Account(ALICE, "hashed", site.clock.now())
    now, level = site.clock.now(), SecurityLevel.RED
    client = Client(
        ClientId("c1"), ALICE, "job", level, scopes_of(level), ("127.0.0.1/32",), (), now, now + timedelta(days=1)
    )
    await MemoryClientStore(site.memory).save(client, site.audit(), new=True)
    store = MemoryApplicationStore(site.memory)
    await store.save(replace(COMMAND_LINE, id=ClientId("a1"), owner=ALICE), site.audit(), new=True)
    site.change("alice", uid=7001, id="entry-new")
    await site.follow()
    assert not site.here("alice").user.active
    return site


async def test_the_same_person_keeps_everything(known: Site) -> None:
    await decisions(known).adopt("alice", "operator:root")
    here = known.here("alice")
    assert here.user == User(7001, ALICE, middle_name="M.", staff=True)
    assert (here.link, here.password, len(here.roles)) == (DirectoryLink("entry-new"), True, 1)
    assert known.memory.clients[ClientId("c1")].revoked_at is None
    assert [each.actor for each in known.memory.audit if each.action == "directory.adopt_user"] == ["operator:root"]
    assert (await known.follow()).done == ()


async def test_another_person_gets_nothing(known: Site) -> None:
    await decisions(known).replace("alice", "operator:root")
    here = known.here("alice")
    assert here.user == User(7001, ALICE)
    assert (here.link, here.password, here.roles) == (DirectoryLink("entry-new"), False, {})
    assert known.memory.clients[ClientId("c1")].revoked_at is not None
    assert known.memory.applications[ClientId("a1")].revoked_at is not None
    assert (await known.follow()).done == ()


async def test_a_user_of_our_own_is_tied_to_the_entry(site: Site) -> None:
    await site.add_user("alice", 1001)
    site.put("alice", 5001)
    assert (await decisions(site).adopt("alice", "operator:root")).uid == 5001
    assert site.here("alice").user.active


async def test_whom_the_operator_made_inactive_is_not_let_in_by_adopting(site: Site) -> None:
    await site.add_user("alice", 1001, active=False)
    site.put("alice", 5001)
    assert not (await decisions(site).adopt("alice", "operator:root")).active


async def test_somebody_who_is_locked_there_is_not_let_in(site: Site) -> None:
    await site.add_user("alice", 1001)
    site.put("alice", 5001, active=False)
    await decisions(site).replace("alice", "operator:root")
    assert not site.here("alice").user.active
    site.change("alice", active=True)
    await site.follow()
    assert site.here("alice").user.active


async def test_a_name_must_be_in_both(site: Site) -> None:
    await site.add_user("alice", 1001)
    site.put("bob", 5002)
    for name in ("alice", "bob", "nobody"):
        for decide in (decisions(site).adopt, decisions(site).replace):
            with pytest.raises(NotFound):
                await decide(name, "operator:root")


async def test_nobody_gets_the_number_of_another(site: Site) -> None:
    await site.add_user("bob", 5001)
    await site.add_user("alice", 1001)
    alice = site.put("alice", 5001)
    for decide in (decisions(site).adopt, decisions(site).replace):
        with pytest.raises(Conflict, match="which is bob's here"):
            await decide("alice", "operator:root")
    site.directory.put(replace(alice, uid=5009))
    await decisions(site).adopt("alice", "operator:root")
