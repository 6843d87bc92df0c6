"""The suite of `DirectoryMirror`. Fixtures to supply, of one store: `mirror`, `people`, `audit_log`, `accounts`,
`identities`, `queue`, `requests`, `managed`."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.membership.directory import DirectoryLink, DirectoryMirror, Mirrored, MirrorStep
from superfacility.facility.people import GroupName, People, Project, ProjectName, Role, User, UserName
from superfacility.oauth.identity.accounts import AccountStore
from superfacility.oauth.identity.providers import IdentityStore
from superfacility.oauth.registration.collaborations import CollaborationAccount, CollaborationAccounts
from superfacility.oauth.registration.requests import ClientRequestStore, RequestId, RequestState
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.task import NewTask, TaskStatus
from superfacility.testing.clocks import START
from superfacility.testing.contracts.client_requests import REQUEST

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE, BOB = User(5001, UserName("alice"), "Alice"), User(5002, UserName("bob"))
M1, M2 = ProjectName("m0001"), ProjectName("m0002")
LINK = DirectoryLink("entry-1")


def audit(action: str = "directory.test") -> AuditEntry:
    return AuditEntry(NOW, "directory", action, "target")


def new(user: User, link: DirectoryLink = LINK, *joins: ProjectName) -> MirrorStep:
    return MirrorStep(user, None, link, audit(), joins)


class DirectoryMirrorContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture(autouse=True)
    async def _projects(self, people: People) -> None:
        for name in (M1, M2):
            await people.save_project(Project(0, name), audit("setup"), new=True)

    async def test_a_new_user_is_there_with_link_and_memberships(
        self, mirror: DirectoryMirror, people: People, audit_log: AuditLog
    ) -> None:
        await mirror.apply([new(ALICE, LINK, M1), new(BOB, DirectoryLink("entry-2", away=True))])
        assert await mirror.one(ALICE.name) == Mirrored(ALICE, LINK, roles={M1: Role.USER})
        assert await mirror.everybody() == {
            ALICE.name: Mirrored(ALICE, LINK, roles={M1: Role.USER}),
            BOB.name: Mirrored(BOB, DirectoryLink("entry-2", away=True)),
        }
        assert await people.user(ALICE.name) == ALICE
        assert len(await audit_log.entries(action="directory.test")) == 2

    async def test_users_of_our_own_are_there_without_a_link(
        self, mirror: DirectoryMirror, people: People, accounts: AccountStore
    ) -> None:
        assert await mirror.one(ALICE.name) is None
        await people.save_user(ALICE, audit("setup"), new=True)
        assert await mirror.one(ALICE.name) == Mirrored(ALICE)
        await accounts.set_password(ALICE.name, "hashed", audit("setup"))
        assert await mirror.everybody() == {ALICE.name: Mirrored(ALICE, password=True)}

    async def test_a_user_is_changed_with_all_that_belongs_to_them(
        self, mirror: DirectoryMirror, people: People
    ) -> None:
        await mirror.apply([new(ALICE, LINK, M1)])
        changed = replace(ALICE, email="a@example.org", staff=True, active=False)
        away = replace(LINK, away=True)
        await mirror.apply([MirrorStep(changed, ALICE, away, audit(), (M2,), (M1,))])
        assert await mirror.one(ALICE.name) == Mirrored(changed, away, roles={M2: Role.USER})
        await mirror.apply([MirrorStep(ALICE, changed, DirectoryLink("entry-9"), audit())])
        assert await mirror.one(ALICE.name) == Mirrored(ALICE, DirectoryLink("entry-9"), roles={M2: Role.USER})
        await mirror.apply([new(BOB, LINK)])
        assert (await mirror.everybody())[BOB.name].link == LINK

    async def test_what_was_changed_meanwhile_is_not_overwritten(
        self, mirror: DirectoryMirror, people: People, audit_log: AuditLog
    ) -> None:
        await mirror.apply([new(ALICE)])
        blocked = replace(ALICE, active=False)
        await people.save_user(blocked, audit("setup"))
        for step in (MirrorStep(replace(ALICE, email="x"), ALICE, LINK, audit("failed")), new(ALICE), new(BOB, LINK)):
            with pytest.raises(Conflict):
                await mirror.apply([replace(step, audit=audit("failed"))])
        assert await people.user(ALICE.name) == blocked
        assert await people.user(BOB.name) is None
        assert await audit_log.entries(action="failed") == []

    async def test_all_or_nothing(self, mirror: DirectoryMirror, people: People) -> None:
        taken = replace(BOB, uid=ALICE.uid)
        for second, error in (
            (new(taken, DirectoryLink("entry-2")), Conflict),
            (new(BOB, LINK), Conflict),
            (new(BOB, replace(LINK, away=True)), Conflict),
            (new(BOB, DirectoryLink("entry-2"), ProjectName("m9999")), NotFound),
        ):
            with pytest.raises(error):
                await mirror.apply([new(ALICE, LINK, M1), second])
            assert await mirror.everybody() == {}
            assert await people.memberships() == []

    async def test_another_person_gets_nothing_of_the_former_ones(
        self, mirror: DirectoryMirror, people: People, accounts: AccountStore, identities: IdentityStore
    ) -> None:
        await mirror.apply([new(ALICE, LINK, M1), new(BOB, DirectoryLink("entry-2"), M1)])
        await people.set_membership(M2, ALICE.name, Role.PI, audit())
        await people.create_group(GroupName("g1"), M1, [ALICE.name, BOB.name], audit())
        await accounts.set_password(ALICE.name, "hashed", audit())
        await identities.link("lab", "s-1", ALICE.name, audit())
        other, link = replace(ALICE, uid=7001, first_name="Alicia"), DirectoryLink("entry-3")
        await mirror.apply([MirrorStep(other, ALICE, link, audit(), leaves=(M1,), anew=True)])
        assert await mirror.one(ALICE.name) == Mirrored(other, link)
        assert await accounts.account(ALICE.name) is None
        assert await identities.owner("lab", "s-1") is None
        group = await people.group(GroupName("g1"))
        assert group is not None
        assert [user.name for user in group.members] == [BOB.name]
        assert [(each.project.name, each.user) for each in await people.memberships()] == [(M1, BOB.name)]

    async def test_what_the_former_one_has_asked_for_is_not_given_to_another(
        self, mirror: DirectoryMirror, requests: ClientRequestStore, managed: CollaborationAccounts
    ) -> None:
        await mirror.apply([new(ALICE), new(BOB, DirectoryLink("entry-2"))])
        asked = replace(REQUEST, requester=ALICE.name, user=ALICE.name)
        await requests.ask(asked, audit())
        await requests.ask(replace(asked, id=RequestId("two"), requester=BOB.name, user=BOB.name), audit())
        await managed.save(CollaborationAccount(BOB.name, managers=(ALICE.name, BOB.name)), audit())
        await mirror.apply([MirrorStep(replace(ALICE, uid=7001), ALICE, DirectoryLink("entry-3"), audit(), anew=True)])
        found = [await requests.request(each) for each in (REQUEST.id, RequestId("two"))]
        assert [each and each.state for each in found] == [RequestState.WITHDRAWN, RequestState.PENDING]
        assert await managed.account(BOB.name) == CollaborationAccount(BOB.name, managers=(BOB.name,))

    async def test_what_somebody_who_left_has_ordered_is_not_begun(
        self, mirror: DirectoryMirror, queue: TaskQueue
    ) -> None:
        await mirror.apply([new(ALICE), new(BOB, DirectoryLink("entry-2"))])
        hers, his = [await queue.accept(NewTask(user.name, "copy", {}, START, "red"), audit()) for user in (ALICE, BOB)]
        changed = replace(ALICE, email="a@example.org")
        await mirror.apply([MirrorStep(changed, ALICE, LINK, audit())])
        assert [task and task.status for task in [await queue.task(hers.id)]] == [TaskStatus.NEW]
        await mirror.apply([MirrorStep(replace(changed, active=False), changed, replace(LINK, away=True), audit())])
        found = [await queue.task(task.id) for task in (hers, his)]
        assert [task and task.status for task in found] == [TaskStatus.CANCELLED, TaskStatus.NEW]
