"""People from an LDAP directory. The only place that knows ldap3.

What belongs here: connections, searches, what entries mean. What does not: what follows from it for our users.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from superfacility.core.clock import Clock
    from superfacility.facility.membership.directory import PeopleDirectory


def open_directory(options: Mapping[str, Any], path: Callable[[str], Path], clock: "Clock") -> "PeopleDirectory":
    """Entry point `ldap` of `superfacility.directories`. `path` makes the paths among the options absolute. Nothing is
    connected before it is needed."""
    from superfacility.adapters.ldap.directory import LdapDirectory
    from superfacility.adapters.ldap.options import read_options

    return LdapDirectory(read_options(options, path), clock)
