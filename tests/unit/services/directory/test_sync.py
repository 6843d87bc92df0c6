"""Following the whole directory."""

from dataclasses import replace
from unittest.mock import AsyncMock

import pytest

from superfacility.facility.errors import Doubtful, FacilityError, Unavailable
from superfacility.facility.membership.directory import DirectoryLink
from superfacility.facility.people import ProjectName, Role, User, UserName
from superfacility.oauth.identity.accounts import Account
from superfacility.services.directory.sync import TooManyLose
from superfacility.services.directory.verdicts import Rules
from superfacility.testing.stores import MemoryDirectoryMirror

from .conftest import Site

ALICE, BOB = UserName("alice"), UserName("bob")


async def test_everybody_in_the_directory_becomes_a_user(site: Site) -> None:
    site.put("alice", 5001, first_name="Alice", last_name="Doe", email="a@example.org", work_phone="1")
    report = await site.follow()
    assert [(step.audit.actor, step.audit.action) for step in report.done] == [("directory", "directory.add_user")]
    assert site.here("alice").user == User(5001, ALICE, "Alice", "", "Doe", "a@example.org", "1")
    assert site.here("alice").link == DirectoryLink("entry-5001")
    assert (await site.follow()).done == ()


async def test_a_locked_stranger_does_not_become_one(site: Site) -> None:
    site.put("alice", 5001, active=False)
    assert (await site.follow()).done == ()


async def test_what_the_directory_does_not_say_stays(site: Site) -> None:
    site.put("alice", 5001, email="a@example.org")
    await site.follow()
    await site.change_user("alice", middle_name="M.", other_phones="2", staff=True)
    site.change("alice", email="", last_name="Doe")
    await site.follow()
    assert site.here("alice").user == User(5001, ALICE, "", "M.", "Doe", "a@example.org", "", "2", staff=True)


async def test_who_leaves_is_inactive_and_who_comes_back_is_active(site: Site) -> None:
    alice = site.put("alice", 5001)
    await site.follow()
    site.directory.remove(ALICE)
    await site.follow()
    assert not site.here("alice").user.active
    assert (await site.follow()).done == ()
    site.directory.put(alice)
    await site.follow()
    assert site.here("alice").user.active
    site.change("alice", active=False)
    await site.follow()
    assert not site.here("alice").user.active
    site.change("alice", active=True)
    await site.follow()
    assert site.here("alice").user.active


async def test_whom_the_operator_made_inactive_stays_so(site: Site) -> None:
    alice = site.put("alice", 5001)
    await site.follow()
    await site.change_user("alice", active=False)
    assert (await site.follow()).done == ()
    site.directory.remove(ALICE)
    await site.follow()
    site.directory.put(replace(alice, email="new@example.org"))
    site.change("alice", active=False)
    await site.follow()
    assert not site.here("alice").user.active


@pytest.mark.parametrize("lost", [Doubtful("look before you try again"), Unavailable("not now")])
async def test_a_database_that_is_lost_does_not_mean_that_somebody_does_not_fit(
    site: Site, monkeypatch: pytest.MonkeyPatch, lost: FacilityError
) -> None:
    site.put("alice", 5001)
    site.put("bob", 5002)
    applying = AsyncMock(side_effect=lost)
    with monkeypatch.context() as away:
        away.setattr(MemoryDirectoryMirror, "apply", applying)
        with pytest.raises(type(lost)):
            await site.follow()
    assert applying.await_count == 1
    assert len((await site.follow()).done) == 2


async def test_users_of_our_own_are_left_alone(site: Site) -> None:
    service = await site.add_user("beamline", 900, staff=True)
    site.put("alice", 5001)
    await site.follow()
    assert site.here("beamline").user == service


async def test_the_same_name_and_number_is_the_same_person(site: Site) -> None:
    await site.add_user("alice", 5001, staff=True)
    site.put("alice", 5001, email="a@example.org")
    report = await site.follow()
    assert [step.audit.action for step in report.done] == ["directory.adopt_user"]
    assert site.here("alice").user == User(5001, ALICE, email="a@example.org", staff=True)
    assert site.here("alice").link == DirectoryLink("entry-5001")


async def test_another_number_or_a_password_of_our_own_needs_the_operators_word(site: Site) -> None:
    alice, bob = await site.add_user("alice", 1001), await site.add_user("bob", 5002)
    site.memory.login_accounts[BOB] = Account(BOB, "hashed", site.clock.now())
    site.put("alice", 5001)
    site.put("bob", 5002)
    report = await site.follow()
    assert report.done == ()
    assert [each.user for each in report.refusals] == [ALICE, BOB]
    assert all("directory adopt" in each.why for each in report.refusals)
    assert (site.here("alice").user, site.here("bob").user) == (alice, bob)


@pytest.mark.parametrize("changes", [{"uid": 7001}, {"id": "entry-new"}, {"uid": 7001, "id": "entry-new"}])
async def test_another_person_with_the_name_gets_nothing_of_the_firsts(site: Site, changes: dict[str, object]) -> None:
    alice = site.put("alice", 5001)
    await site.follow()
    site.change("alice", **changes)
    report = await site.follow()
    assert [step.audit.action for step in report.done] == ["directory.deactivate_user"]
    assert "directory replace alice" in report.refusals[0].why
    assert site.here("alice").user == User(5001, ALICE, active=False)
    again = await site.follow()
    assert (again.done, len(again.refusals)) == ((), 1)
    site.directory.put(alice)
    await site.follow()
    assert site.here("alice").user.active


async def test_who_is_renamed_is_not_two_people(site: Site) -> None:
    site.put("alice", 5001)
    await site.follow()
    site.directory.remove(ALICE)
    site.put("alice2", 5001)
    report = await site.follow()
    assert "alice is called alice2" in report.refusals[0].why
    assert not site.here("alice").user.active
    assert UserName("alice2") not in site.memory.users


async def test_a_number_is_not_given_again(site: Site) -> None:
    site.put("alice", 5001)
    await site.follow()
    site.directory.remove(ALICE)
    site.put("bob", 5001, key="entry-bob")
    report = await site.follow()
    assert "which is alice's here" in report.refusals[0].why
    assert BOB not in site.memory.users


async def test_staff_and_projects_follow_the_groups(site: Site) -> None:
    site.rules = Rules(frozenset({"ops"}), {"g1": ProjectName("m0001"), "g9": ProjectName("m9999")})
    await site.add_project("m0001")
    await site.add_project("m0002")
    site.put("alice", 5001, "ops", "g1", "g9")
    site.put("bob", 5002, "g1")
    await site.follow()
    assert [site.here(name).user.staff for name in ("alice", "bob")] == [True, False]
    assert site.here("alice").roles == {ProjectName("m0001"): Role.USER}
    await site.set_role("m0001", "alice", Role.PI)
    await site.set_role("m0002", "bob", Role.USER)
    site.directory.groups = {"ops": {BOB}, "g1": set(), "g9": set()}
    await site.follow()
    assert [site.here(name).user.staff for name in ("alice", "bob")] == [False, True]
    assert site.here("alice").roles == {ProjectName("m0001"): Role.PI}
    assert site.here("bob").roles == {ProjectName("m0002"): Role.USER}


async def test_a_group_that_is_not_there_takes_nothing_from_anybody(site: Site) -> None:
    site.rules = Rules(frozenset({"ops"}), {"g1": ProjectName("m0001")})
    await site.add_project("m0001")
    site.put("alice", 5001, "ops", "g1")
    await site.follow()
    site.directory.groups = {}
    plan = await site.sync.plan()
    assert (plan.steps, plan.missing) == ((), ("g1", "ops"))


async def test_without_groups_in_the_configuration_staff_are_ours(site: Site) -> None:
    await site.add_user("alice", 5001, staff=True)
    site.put("alice", 5001)
    await site.follow()
    assert site.here("alice").user.staff


async def test_an_entry_that_says_nothing_certain_changes_nothing(site: Site) -> None:
    site.put("alice", 5001)
    site.put("bob", 5002)
    await site.follow()
    site.directory.flawed = {ALICE}
    site.change("alice", active=False)
    plan = await site.sync.plan()
    assert plan.steps == ()
    assert len(plan.flaws) == 1


async def test_a_directory_that_lost_many_is_not_believed(site: Site) -> None:
    for number in range(40):
        site.put(f"user{number}", 5000 + number)
    await site.follow()
    for number in range(5):
        site.directory.remove(UserName(f"user{number}"))
    site.change("user9", email="new@example.org")
    with pytest.raises(TooManyLose, match="5 of 40 users would lose"):
        await site.follow()
    assert all(user.active for user in site.memory.users.values())
    assert site.here("user9").user.email == ""
    site.put("user0", 5000)
    assert len((await site.follow()).done) == 5
    site.directory.people = {}
    with pytest.raises(TooManyLose):
        await site.follow()
    await site.follow(force=True)
    assert not any(user.active for user in site.memory.users.values())


async def test_losing_staff_or_projects_counts_as_well(site: Site) -> None:
    site.rules = Rules(frozenset({"ops"}), {"g1": ProjectName("m0001")})
    await site.add_project("m0001")
    for number in range(8):
        site.put(f"user{number}", 5000 + number, "ops" if number % 2 else "g1")
    await site.follow()
    for members in site.directory.groups.values():
        members.clear()
    with pytest.raises(TooManyLose, match="8 of 8"):
        await site.follow()


async def test_a_directory_that_does_not_answer_changes_nothing(site: Site) -> None:
    site.put("alice", 5001)
    await site.follow()
    site.directory.down = True
    with pytest.raises(Unavailable):
        await site.sync.plan()
    assert site.here("alice").user.active


async def test_one_who_was_changed_meanwhile_stops_nobody_else(site: Site) -> None:
    site.put("alice", 5001)
    site.put("bob", 5002)
    await site.follow()
    for name in ("alice", "bob"):
        site.change(name, email=f"{name}@example.org")
    plan = await site.sync.plan()
    await site.change_user("alice", active=False)
    report = await site.sync.apply(plan)
    assert [step.user.name for step in report.done] == [BOB]
    assert [each.user for each in report.refusals] == [ALICE]
    assert not site.here("alice").user.active
