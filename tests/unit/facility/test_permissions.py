"""The table of roles and permissions, against the one that people know."""

from itertools import product

import pytest

from superfacility.facility.membership.permissions import MANAGE_PROJECT, PERMISSIONS, Permission, gives, may, outranks
from superfacility.facility.people import Role

PI, PROXY, RESOURCES, PEOPLE, USER = Role
KNOWN = {
    "accept_users": "XX---",
    "change_roles": "XX---",
    "create_groups": "XXXX-",
    "edit_allocation": "XXX--",
    "edit_archive_allocation": "XXX--",
    "edit_details": "XX---",
    "edit_members": "XX-X-",
    "edit_organisation": "XX---",
    "edit_quotas": "XX---",
    "invite_users": "XX-X-",
    "mark_continuing": "XX-X-",
    "view": "XXXXX",
}
"""For pi, pi_proxy, resource_manager, membership_manager, user."""


def test_the_table_is_the_one_that_people_know() -> None:
    found = {
        permission.value: "".join("X" if role in rule.roles else "-" for role in Role)
        for permission, rule in PERMISSIONS.items()
    }
    assert found == KNOWN


def test_every_permission_has_its_rule_and_who_is_no_member_has_none() -> None:
    assert set(PERMISSIONS) == set(Permission)
    assert [permission for permission in Permission if may(None, permission)] == []
    assert [role for role in Role if may(role, MANAGE_PROJECT)] == [PI, PROXY]


@pytest.mark.parametrize(
    ("actor", "given"),
    [
        (PI, set(Role)),
        (PROXY, set(Role) - {PI}),
        (RESOURCES, {USER}),
        (PEOPLE, {USER}),
        (USER, {USER}),
    ],
)
def test_nobody_gives_a_role_above_their_own(actor: Role, given: set[Role]) -> None:
    assert {role for role in Role if gives(actor, role)} == given


def test_nobody_is_in_the_hands_of_an_equal() -> None:
    hands = {(actor, role) for actor, role in product(Role, Role) if outranks(actor, role)}
    assert hands == {
        *((PI, role) for role in Role if role is not PI),
        *((PROXY, role) for role in (RESOURCES, PEOPLE, USER)),
        (RESOURCES, USER),
        (PEOPLE, USER),
    }
