"""The suite of `People`. Fixtures to supply, of one store: `people`, `audit_log`."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import Allocation, GroupName, People, Project, ProjectName, Role, User, UserName

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE, BOB, NOBODY = UserName("alice"), UserName("bob"), UserName("nobody")
PROJECT, NO_PROJECT = ProjectName("m0001"), ProjectName("m9999")
GROUP = GroupName("g0001")
FULL = User(1500, UserName("carol"), "Carol", "M.", "Müller", "c@example.org", "1", "2,3", staff=True, active=False)


def entry(action: str = "people.change") -> AuditEntry:
    return AuditEntry(NOW, "operator:root", action, "target")


class PeopleContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture
    async def populated(self, people: People) -> People:
        """bob (1001), alice (1002), and the project m0001."""
        for name in (BOB, ALICE):
            await people.save_user(User(0, name), entry("setup"), new=True)
        await people.save_project(Project(0, PROJECT), entry("setup"), new=True)
        return people

    async def test_a_user_is_found_as_it_was_saved(self, people: People, audit_log: AuditLog) -> None:
        assert await people.save_user(FULL, entry(), new=True) == FULL
        assert await people.user(FULL.name) == FULL
        assert await people.user(NOBODY) is None
        assert await people.user(UserName("\udcff\0")) is None
        assert len(await audit_log.entries()) == 1

    async def test_uids_are_the_next_free_from_1001(self, populated: People) -> None:
        assert [(user.name, user.uid) for user in await populated.users()] == [(ALICE, 1002), (BOB, 1001)]
        await populated.save_user(FULL, entry(), new=True)
        assert (await populated.save_user(User(0, NOBODY), entry(), new=True)).uid == 1501

    async def test_taken_names_and_numbers_are_conflicts(self, populated: People, audit_log: AuditLog) -> None:
        for user in (User(0, ALICE), User(1001, NOBODY)):
            with pytest.raises(Conflict):
                await populated.save_user(user, entry("failed"), new=True)
        with pytest.raises(Conflict):
            await populated.save_user(User(1001, ALICE), entry("failed"))
        for project in (Project(0, PROJECT), Project(1, NO_PROJECT)):
            with pytest.raises(Conflict):
                await populated.save_project(project, entry("failed"), new=True)
        assert await audit_log.entries(action="failed") == []
        assert len(await populated.users()) == 2

    async def test_changes_need_what_they_change(self, populated: People) -> None:
        for act in (
            populated.save_user(User(0, NOBODY), entry()),
            populated.save_project(Project(0, NO_PROJECT), entry()),
            populated.set_membership(NO_PROJECT, ALICE, Role.USER, entry()),
            populated.set_membership(PROJECT, NOBODY, Role.USER, entry()),
            populated.set_membership(PROJECT, ALICE, None, entry()),
            populated.create_group(GROUP, NO_PROJECT, [], entry()),
            populated.create_group(GROUP, PROJECT, [NOBODY], entry()),
            populated.change_members(GROUP, add=[ALICE], audit=entry()),
            populated.remove_group(GROUP, entry()),
        ):
            with pytest.raises(NotFound):
                await act
        assert await populated.groups() == []

    async def test_a_user_is_changed_by_name(self, populated: People) -> None:
        changed = await populated.save_user(User(0, ALICE, email="a@example.org"), entry())
        assert changed == User(1002, ALICE, email="a@example.org")
        assert await populated.user(ALICE) == changed

    async def test_two_changes_at_once_do_not_undo_each_other(self, populated: People, audit_log: AuditLog) -> None:
        seen, project = await populated.user(ALICE), await populated.project(PROJECT)
        assert seen is not None
        assert project is not None
        blocked = await populated.save_user(replace(seen, active=False), entry(), old=seen)
        closed = await populated.save_project(replace(project, active=False), entry(), old=project)
        with pytest.raises(Conflict):
            await populated.save_user(replace(seen, staff=True), entry("failed"), old=seen)
        with pytest.raises(Conflict):
            await populated.save_project(replace(project, about="words"), entry("failed"), old=project)
        assert await populated.user(ALICE) == blocked
        assert await populated.project(PROJECT) == closed
        assert await audit_log.entries(action="failed") == []

    async def test_a_project_is_found_and_changed(self, populated: People) -> None:
        assert await populated.project(PROJECT) == Project(1, PROJECT)
        assert await populated.project(NO_PROJECT) is None
        rich = Project(1, PROJECT, "words", Allocation(2**50, 2**60), active=False)
        assert await populated.save_project(rich, entry()) == rich
        assert await populated.projects() == [rich]

    async def test_memberships(self, populated: People, audit_log: AuditLog) -> None:
        second = await populated.save_project(Project(0, ProjectName("m0000")), entry("setup"), new=True)
        await populated.set_membership(PROJECT, BOB, Role.USER, entry())
        await populated.set_membership(PROJECT, ALICE, Role.USER, entry())
        await populated.set_membership(second.name, BOB, Role.PI_PROXY, entry())
        await populated.set_membership(PROJECT, ALICE, Role.PI, entry())
        found = [(member.project.name, member.user, member.role) for member in await populated.memberships()]
        expected = [("m0000", BOB, Role.PI_PROXY), (PROJECT, ALICE, Role.PI), (PROJECT, BOB, Role.USER)]
        assert found == expected
        assert [member.user for member in await populated.memberships(project=PROJECT)] == [ALICE, BOB]
        (of_bob, _) = await populated.memberships(user=BOB)
        assert of_bob.project == second
        await populated.set_membership(PROJECT, BOB, None, entry())
        assert [member.user for member in await populated.memberships(project=PROJECT)] == [ALICE]
        assert len(await audit_log.entries(action="people.change")) == 5

    async def test_who_is_removed_leaves_the_groups_of_the_project(self, populated: People) -> None:
        await populated.set_membership(PROJECT, BOB, Role.USER, entry())
        await populated.create_group(GROUP, PROJECT, [ALICE, BOB], entry())
        await populated.set_membership(PROJECT, BOB, None, entry())
        assert await populated.groups(member=BOB) == []
        assert [each.name for each in await populated.groups(member=ALICE)] == [GROUP]

    async def test_a_group_has_its_members_in_full(self, populated: People) -> None:
        group = await populated.create_group(GROUP, PROJECT, [BOB, ALICE], entry())
        assert (group.gid, group.project) == (2001, PROJECT)
        assert [member.uid for member in group.members] == [1002, 1001]
        assert await populated.group(GROUP) == group
        assert await populated.group(GroupName("other")) is None
        assert (await populated.create_group(GroupName("g0002"), PROJECT, [], entry())).gid == 2002

    async def test_groups_of_a_member(self, populated: People) -> None:
        await populated.create_group(GROUP, PROJECT, [ALICE, BOB], entry())
        await populated.create_group(GroupName("a"), PROJECT, [BOB], entry())
        assert [group.name for group in await populated.groups()] == ["a", GROUP]
        (of_alice,) = await populated.groups(member=ALICE)
        assert [member.name for member in of_alice.members] == [ALICE, BOB]
        assert await populated.groups(member=NOBODY) == []

    async def test_a_taken_group_name_is_a_conflict(self, populated: People) -> None:
        await populated.create_group(GROUP, PROJECT, [ALICE], entry())
        with pytest.raises(Conflict):
            await populated.create_group(GROUP, PROJECT, [], entry())

    async def test_members_change_all_or_nothing(self, populated: People, audit_log: AuditLog) -> None:
        await populated.create_group(GROUP, PROJECT, [ALICE], entry())
        with pytest.raises(NotFound):
            await populated.change_members(GROUP, add=[BOB, NOBODY], remove=[ALICE], audit=entry("failed"))
        group = await populated.group(GROUP)
        assert group is not None
        assert [member.name for member in group.members] == [ALICE]
        assert await audit_log.entries(action="failed") == []

    async def test_adding_twice_and_removing_strangers_changes_nothing(self, populated: People) -> None:
        group = await populated.create_group(GROUP, PROJECT, [ALICE], entry())
        assert await populated.change_members(GROUP, add=[ALICE], remove=[BOB, NOBODY], audit=entry()) == group
        both = await populated.change_members(GROUP, add=[BOB], audit=entry())
        assert [member.name for member in both.members] == [ALICE, BOB]
        one = await populated.change_members(GROUP, remove=[ALICE], audit=entry())
        assert [member.name for member in one.members] == [BOB]

    async def test_a_removed_group_is_gone_with_its_memberships(self, populated: People) -> None:
        await populated.create_group(GROUP, PROJECT, [ALICE], entry())
        await populated.remove_group(GROUP, entry())
        assert await populated.group(GROUP) is None
        again = await populated.create_group(GROUP, PROJECT, [], entry())
        assert again.members == ()

    async def test_a_changed_user_shows_in_groups(self, populated: People) -> None:
        await populated.create_group(GROUP, PROJECT, [ALICE], entry())
        user = await populated.user(ALICE)
        assert user is not None
        await populated.save_user(replace(user, first_name="Alice"), entry())
        group = await populated.group(GROUP)
        assert group is not None
        assert group.members[0].first_name == "Alice"
