"""Which names new users, projects, groups and reservations may have: what every Unix and every scheduler can bear."""

import re

from superfacility.facility.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,7}")


def check_name(kind: str, name: str) -> None:
    """`InvalidInput` unless the name begins with a letter and has letters, digits, `_`, `.` and `-` only."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of a {kind}: use at most 64 ASCII letters, digits, '_', '.' and '-', "
            "beginning with a letter."
        )


def check_group_name(name: str) -> None:
    """At most 8 characters, as the contract says; ASCII, as Unix groups want it."""
    if not _GROUP.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of a group: use at most 8 ASCII letters, digits, '_' and '-', "
            "beginning with a letter."
        )
