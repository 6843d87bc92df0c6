"""The suite of `CollaborationAccounts`.

Fixtures to supply, all of one store: `accounts`, `people`, `clients`, `audit_log`.
"""

from datetime import UTC, datetime

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import NotFound
from superfacility.facility.people import People, Project, ProjectName, User, UserName
from superfacility.oauth.clients import ClientStore
from superfacility.oauth.registration.collaborations import CollaborationAccount, CollaborationAccounts

BEAM, ALICE = UserName("beam"), UserName("alice")
PROJECT = ProjectName("m0001")
ACCOUNT = CollaborationAccount(BEAM, PROJECT, (ALICE,))


def entry(action: str = "collaborations.save") -> AuditEntry:
    return AuditEntry(datetime(2026, 3, 1, tzinfo=UTC), "operator:root", action, BEAM)


class CollaborationAccountsContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture(autouse=True)
    async def known(self, people: People) -> None:
        for name in (BEAM, ALICE):
            await people.save_user(User(0, name), entry("users.add"), new=True)
        await people.save_project(Project(0, PROJECT), entry("projects.add"), new=True)

    async def test_an_account_is_found_as_it_was_saved(
        self, accounts: CollaborationAccounts, audit_log: AuditLog
    ) -> None:
        assert await accounts.account(BEAM) is None
        await accounts.save(ACCOUNT, entry())
        assert await accounts.account(BEAM) == ACCOUNT
        changed = CollaborationAccount(BEAM)
        await accounts.save(changed, entry())
        assert await accounts.accounts() == [changed]
        assert len(await audit_log.entries(action="collaborations.save")) == 2

    async def test_every_change_raises_the_generation_of_clients(
        self, accounts: CollaborationAccounts, clients: ClientStore
    ) -> None:
        before = await clients.generation()
        await accounts.save(ACCOUNT, entry())
        between = await clients.generation()
        await accounts.remove(BEAM, entry())
        assert before < between < await clients.generation()

    async def test_they_are_ordered_by_name(self, accounts: CollaborationAccounts) -> None:
        for name in (BEAM, ALICE):
            await accounts.save(CollaborationAccount(name, managers=(UserName("x"),)), entry())
        assert [each.user for each in await accounts.accounts()] == [ALICE, BEAM]

    async def test_a_removed_one_is_an_ordinary_user_again(self, accounts: CollaborationAccounts) -> None:
        await accounts.save(ACCOUNT, entry())
        await accounts.remove(BEAM, entry())
        assert await accounts.account(BEAM) is None
        with pytest.raises(NotFound):
            await accounts.remove(BEAM, entry())

    async def test_users_and_projects_must_be_there(self, accounts: CollaborationAccounts, audit_log: AuditLog) -> None:
        for wrong in (CollaborationAccount(UserName("nobody"), PROJECT), CollaborationAccount(BEAM, ProjectName("m2"))):
            with pytest.raises(NotFound):
                await accounts.save(wrong, entry())
        assert await accounts.accounts() == []
        assert await audit_log.entries(action="collaborations.save") == []
