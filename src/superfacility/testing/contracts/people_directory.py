"""The suite of `PeopleDirectory`. Fixtures to supply: `directory`, and `site`, who changes what is in it."""

from typing import Protocol

import pytest

from superfacility.facility.errors import InvalidInput, Unavailable
from superfacility.facility.membership.directory import DirectoryUser, PeopleDirectory
from superfacility.facility.people import UserName

ALICE, BOB, NOBODY = UserName("alice"), UserName("bob"), UserName("nobody")
PROJECT, STAFF, NO_GROUP = "grp-m0001", "hpc-staff", "grp-gone"
HOSTILE = (
    "*", "a*", "alice)(uid=*", "alice)(|(uid=*", "\\2a", "alice\0", "alice\\", "(", ")", "&", "|", "alice ", " alice",
    "ALICE", "ålice", "\u202ealice", "", "alice,ou=people", "alice\n", "*)(objectClass=*", "\udcff", "a" * 5000,
)  # fmt: skip
"""Names that are nobody's, and must not become somebody's on their way into a filter."""


class DirectorySite(Protocol):
    """Whoever administers the directory."""

    def add(self, name: UserName, number: int, password: str = "") -> None: ...

    def join(self, name: UserName, group: str) -> None:
        """A group that is not there is made."""

    def lock(self, name: UserName) -> None: ...

    def remove(self, name: UserName) -> None: ...

    def spoil(self, name: UserName) -> None:
        """From now on the entry of somebody who is there says nothing certain."""

    def stop(self) -> None: ...


class PeopleDirectoryContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture(autouse=True)
    def _people(self, site: DirectorySite) -> None:
        """Alice is of the staff and in a project, Bob only in the project."""
        site.add(ALICE, 5001, password="correct horse")  # noqa: S106 - of a test
        site.add(BOB, 5002, password="battery staple")  # noqa: S106
        site.join(ALICE, STAFF)
        site.join(ALICE, PROJECT)
        site.join(BOB, PROJECT)

    async def test_a_person_is_found_with_the_groups_that_were_asked_for(self, directory: PeopleDirectory) -> None:
        found = await directory.user(ALICE, [PROJECT, NO_GROUP])
        assert found is not None
        assert found.id
        assert found == DirectoryUser(
            found.id, 5001, ALICE, "Alice", "Doe", "alice@example.org", groups=frozenset({PROJECT})
        )
        bare = await directory.user(ALICE)
        assert bare is not None
        assert bare.groups == frozenset()

    async def test_who_is_not_there_is_nobody(self, directory: PeopleDirectory) -> None:
        assert await directory.user(NOBODY, [PROJECT]) is None

    @pytest.mark.parametrize("name", HOSTILE)
    async def test_a_hostile_name_finds_nobody(self, directory: PeopleDirectory, name: str) -> None:
        assert await directory.user(UserName(name), [PROJECT]) is None
        assert not await directory.check_password(UserName(name), "correct horse")

    @pytest.mark.parametrize("group", [each for each in HOSTILE if each])
    async def test_a_hostile_group_has_nobody(self, directory: PeopleDirectory, group: str) -> None:
        found = await directory.user(ALICE, [group])
        assert found is not None
        assert found.groups == frozenset()

    async def test_everybody_is_read_with_their_groups(self, directory: PeopleDirectory) -> None:
        reading = await directory.read([STAFF, PROJECT, NO_GROUP])
        assert [(user.name, user.uid, user.groups) for user in reading.users] == [
            (ALICE, 5001, frozenset({STAFF, PROJECT})),
            (BOB, 5002, frozenset({PROJECT})),
        ]
        assert reading.missing == {NO_GROUP}
        assert (reading.flaws, reading.doubtful) == ((), frozenset())
        assert await directory.user(BOB, [STAFF, PROJECT]) == reading.users[1]

    async def test_no_two_people_have_one_id(self, directory: PeopleDirectory) -> None:
        alice, bob = (await directory.read()).users
        assert alice.id != bob.id

    async def test_somebody_who_comes_again_is_another(self, directory: PeopleDirectory, site: DirectorySite) -> None:
        before = await directory.user(BOB)
        site.remove(BOB)
        assert await directory.user(BOB) is None
        assert [user.name for user in (await directory.read()).users] == [ALICE]
        site.add(BOB, 5002)
        after = await directory.user(BOB)
        assert before is not None
        assert after is not None
        assert before.id != after.id

    async def test_a_locked_account_is_not_active(self, directory: PeopleDirectory, site: DirectorySite) -> None:
        site.lock(BOB)
        found = await directory.user(BOB)
        assert found is not None
        assert not found.active
        assert [user.active for user in (await directory.read()).users] == [True, False]
        assert not await directory.check_password(BOB, "battery staple")

    async def test_what_is_not_certain_is_not_said(self, directory: PeopleDirectory, site: DirectorySite) -> None:
        site.spoil(BOB)
        reading = await directory.read()
        assert [user.name for user in reading.users] == [ALICE]
        assert reading.doubtful == {BOB}
        assert len(reading.flaws) == 1
        with pytest.raises(InvalidInput):
            await directory.user(BOB)

    async def test_a_password_fits_its_owner_alone(self, directory: PeopleDirectory) -> None:
        assert await directory.check_password(ALICE, "correct horse")
        for name, password in (
            (ALICE, "battery staple"),
            (ALICE, "correct horse "),
            (ALICE, ""),
            (ALICE, "correct horse\0"),
            (BOB, "correct horse"),
            (NOBODY, "correct horse"),
            (NOBODY, ""),
        ):
            assert not await directory.check_password(name, password)

    async def test_a_directory_that_does_not_answer_says_nothing(
        self, directory: PeopleDirectory, site: DirectorySite
    ) -> None:
        assert await directory.ping()
        site.stop()
        for question in (
            directory.user(ALICE),
            directory.user(NOBODY),
            directory.read(),
            directory.ping(),
            directory.check_password(ALICE, "correct horse"),
            directory.check_password(ALICE, "wrong"),
        ):
            with pytest.raises(Unavailable):
                await question
