"""Who somebody is in a project: what a client that is bound to another one, or a gateway of others, does not see."""

from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import NotFound, NotPermitted
from superfacility.facility.membership.permissions import Permission
from superfacility.facility.people import Project, ProjectName, Role, User, UserName
from superfacility.oauth.applications import GrantId
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.services.access.provider.known import COMMAND_LINE_ID
from superfacility.services.membership.standing import Standings
from superfacility.testing.stores import Memory, MemoryPeople

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ONE, TWO = ProjectName("m0001"), ProjectName("m0002")
ADA, STAFF = User(1001, UserName("ada")), User(1002, UserName("staff"), staff=True)


@pytest.fixture
async def standings() -> Standings:
    people, audit = MemoryPeople(Memory()), AuditEntry(NOW, "operator:test", "test.fill", "all")
    for user in (ADA, STAFF):
        await people.save_user(user, audit, new=True)
    for project in (ONE, TWO):
        await people.save_project(Project(0, project), audit, new=True)
        await people.set_membership(project, ADA.name, Role.RESOURCE_MANAGER, audit)
    return Standings(people)


def caller(user: User, bound: ProjectName | None = None, through: str | None = None) -> Principal:
    grant = None if through is None else GrantId("grant")
    level, expires = SecurityLevel.RED, NOW + timedelta(minutes=5)
    client = ClientId(through or "abcdefghijklm")
    return Principal(user, client, level, scopes_of(level), "127.0.0.1", expires, grant, bound)


async def test_a_role_may_what_its_row_says(standings: Standings) -> None:
    standing = await standings.of(caller(ADA), ONE)
    standing.require(Permission.EDIT_ALLOCATION)
    with pytest.raises(NotPermitted, match="pi, pi_proxy, membership_manager"):
        standing.require(Permission.EDIT_MEMBERS)
    assert standing.rests_on(caller(ADA)) == {ADA.name: Role.RESOURCE_MANAGER}


async def test_a_bound_client_knows_its_project_alone(standings: Standings) -> None:
    for user in (ADA, STAFF):
        assert (await standings.of(caller(user, bound=ONE), ONE)).project.name == ONE
        with pytest.raises(NotFound):
            await standings.of(caller(user, bound=ONE), TWO)


async def test_staff_have_their_power_with_their_own_programs_alone(standings: Standings) -> None:
    for through in (None, COMMAND_LINE_ID):
        standing = await standings.of(caller(STAFF, through=through), ONE)
        assert (standing.role, standing.staff, standing.rests_on(caller(STAFF))) == (None, True, {})
    with pytest.raises(NotFound):
        await standings.of(caller(STAFF, through="gateway123456"), ONE)
