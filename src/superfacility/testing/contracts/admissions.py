"""The suite of `Admissions`. Fixtures to supply, of one store: `people`, `admissions`, `audit_log`."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, NotFound, TooMany
from superfacility.facility.membership.admissions import (
    Admissions,
    Ending,
    Invitation,
    InvitationId,
    JoinRequest,
    JoinRequestId,
    MemberChange,
    Outcome,
    ProjectChange,
)
from superfacility.facility.people import Allocation, GroupName, People, Project, ProjectName, Role, User, UserName

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PI, BOB, NOBODY = UserName("pi"), UserName("bob"), UserName("nobody")
PROJECT, OTHER = ProjectName("m0001"), ProjectName("m0002")
GROUP, FOREIGN = GroupName("g0001"), GroupName("g0002")


def entry(action: str = "members.change", actor: str = PI) -> AuditEntry:
    return AuditEntry(NOW, actor, action, PROJECT)


def invitation(number: int = 1, **changes: object) -> Invitation:
    found = Invitation(InvitationId(f"i{number}"), PROJECT, Role.USER, PI, NOW, NOW + 14 * DAY, f"{number:064}", BOB)
    return replace(found, **changes)  # type: ignore[arg-type]


def request(number: int = 1, **changes: object) -> JoinRequest:
    found = JoinRequest(JoinRequestId(f"r{number}"), PROJECT, BOB, NOW, NOW + 30 * DAY, "please")
    return replace(found, **changes)  # type: ignore[arg-type]


def ending(outcome: Outcome = Outcome.ACCEPTED, at: datetime = NOW + DAY) -> Ending:
    return Ending(outcome, BOB, at)


JOINS = MemberChange(PROJECT, BOB, Role.USER, expected={BOB: None})


class AdmissionsContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture(autouse=True)
    async def populated(self, people: People) -> None:
        """The projects m0001 with its PI, and m0002 without."""
        for name in (PI, BOB):
            await people.save_user(User(0, name), entry("setup"), new=True)
        for project in (PROJECT, OTHER):
            await people.save_project(Project(0, project), entry("setup"), new=True)
        await people.set_membership(PROJECT, PI, Role.PI, entry("setup"))

    async def roles(self, people: People) -> dict[str, Role]:
        return {each.user: each.role for each in await people.memberships(project=PROJECT)}

    async def test_members_come_change_and_go(self, people: People, admissions: Admissions) -> None:
        await admissions.change_member(MemberChange(PROJECT, BOB, Role.USER, expected={BOB: None}), entry())
        await admissions.change_member(MemberChange(PROJECT, BOB, Role.PI_PROXY, True, {PI: Role.PI}), entry())
        (of_bob,) = await people.memberships(user=BOB)
        assert (of_bob.role, of_bob.continuing) == (Role.PI_PROXY, True)
        await admissions.change_member(MemberChange(PROJECT, BOB, Role.USER), entry())
        assert [each.continuing for each in await people.memberships(user=BOB)] == [True]
        await admissions.change_member(MemberChange(PROJECT, BOB, None), entry())
        assert await self.roles(people) == {PI: Role.PI}
        await admissions.change_member(MemberChange(PROJECT, BOB, Role.USER), entry())
        assert [each.continuing for each in await people.memberships(user=BOB)] == [False]

    async def test_a_change_needs_what_it_changes(self, admissions: Admissions, audit_log: AuditLog) -> None:
        for change in (
            MemberChange(ProjectName("none"), BOB, Role.USER),
            MemberChange(PROJECT, NOBODY, Role.USER),
            MemberChange(PROJECT, BOB, None),
        ):
            with pytest.raises(NotFound):
                await admissions.change_member(change, entry("failed"))
        assert await audit_log.entries(action="failed") == []

    async def test_what_rests_on_a_role_that_has_changed_does_not_happen(
        self, people: People, admissions: Admissions, audit_log: AuditLog
    ) -> None:
        for expected in ({BOB: Role.USER}, {PI: Role.PI_PROXY}, {PI: Role.PI, BOB: Role.PI}, {PI: None}):
            with pytest.raises(Conflict):
                await admissions.change_member(MemberChange(PROJECT, BOB, Role.PI, None, expected), entry("failed"))
        assert await self.roles(people) == {PI: Role.PI}
        assert await audit_log.entries(action="failed") == []

    async def test_the_last_pi_stays(self, people: People, admissions: Admissions) -> None:
        for role in (None, Role.PI_PROXY):
            with pytest.raises(Conflict):
                await admissions.change_member(MemberChange(PROJECT, PI, role), entry("failed"))
        await admissions.change_member(MemberChange(PROJECT, PI, Role.PI, True), entry())
        await admissions.change_member(MemberChange(PROJECT, BOB, Role.PI), entry())
        await admissions.change_member(MemberChange(PROJECT, PI, None), entry())
        assert await self.roles(people) == {BOB: Role.PI}

    async def test_of_two_pis_that_go_at_a_time_one_stays(self, people: People, admissions: Admissions) -> None:
        await people.set_membership(PROJECT, BOB, Role.PI, entry())
        leaving = (admissions.change_member(MemberChange(PROJECT, each, None), entry()) for each in (PI, BOB))
        results = await asyncio.gather(*leaving, return_exceptions=True)
        assert [type(each) for each in results if each is not None] == [Conflict]
        assert list((await self.roles(people)).values()) == [Role.PI]

    async def test_who_is_removed_leaves_the_groups_of_the_project(
        self, people: People, admissions: Admissions
    ) -> None:
        await people.set_membership(PROJECT, BOB, Role.USER, entry())
        await people.create_group(GROUP, PROJECT, [PI, BOB], entry())
        await people.create_group(FOREIGN, OTHER, [BOB], entry())
        await admissions.change_member(MemberChange(PROJECT, BOB, None), entry())
        assert [each.name for each in await people.groups(member=BOB)] == [FOREIGN]
        assert [each.name for each in await people.groups(member=PI)] == [GROUP]

    async def test_what_somebody_has_begun_ends_with_their_membership(
        self, people: People, admissions: Admissions
    ) -> None:
        await people.save_user(User(0, UserName("eve")), entry(), new=True)
        await people.set_membership(PROJECT, BOB, Role.MEMBERSHIP_MANAGER, entry())
        await admissions.invite(invitation(1, user=UserName("eve"), invited_by=BOB), entry(), most_a_day=9)
        await admissions.invite(invitation(2, user=None, email="x@example.org"), entry(), most_a_day=9)
        await admissions.change_member(MemberChange(PROJECT, BOB, None), entry())
        outcomes = {each.id: each.outcome for each in await admissions.invitations(project=PROJECT)}
        assert outcomes == {"i1": Outcome.WITHDRAWN, "i2": Outcome.OPEN}

    async def test_who_is_added_waits_for_nothing(self, admissions: Admissions) -> None:
        await admissions.invite(invitation(), entry(), most_a_day=9)
        await admissions.ask(request(1), entry(), most_a_day=9)
        await admissions.ask(request(2, project=OTHER), entry(), most_a_day=9)
        await admissions.change_member(MemberChange(PROJECT, BOB, Role.USER), entry())
        assert {each.id: each.outcome for each in await admissions.requests(user=BOB)} == {
            "r1": Outcome.ACCEPTED,
            "r2": Outcome.OPEN,
        }
        (kept,) = await admissions.invitations(user=BOB)
        assert (kept.outcome, kept.ended_by, kept.ended_at) == (Outcome.WITHDRAWN, PI, NOW)

    async def test_a_change_of_a_project_touches_what_it_names(
        self, people: People, admissions: Admissions, audit_log: AuditLog
    ) -> None:
        before = await people.project(PROJECT)
        assert before is not None
        await people.save_project(replace(before, description="words", allocation=Allocation(archive_bytes=7)), entry())
        texts = {"title": "A title", "organisation": "An institute", "about": "Welcome"}
        change = ProjectChange(PROJECT, texts, {"project_bytes": 2**50}, {PI: Role.PI})
        await admissions.change_project(change, entry("members.change_project"))
        found = await people.project(PROJECT)
        assert found is not None
        assert (found.title, found.organisation, found.about, found.description) == (*texts.values(), "words")
        assert (found.allocation.project_bytes, found.allocation.archive_bytes) == (2**50, 7)
        await admissions.change_project(ProjectChange(PROJECT, {}, {"archive_bytes": None}), entry())
        with pytest.raises(Conflict):
            await admissions.change_project(ProjectChange(PROJECT, {"title": ""}, {}, {PI: None}), entry("failed"))
        with pytest.raises(NotFound):
            await admissions.change_project(ProjectChange(ProjectName("none")), entry("failed"))
        found = await people.project(PROJECT)
        assert found is not None
        assert (found.title, found.allocation.archive_bytes) == ("A title", None)
        assert await audit_log.entries(action="failed") == []

    async def test_an_invitation_is_found_as_it_was_made(self, admissions: Admissions, audit_log: AuditLog) -> None:
        by_name, by_mail = invitation(1), invitation(2, user=None, email="x@example.org", created_at=NOW + DAY)
        for each in (by_name, by_mail):
            await admissions.invite(each, entry("members.invite"), most_a_day=9)
        assert await admissions.invitation(by_name.id) == by_name
        assert await admissions.invitation_of(by_mail.digest) == by_mail
        assert await admissions.invitation(InvitationId("none")) is None
        assert await admissions.invitation_of("none") is None
        assert await admissions.invitations(project=PROJECT) == [by_mail, by_name]
        assert await admissions.invitations(project=OTHER) == []
        assert await admissions.invitations(user=BOB, email="x@example.org") == [by_mail, by_name]
        assert await admissions.invitations(user=BOB) == [by_name]
        assert await admissions.invitations(email="x@example.org") == [by_mail]
        assert await admissions.invitations(user=PI, email="y@example.org") == []
        assert len(await audit_log.entries(action="members.invite")) == 2

    async def test_nobody_is_invited_twice_at_a_time(self, people: People, admissions: Admissions) -> None:
        await admissions.invite(invitation(1), entry(), most_a_day=9)
        with pytest.raises(Conflict):
            await admissions.invite(invitation(2), entry(), most_a_day=9)
        await admissions.invite(invitation(3, project=OTHER), entry(), most_a_day=9)
        await admissions.invite(invitation(4, created_at=NOW + 14 * DAY), entry(), most_a_day=9)
        await people.set_membership(OTHER, PI, Role.USER, entry())
        with pytest.raises(Conflict):
            await admissions.invite(invitation(5, user=PI, project=OTHER), entry(), most_a_day=9)
        with pytest.raises(NotFound):
            await admissions.invite(invitation(6, user=NOBODY), entry(), most_a_day=9)

    async def test_a_day_has_so_many_invitations(self, admissions: Admissions) -> None:
        for number in (1, 2):
            await admissions.invite(invitation(number, user=None, email=f"{number}@x.org"), entry(), most_a_day=2)
        third = invitation(3, user=None, email="3@x.org", created_at=NOW + DAY - timedelta(seconds=1))
        with pytest.raises(TooMany):
            await admissions.invite(third, entry(), most_a_day=2)
        await admissions.invite(replace(third, invited_by=BOB), entry(), most_a_day=2)
        await admissions.invite(invitation(4, user=None, email="4@x.org", created_at=NOW + DAY), entry(), most_a_day=2)

    async def test_an_invitation_ends_once(self, people: People, admissions: Admissions, audit_log: AuditLog) -> None:
        await admissions.invite(invitation(), entry(), most_a_day=9)
        accepting = (admissions.end_invitation(InvitationId("i1"), ending(), entry(), change=JOINS) for _ in range(5))
        results = await asyncio.gather(*accepting, return_exceptions=True)
        assert [type(each) for each in results if each is not None] == [Conflict] * 4
        assert await self.roles(people) == {PI: Role.PI, BOB: Role.USER}
        assert len(await audit_log.entries(action="members.change")) == 2
        (kept,) = await admissions.invitations(user=BOB)
        assert (kept.outcome, kept.ended_by, kept.ended_at) == (Outcome.ACCEPTED, BOB, NOW + DAY)

    async def test_ending_is_all_or_nothing(self, people: People, admissions: Admissions) -> None:
        await admissions.invite(invitation(), entry(), most_a_day=9)
        change = replace(JOINS, expected={PI: Role.MEMBERSHIP_MANAGER})
        with pytest.raises(Conflict):
            await admissions.end_invitation(InvitationId("i1"), ending(), entry(), change=change)
        (kept,) = await admissions.invitations(user=BOB)
        assert kept.outcome is Outcome.OPEN
        assert await self.roles(people) == {PI: Role.PI}

    async def test_what_is_over_stays_so(self, admissions: Admissions) -> None:
        await admissions.invite(invitation(), entry(), most_a_day=9)
        await admissions.ask(request(), entry(), most_a_day=9)
        late = ending(at=NOW + 30 * DAY)
        for over in (
            admissions.end_invitation(InvitationId("i1"), late, entry(), change=JOINS),
            admissions.end_request(JoinRequestId("r1"), late, entry(), change=JOINS),
        ):
            with pytest.raises(Conflict):
                await over
        for missing in (
            admissions.end_invitation(InvitationId("i2"), ending(), entry()),
            admissions.end_request(JoinRequestId("r2"), ending(), entry()),
        ):
            with pytest.raises(NotFound):
                await missing
        await admissions.end_invitation(InvitationId("i1"), ending(Outcome.DECLINED), entry())
        with pytest.raises(Conflict):
            await admissions.end_invitation(InvitationId("i1"), ending(), entry(), change=JOINS)

    async def test_a_request_is_kept_and_ends_once(self, people: People, admissions: Admissions) -> None:
        await admissions.ask(request(), entry(), most_a_day=9)
        assert await admissions.request(JoinRequestId("r1")) == request()
        assert await admissions.request(JoinRequestId("r2")) is None
        assert await admissions.requests(project=PROJECT) == [request()]
        assert await admissions.requests(project=OTHER) == []
        accepting = (admissions.end_request(JoinRequestId("r1"), ending(), entry(), change=JOINS) for _ in range(3))
        results = await asyncio.gather(*accepting, return_exceptions=True)
        assert [type(each) for each in results if each is not None] == [Conflict] * 2
        assert await self.roles(people) == {PI: Role.PI, BOB: Role.USER}

    async def test_requests_are_few_and_of_projects_that_need_not_exist(self, admissions: Admissions) -> None:
        await admissions.ask(request(1, project=ProjectName("none")), entry(), most_a_day=2)
        with pytest.raises(Conflict):
            await admissions.ask(request(2, project=ProjectName("none")), entry(), most_a_day=9)
        await admissions.ask(request(3), entry(), most_a_day=2)
        with pytest.raises(TooMany):
            await admissions.ask(request(4, project=OTHER), entry(), most_a_day=2)
        await admissions.ask(request(5, user=PI, project=OTHER), entry(), most_a_day=2)
        await admissions.ask(request(6, project=OTHER, created_at=NOW + DAY), entry(), most_a_day=2)

    async def test_what_is_long_over_is_forgotten(self, admissions: Admissions) -> None:
        await admissions.invite(invitation(1), entry(), most_a_day=9)
        await admissions.invite(invitation(2, project=OTHER, expires_at=NOW + 60 * DAY), entry(), most_a_day=9)
        await admissions.ask(request(1), entry(), most_a_day=9)
        await admissions.end_request(JoinRequestId("r1"), ending(Outcome.DECLINED), entry())
        assert await admissions.forget(NOW + 10 * DAY) == 1
        assert await admissions.forget(NOW + 15 * DAY) == 1
        assert [each.id for each in await admissions.invitations(user=BOB)] == ["i2"]
        assert await admissions.requests(user=BOB) == []
