"""What a client below red may not write: it would be red's power.

A start-up file, a key or a hook in a home runs programs at the next login, and so does a changed executable.
"""

from collections.abc import Collection, Iterable

from superfacility.facility.errors import FileProblem, NotPermitted
from superfacility.facility.files import WriteGuard, WriteTarget
from superfacility.facility.people import User
from superfacility.facility.systems import FilesystemKind, System
from superfacility.facility.transport import Transport
from superfacility.oauth.scopes import SecurityLevel


def hidden_in_a_home(path: str, homes: Collection[str]) -> bool:
    """Whether any part of a real path below one of `homes` (folders that hold homes, or homes) begins with a dot."""
    return any(_hidden_below(path, home.rstrip("/") + "/") for home in homes)


def _hidden_below(path: str, home: str) -> bool:
    return path.startswith(home) and any(part.startswith(".") for part in path[len(home) :].split("/"))


def write_guard(level: SecurityLevel, homes: Collection[str], *, enabled: bool = True) -> WriteGuard:
    """The guard of a client's writes."""
    if not enabled or level >= SecurityLevel.RED:
        return _anything

    def guard(target: WriteTarget) -> None:
        if hidden_in_a_home(target.path, homes):
            reason = "is a dot-file or lies in a dot-folder of a home, which can run programs in your name"
        elif target.executable:
            reason = "is an executable, and changing it would run programs in your name"
        else:
            return
        raise NotPermitted(
            f"{target.path!r} {reason}: only a client of level red may write it (this one is {level.label}). "
            "Write elsewhere, or use a red client."
        )

    return guard


def _anything(_: WriteTarget) -> None:
    """Red may write whatever the user may."""


async def homes_on(transport: Transport, user: User, systems: Iterable[System]) -> frozenset[str]:
    """The folders that hold homes and the user's own homes, as they are named and as they really are."""
    named: set[str] = set()
    for system in systems:
        filesystem = system.filesystem(FilesystemKind.HOME)
        if filesystem is not None:
            named |= {filesystem.root, filesystem.path(user=user.name)}
    return frozenset(named | {await _real(transport, user, path) for path in named})


async def _real(transport: Transport, user: User, path: str) -> str:
    try:
        return (await transport.stat(user, path)).path
    except FileProblem:
        return path
