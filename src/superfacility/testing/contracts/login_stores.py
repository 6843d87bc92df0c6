"""The suites of `LoginSessionStore`, `AccountStore`, `AttemptLog` and `IdentityStore`.

Fixtures to supply, all of one store: `logins` (a `LoginStores`), `people`, `audit_log`.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import People, User, UserName
from superfacility.oauth.identity.accounts import Account, AccountStore, LinkPurpose, LoginLink
from superfacility.oauth.identity.attempts import FORGOTTEN_AFTER, AttemptLog, Counted, Pace
from superfacility.oauth.identity.providers import IdentityStore
from superfacility.oauth.logins import LoginSession, LoginSessionStore
from superfacility.testing.clocks import START

ALICE, BOB = UserName("alice"), UserName("bob")
HOUR = timedelta(hours=1)
SESSION = LoginSession("k1", ALICE, "lab", ("pwd", "otp"), START, START, START + 12 * HOUR, "id.token.x")
LINK = LoginLink("d1", ALICE, LinkPurpose.INVITATION, START + HOUR)
PACE = Pace(free=2, first=10, longest=60)


@dataclass(frozen=True, slots=True)
class LoginStores:
    """What belongs together."""

    sessions: LoginSessionStore
    accounts: AccountStore
    attempts: AttemptLog
    identities: IdentityStore


def entry(action: str = "login.change") -> AuditEntry:
    return AuditEntry(START, ALICE, action, ALICE)


class LoginStoresContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture(autouse=True)
    async def users(self, people: People) -> None:
        for name in (ALICE, BOB):
            await people.save_user(User(0, name), entry("people.add_user"), new=True)

    async def test_a_session_lasts_until_it_is_ended(self, logins: LoginStores, audit_log: AuditLog) -> None:
        store = logins.sessions
        await store.begin(SESSION, entry("login.begin"))
        assert await store.session("k1") == SESSION
        assert await store.session("k2") is None
        await store.see("k1", START + HOUR)
        await store.see("k2", START + HOUR)
        assert await store.session("k1") == replace(SESSION, seen_at=START + HOUR)
        await store.end("k1", entry("login.end"))
        await store.end("k1", entry("login.end"))
        assert await store.session("k1") is None
        assert (
            len(await audit_log.entries(action="login.begin")) == len(await audit_log.entries(action="login.end")) == 1
        )

    async def test_all_sessions_of_one_person_end_together(self, logins: LoginStores) -> None:
        store = logins.sessions
        later = replace(SESSION, key="k2", logged_in_at=START + HOUR, upstream_id_token=None)
        for session in (SESSION, later, replace(SESSION, key="k3", user=BOB)):
            await store.begin(session, entry())
        assert await store.of(ALICE) == [later, SESSION]
        assert await store.end_all(ALICE, entry()) == 2
        assert await store.of(ALICE) == []
        assert await store.forget(START + 12 * HOUR) == 0
        assert await store.forget(START + 13 * HOUR) == 1

    async def test_a_new_password_ends_sessions_and_links(self, logins: LoginStores, audit_log: AuditLog) -> None:
        accounts = logins.accounts
        assert await accounts.account(ALICE) is None
        await logins.sessions.begin(SESSION, entry())
        await accounts.add_link(LINK, entry())
        await accounts.set_password(ALICE, "hash", entry("login.set_password"))
        assert await accounts.account(ALICE) == Account(ALICE, "hash", START)
        assert await logins.sessions.session("k1") is None
        assert await accounts.link("d1") is None
        assert len(await audit_log.entries(action="login.set_password")) == 1
        await accounts.rehash(ALICE, "other", "new")
        await accounts.rehash(ALICE, "hash", "anew")
        assert await accounts.account(ALICE) == Account(ALICE, "anew", START)

    async def test_accounts_are_of_users(self, logins: LoginStores) -> None:
        nobody = UserName("nobody")
        with pytest.raises(NotFound):
            await logins.accounts.set_password(nobody, "hash", entry())
        with pytest.raises(NotFound):
            await logins.accounts.add_link(replace(LINK, user=nobody), entry())
        with pytest.raises(NotFound):
            await logins.accounts.set_second_factor(nobody, "sealed", 1, (), entry())

    async def test_a_time_step_is_spent_once_and_with_all_before(self, logins: LoginStores) -> None:
        accounts = logins.accounts
        assert not await accounts.use_step(ALICE, 7)
        await accounts.set_second_factor(ALICE, "sealed", 5, ("r1", "r2"), entry())
        assert not await accounts.use_step(ALICE, 5)
        taken = await asyncio.gather(*(accounts.use_step(ALICE, 7) for _ in range(5)))
        assert sorted(taken) == [False] * 4 + [True]
        assert not await accounts.use_step(ALICE, 6)
        assert await accounts.account(ALICE) == Account(ALICE, None, START, "sealed", 7, ("r1", "r2"))

    async def test_a_recovery_code_is_spent_once(self, logins: LoginStores, audit_log: AuditLog) -> None:
        accounts = logins.accounts
        assert not await accounts.use_recovery(ALICE, "r1", entry("login.use"))
        await accounts.set_second_factor(ALICE, "sealed", 5, ("r1", "r2"), entry())
        taken = await asyncio.gather(*(accounts.use_recovery(ALICE, "r1", entry("login.use")) for _ in range(5)))
        assert sorted(taken) == [False] * 4 + [True]
        assert len(await audit_log.entries(action="login.use")) == 1
        await accounts.set_recovery(ALICE, ("r3",), entry())
        assert not await accounts.use_recovery(ALICE, "r2", entry("login.use"))

    async def test_a_link_is_spent_once(self, logins: LoginStores) -> None:
        accounts = logins.accounts
        await accounts.add_link(LINK, entry())
        newer = replace(LINK, digest="d2", purpose=LinkPurpose.RESET)
        await accounts.add_link(newer, entry())
        assert await accounts.link("d1") is None
        assert await accounts.link("d2") == newer
        used = await asyncio.gather(*(accounts.use_link(newer, f"hash{n}", entry()) for n in range(5)))
        assert sorted(used) == [False] * 4 + [True]
        account = await accounts.account(ALICE)
        assert account is not None
        assert account.password == f"hash{used.index(True)}"
        await accounts.add_link(LINK, entry())
        assert await accounts.forget_links(START + 2 * HOUR) == 1

    async def test_failures_make_the_next_try_wait(self, logins: LoginStores) -> None:
        log, mine, other = logins.attempts, Counted("a", PACE), Counted("b", PACE)
        assert [await log.attempt([mine, other], START) for _ in range(2)] == [timedelta()] * 2
        assert await log.attempt([mine], START) == timedelta(seconds=10)
        assert await log.attempt([mine], START + timedelta(seconds=4)) == timedelta(seconds=6)
        assert await log.attempt([mine], START + timedelta(seconds=10)) == timedelta()
        assert await log.attempt([mine], START + timedelta(seconds=10)) == timedelta(seconds=20)
        assert await log.attempt([other, Counted("c", PACE)], START) == timedelta(seconds=10)
        await log.succeeded(cleared=["a"], eased=["b"])
        assert await log.attempt([mine], START) == timedelta()
        assert await log.attempt([other], START) == timedelta()

    async def test_a_hundred_at_once_are_a_hundred(self, logins: LoginStores) -> None:
        waits = await asyncio.gather(*(logins.attempts.attempt([Counted("a", PACE)], START) for _ in range(20)))
        assert waits.count(timedelta()) == 2

    async def test_failures_are_forgotten(self, logins: LoginStores) -> None:
        log, counted = logins.attempts, Counted("a", Pace(free=1, first=10**6, longest=10**6))
        assert await log.attempt([counted], START) == timedelta()
        assert await log.attempt([counted], START + HOUR) > timedelta()
        assert await log.attempt([counted], START + FORGOTTEN_AFTER) == timedelta()
        assert await log.forget(START + FORGOTTEN_AFTER) == 0
        assert await log.forget(START + FORGOTTEN_AFTER + HOUR) == 1

    async def test_an_identity_is_one_persons(self, logins: LoginStores, audit_log: AuditLog) -> None:
        store = logins.identities
        assert await store.owner("lab", "s1") is None
        await store.link("lab", "s1", ALICE, entry("login.link"))
        await store.link("other", "s1", BOB, entry("login.link"))
        with pytest.raises(Conflict):
            await store.link("lab", "s1", BOB, entry("login.link"))
        assert (await store.owner("lab", "s1"), await store.owner("other", "s1")) == (ALICE, BOB)
        assert await store.subjects("lab", ALICE) == ("s1",)
        assert len(await audit_log.entries(action="login.link")) == 2
        assert await store.unlink(ALICE, entry()) == 1
        assert await store.owner("lab", "s1") is None
