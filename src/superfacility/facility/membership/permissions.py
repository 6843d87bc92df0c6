"""The one table of what a role may do in a project: twelve permissions and five roles, as NERSC's Iris has them.

Services, the reference page and the tests read it. The facility's staff may do all of it in every project. Source:
https://docs.nersc.gov/iris/iris-for-pis (there only a PI edits organisations; here a PI proxy stands in for that too).
"""

from dataclasses import dataclass
from enum import StrEnum

from superfacility.facility.people import Role


class Permission(StrEnum):
    """One thing that somebody may do in a project."""

    EDIT_ALLOCATION = "edit_allocation"
    EDIT_ARCHIVE_ALLOCATION = "edit_archive_allocation"
    EDIT_MEMBERS = "edit_members"
    INVITE_USERS = "invite_users"
    MARK_CONTINUING = "mark_continuing"
    CREATE_GROUPS = "create_groups"
    ACCEPT_USERS = "accept_users"
    CHANGE_ROLES = "change_roles"
    EDIT_ORGANISATION = "edit_organisation"
    EDIT_DETAILS = "edit_details"
    EDIT_QUOTAS = "edit_quotas"
    VIEW = "view"


MANAGE_PROJECT = Permission.EDIT_DETAILS
"""What somebody needs who acts for the project as a whole: its applications and its clients."""

_HEADS = (Role.PI, Role.PI_PROXY)
_RESOURCES = (*_HEADS, Role.RESOURCE_MANAGER)
_PEOPLE = (*_HEADS, Role.MEMBERSHIP_MANAGER)
_MANAGERS = (*_HEADS, Role.RESOURCE_MANAGER, Role.MEMBERSHIP_MANAGER)


@dataclass(frozen=True, slots=True)
class PermissionRule:
    """Who may, and what that means in words that follow "may"."""

    roles: frozenset[Role]
    meaning: str


def _rule(roles: tuple[Role, ...], meaning: str) -> PermissionRule:
    return PermissionRule(frozenset(roles), meaning)


PERMISSIONS: dict[Permission, PermissionRule] = {
    Permission.EDIT_ALLOCATION: _rule(_RESOURCES, "divide the project's compute hours among its members"),
    Permission.EDIT_ARCHIVE_ALLOCATION: _rule(_RESOURCES, "divide the project's part of the archive"),
    Permission.EDIT_MEMBERS: _rule(_PEOPLE, "add and remove members of the project and of its groups"),
    Permission.INVITE_USERS: _rule(_PEOPLE, "invite people, and withdraw invitations"),
    Permission.MARK_CONTINUING: _rule(_PEOPLE, "mark who stays for the next allocation year"),
    Permission.CREATE_GROUPS: _rule(_MANAGERS, "create Unix groups of the project, and delete them"),
    Permission.ACCEPT_USERS: _rule(_HEADS, "accept or refuse people who ask to join"),
    Permission.CHANGE_ROLES: _rule(_HEADS, "change the roles of members"),
    Permission.EDIT_ORGANISATION: _rule(_HEADS, "change the project's organisation"),
    Permission.EDIT_DETAILS: _rule(_HEADS, "change the project's details, and manage its applications and clients"),
    Permission.EDIT_QUOTAS: _rule(_HEADS, "divide the project's storage among its directories"),
    Permission.VIEW: _rule(tuple(Role), "see the project, its members and its balance"),
}

_RANKS = {Role.PI: 3, Role.PI_PROXY: 2, Role.RESOURCE_MANAGER: 1, Role.MEMBERSHIP_MANAGER: 1, Role.USER: 0}


def may(role: Role | None, permission: Permission) -> bool:
    """Whether somebody of this role has it; who has none is no member."""
    return role in PERMISSIONS[permission].roles


def gives(actor: Role, role: Role) -> bool:
    """Whether somebody may let others have `role`: at most their own, and above `user` only who changes roles."""
    return role is Role.USER or (may(actor, Permission.CHANGE_ROLES) and _RANKS[role] <= _RANKS[actor])


def outranks(actor: Role, role: Role) -> bool:
    """Whether a member with `role` is in the hands of `actor`: nobody removes or demotes an equal."""
    return _RANKS[actor] > _RANKS[role]
