"""The suites of `ApplicationStore` and `TicketStore`.

Fixtures to supply, all of one store: `applications`, `tickets`, `clients`, `people`, `queue` (by a FakeClock),
`audit_log`, and `lease` that the queue asks.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import People, Project, ProjectName, User, UserName
from superfacility.oauth.applications import Application, ApplicationStore, Approval, Grant, GrantId
from superfacility.oauth.assertions import Profile
from superfacility.oauth.clients import ClientId, ClientKey, ClientStore
from superfacility.oauth.provider.tickets import (
    AuthorizationCode,
    Decision,
    DeviceRequest,
    PushedRequest,
    RefreshToken,
    TicketStore,
)
from superfacility.oauth.scopes import Scope, SecurityLevel
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.tasks.task import NewTask, TaskStatus, WorkerId
from superfacility.testing.clocks import START

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ALICE = UserName("alice")
BOB = UserName("bob")
ID = ClientId("gateway000001")
APPLICATION = Application(
    id=ID,
    name="Gateway ß",
    owner=ALICE,
    project=ProjectName("m0001"),
    level=SecurityLevel.ORANGE,
    scopes=frozenset({Scope.FILES_READ, Scope.JOBS_READ}),
    redirect_uris=("https://gateway.example/cb", "org.example:/cb"),
    logout_uris=("https://gateway.example/bye",),
    keys=(ClientKey({"kty": "OKP", "crv": "Ed25519", "x": "A"}),),
    created_at=NOW,
    approval=Approval.PENDING,
    homepage="https://gateway.example",
    profile=Profile.STRICT,
    device=True,
    dpop=True,
    resource_server=True,
)
GRANT = Grant(
    id=GrantId("grant-1"),
    application=ID,
    user=ALICE,
    scopes=frozenset({Scope.JOBS_READ}),
    identity=frozenset({"openid", "email"}),
    created_at=NOW,
    expires_at=LATER,
    logged_in_at=NOW - timedelta(minutes=5),
    methods=("pwd", "otp"),
    session="s" * 64,
)
CODE = AuthorizationCode("c" * 64, GRANT.id, ID, "https://gateway.example/cb", "x" * 43, LATER, "nonce ß", "jkt")
REFRESH = RefreshToken("r" * 64, GRANT.id, ID, LATER)
DEVICE = DeviceRequest(
    "d" * 64, "u" * 64, ID, frozenset({Scope.JOBS_READ}), frozenset({"openid"}), "192.0.2.1", NOW, LATER, 5
)
PUSHED = PushedRequest("p" * 64, ID, {"scope": "openid", "state": "ß"}, LATER)


def entry(action: str = "applications.change") -> AuditEntry:
    return AuditEntry(NOW, "operator:root", action, ID)


class _WithPeople:
    @pytest.fixture(autouse=True)
    async def owners(self, people: People) -> None:
        for name in (ALICE, BOB):
            await people.save_user(User(0, name), entry("users.add"), new=True)
        await people.save_project(Project(0, ProjectName("m0001")), entry("projects.add"), new=True)


class ApplicationStoreContract(_WithPeople):
    """Subclass it with the fixtures named above."""

    async def test_an_application_is_found_as_it_was_saved(
        self, applications: ApplicationStore, audit_log: AuditLog
    ) -> None:
        await applications.save(APPLICATION, entry(), new=True)
        assert await applications.application(ID) == APPLICATION
        assert await applications.application(ClientId("other")) is None
        assert await applications.application(ClientId("\udcff\0")) is None
        changed = replace(APPLICATION, name="n", project=None, keys=(), approval=Approval.APPROVED, revoked_at=NOW)
        await applications.save(changed, entry())
        assert await applications.application(ID) == changed
        assert len(await audit_log.entries(action="applications.change")) == 2

    async def test_changes_need_what_they_are_about(self, applications: ApplicationStore, audit_log: AuditLog) -> None:
        nobody = replace(APPLICATION, owner=UserName("nobody"))
        nothing = replace(APPLICATION, project=ProjectName("m9"))
        for act in (
            applications.save(APPLICATION, entry("applications.fail")),
            applications.save(nobody, entry("applications.fail"), new=True),
            applications.save(nothing, entry("applications.fail"), new=True),
            applications.allow(replace(GRANT, user=UserName("nobody")), entry("applications.fail")),
        ):
            with pytest.raises(NotFound):
                await act
        await applications.save(APPLICATION, entry(), new=True)
        with pytest.raises(Conflict):
            await applications.save(APPLICATION, entry("applications.fail"), new=True)
        assert await audit_log.entries(action="applications.fail") == []

    async def test_of_two_with_one_name_at_the_same_time_one_is_kept(self, applications: ApplicationStore) -> None:
        twins = [replace(APPLICATION, id=ClientId(f"a{number}"), name=name) for number, name in enumerate(("ä", "Ä"))]
        saved = await asyncio.gather(
            *(applications.save(each, entry(), new=True) for each in twins), return_exceptions=True
        )
        assert [type(each) for each in saved if each is not None] == [Conflict]
        (kept,) = await applications.applications()
        with pytest.raises(Conflict):
            await applications.save(replace(APPLICATION, name=kept.name), entry(), new=True)
        await applications.save(replace(kept, revoked_at=NOW), entry())
        await applications.save(replace(APPLICATION, name=kept.name), entry(), new=True)

    async def test_listings_are_newest_first(self, applications: ApplicationStore) -> None:
        for number, owner in enumerate((ALICE, BOB, ALICE)):
            made = replace(APPLICATION, id=ClientId(f"a{number}"), name=f"Gateway {number}", owner=owner)
            await applications.save(replace(made, created_at=NOW + timedelta(seconds=number)), entry(), new=True)
        assert [each.id for each in await applications.applications()] == ["a2", "a1", "a0"]
        assert [each.id for each in await applications.applications(owner=ALICE)] == ["a2", "a0"]

    async def test_a_grant_is_found_as_it_was_given(self, applications: ApplicationStore) -> None:
        await applications.allow(GRANT, entry())
        other = replace(GRANT, id=GrantId("grant-2"), session=None, key_thumbprint="jkt", created_at=LATER)
        await applications.allow(other, entry())
        assert await applications.grant(GRANT.id) == GRANT
        assert await applications.grant(GrantId("\udcff\0")) is None
        assert list(await applications.grants(user=ALICE)) == [other, GRANT]
        assert list(await applications.grants(user=BOB)) == []

    async def test_every_change_raises_the_generation_of_clients(
        self, applications: ApplicationStore, clients: ClientStore
    ) -> None:
        seen = [await clients.generation()]
        for act in (
            applications.save(APPLICATION, entry(), new=True),
            applications.save(APPLICATION, entry()),
            applications.allow(GRANT, entry()),
            applications.revoke_grant(GRANT.id, NOW, entry()),
            applications.allow(replace(GRANT, id=GrantId("grant-2")), entry()),
            applications.end_session("s" * 64, NOW, entry()),
        ):
            await act
            seen.append(await clients.generation())
        assert seen == sorted(set(seen))

    async def test_a_grant_is_revoked_once(self, applications: ApplicationStore, audit_log: AuditLog) -> None:
        await applications.allow(GRANT, entry())
        assert await applications.revoke_grant(GRANT.id, NOW, entry("grants.revoke"))
        assert not await applications.revoke_grant(GRANT.id, LATER, entry("grants.revoke"))
        assert not await applications.revoke_grant(GrantId("none"), NOW, entry("grants.revoke"))
        assert await applications.grant(GRANT.id) == replace(GRANT, revoked_at=NOW)
        assert len(await audit_log.entries(action="grants.revoke")) == 1

    async def test_a_change_of_what_was_changed_meanwhile_is_refused(self, applications: ApplicationStore) -> None:
        await applications.save(APPLICATION, entry(), new=True)
        revoked = replace(APPLICATION, revoked_at=NOW)
        await applications.save(revoked, entry(), old=APPLICATION)
        with pytest.raises(Conflict, match="changed meanwhile"):
            await applications.save(replace(APPLICATION, approval=Approval.APPROVED), entry(), old=APPLICATION)
        assert await applications.application(ID) == revoked

    async def test_a_revoked_application_has_no_grants(self, applications: ApplicationStore) -> None:
        await applications.save(APPLICATION, entry(), new=True)
        await applications.allow(GRANT, entry())
        await applications.allow(replace(GRANT, id=GrantId("other"), application=ClientId("another")), entry())
        await applications.save(replace(APPLICATION, revoked_at=NOW), entry())
        assert [each.id for each in await applications.grants(user=ALICE)] == ["other"]

    async def test_a_session_takes_along_what_lived_by_it(self, applications: ApplicationStore) -> None:
        offline = replace(GRANT, id=GrantId("offline"), identity=frozenset({"offline_access"}))
        elsewhere = replace(GRANT, id=GrantId("elsewhere"), session="t" * 64)
        for grant in (GRANT, offline, elsewhere):
            await applications.allow(grant, entry())
        assert await applications.end_session("s" * 64, NOW, entry()) == 1
        assert {each.id for each in await applications.grants(user=ALICE)} == {"offline", "elsewhere"}
        assert await applications.end_session("s" * 64, NOW, entry()) == 0

    async def test_tasks_of_the_last_grant_that_have_not_started_are_cancelled(
        self, applications: ApplicationStore, queue: TaskQueue, lease: Lease
    ) -> None:
        worker = WorkerId("worker")
        lease.hold(worker)
        second = replace(GRANT, id=GrantId("grant-2"))
        await applications.allow(GRANT, entry())
        await applications.allow(second, entry())
        new = NewTask(ALICE, "copy", {}, START, "red", client_id=ID)
        running = await queue.accept(new, entry("tasks.accept"))
        await queue.claim(worker, ["copy"], 1)
        waiting = await queue.accept(new, entry("tasks.accept"))
        others = await queue.accept(replace(new, owner=BOB), entry("tasks.accept"))

        async def states() -> list[TaskStatus | None]:
            found = [await queue.task(task.id) for task in (running, waiting, others)]
            return [None if task is None else task.status for task in found]

        await applications.revoke_grant(GRANT.id, NOW, entry())
        assert await states() == [TaskStatus.NEW] * 3
        await applications.revoke_grant(second.id, NOW, entry())
        assert await states() == [TaskStatus.NEW, TaskStatus.CANCELLED, TaskStatus.NEW]

    async def test_old_grants_are_forgotten(self, applications: ApplicationStore, tickets: TicketStore) -> None:
        assert await tickets.add_code(CODE, GRANT, None, entry())
        assert await applications.forget_grants(LATER) == 0
        assert await applications.forget_grants(LATER + timedelta(seconds=1)) == 1
        assert await applications.grant(GRANT.id) is None


class TicketStoreContract(_WithPeople):
    """Subclass it with the fixtures named above."""

    async def test_a_code_comes_with_its_grant_and_is_used_once(
        self, applications: ApplicationStore, tickets: TicketStore, audit_log: AuditLog
    ) -> None:
        assert await tickets.add_code(CODE, GRANT, None, entry())
        assert await applications.grant(GRANT.id) == GRANT
        assert await tickets.code(CODE.key) == CODE
        assert await tickets.code("\udcff\0") is None
        uses = (tickets.use_code(CODE.key, NOW, "jkt", REFRESH, entry("grants.redeem")) for _ in range(5))
        assert sorted(await asyncio.gather(*uses)) == [False] * 4 + [True]
        assert await tickets.code(CODE.key) == replace(CODE, used_at=NOW)
        assert await tickets.refresh_token(REFRESH.key) == REFRESH
        assert await applications.grant(GRANT.id) == replace(GRANT, key_thumbprint="jkt")
        assert not await tickets.use_code("none", NOW, None, None, entry("grants.redeem"))
        assert len(await audit_log.entries(action="grants.redeem")) == 1

    async def test_a_pushed_request_is_used_once(self, applications: ApplicationStore, tickets: TicketStore) -> None:
        await tickets.push(PUSHED)
        assert await tickets.pushed(PUSHED.key) == PUSHED
        assert await tickets.add_code(CODE, GRANT, PUSHED.key, entry())
        assert await tickets.pushed(PUSHED.key) is None
        second = replace(GRANT, id=GrantId("grant-2"))
        assert not await tickets.add_code(replace(CODE, key="k", grant=second.id), second, PUSHED.key, entry())
        assert await applications.grant(second.id) is None

    async def test_a_refresh_token_is_rotated_once(self, tickets: TicketStore, audit_log: AuditLog) -> None:
        await tickets.add_code(CODE, GRANT, None, entry())
        await tickets.use_code(CODE.key, NOW, None, REFRESH, entry())
        successors = [replace(REFRESH, key=f"next-{number}") for number in range(5)]
        turns = (tickets.rotate(REFRESH.key, NOW, each, entry("grants.refresh")) for each in successors)
        won = await asyncio.gather(*turns)
        assert sorted(won) == [False] * 4 + [True]
        found = [await tickets.refresh_token(each.key) for each in successors]
        assert [each is not None for each in found] == won
        old = await tickets.refresh_token(REFRESH.key)
        assert old == replace(REFRESH, used_at=NOW)
        assert len(await audit_log.entries(action="grants.refresh")) == 1

    async def test_a_refresh_token_may_be_prolonged(self, tickets: TicketStore) -> None:
        await tickets.add_code(CODE, GRANT, None, entry())
        await tickets.use_code(CODE.key, NOW, None, REFRESH, entry())
        longer = LATER + timedelta(days=1)
        assert await tickets.prolong(REFRESH.key, longer, entry())
        assert await tickets.refresh_token(REFRESH.key) == replace(REFRESH, expires_at=longer)
        await tickets.rotate(REFRESH.key, NOW, replace(REFRESH, key="next"), entry())
        assert not await tickets.prolong(REFRESH.key, longer, entry())

    async def test_a_device_is_answered_once_and_served_once(
        self, applications: ApplicationStore, tickets: TicketStore
    ) -> None:
        assert await tickets.add_device(DEVICE)
        assert not await tickets.add_device(replace(DEVICE, key="other"))
        assert await tickets.device(DEVICE.key) == await tickets.device_of(DEVICE.user_code) == DEVICE
        await tickets.asked(DEVICE.key, NOW, 10)
        assert await tickets.device(DEVICE.key) == replace(DEVICE, asked_at=NOW, interval=10)
        assert not await tickets.use_device(DEVICE.key, NOW, None, REFRESH, entry())
        assert await tickets.decide(DEVICE.key, GRANT, entry())
        assert not await tickets.decide(DEVICE.key, None, entry())
        assert await applications.grant(GRANT.id) == GRANT
        uses = (tickets.use_device(DEVICE.key, NOW, "jkt", REFRESH, entry()) for _ in range(5))
        assert sorted(await asyncio.gather(*uses)) == [False] * 4 + [True]
        found = await tickets.device(DEVICE.key)
        assert found is not None
        assert (found.decision, found.grant) == (Decision.USED, GRANT.id)
        assert await tickets.refresh_token(REFRESH.key) == REFRESH

    async def test_a_device_may_be_refused(self, tickets: TicketStore) -> None:
        await tickets.add_device(DEVICE)
        assert await tickets.decide(DEVICE.key, None, entry())
        assert not await tickets.decide(DEVICE.key, GRANT, entry())
        assert not await tickets.use_device(DEVICE.key, NOW, None, None, entry())
        found = await tickets.device(DEVICE.key)
        assert found is not None
        assert found.decision is Decision.DENIED

    async def test_guesses_are_counted_for_each_person(self, tickets: TicketStore) -> None:
        since = NOW - timedelta(minutes=10)
        tries = (tickets.guess(ALICE, NOW, since, 3) for _ in range(5))
        assert sorted(await asyncio.gather(*tries)) == [False, False, True, True, True]
        assert await tickets.guess(BOB, NOW, since, 3)
        assert await tickets.guess(ALICE, LATER, LATER - timedelta(minutes=10), 3)

    async def test_what_has_expired_is_forgotten(self, tickets: TicketStore) -> None:
        await tickets.push(PUSHED)
        await tickets.add_code(CODE, GRANT, None, entry())
        await tickets.use_code(CODE.key, NOW, None, REFRESH, entry())
        await tickets.add_device(DEVICE)
        await tickets.guess(ALICE, NOW, NOW, 3)
        assert await tickets.forget(NOW) == 0
        assert await tickets.forget(LATER + timedelta(seconds=1)) == 5
        assert await tickets.code(CODE.key) is None
        assert await tickets.refresh_token(REFRESH.key) is None
