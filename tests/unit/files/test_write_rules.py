"""What a client below red may write."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from superfacility.facility.errors import NotPermitted
from superfacility.facility.files import WriteTarget
from superfacility.facility.people import User, UserName
from superfacility.facility.systems import Filesystem, FilesystemKind, System, SystemName
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.files.write_rules import hidden_in_a_home, homes_on, write_guard
from superfacility.testing.transports import MemoryTransport

HOMES = frozenset({"/home"})
BELOW_RED = [SecurityLevel.GREEN, SecurityLevel.YELLOW, SecurityLevel.ORANGE]
PARTS = st.lists(st.text(st.sampled_from("ab.~ "), min_size=1, max_size=4), min_size=1, max_size=5)


@given(parts=PARTS, home=st.sampled_from(["/home", "/home/", "/global/homes"]))
def test_a_part_that_begins_with_a_dot_is_hidden_at_any_depth(parts: list[str], home: str) -> None:
    path = posixpath.join(home, *parts)
    assert hidden_in_a_home(path, {home}) == any(part.startswith(".") for part in parts)
    assert not hidden_in_a_home("/scratch" + path, {home})


@pytest.mark.parametrize("level", BELOW_RED)
@pytest.mark.parametrize(
    ("path", "mode", "refused"),
    [
        ("/home/demo1/.bashrc", None, True),
        ("/home/demo1/.ssh/authorized_keys", None, True),
        ("/home/demo1/code/.git/hooks/post-commit", None, True),
        ("/home/demo1/data", None, False),
        ("/home/demo1/data", 0o644, False),
        ("/home/demo1/run", 0o744, True),
        ("/scratch/demo1/run", 0o645, True),
        ("/scratch/demo1/.hidden", None, False),
        ("/home2/.x", None, False),
        ("/home/demo1/a.b", None, False),
    ],
)
def test_the_guard_below_red(level: SecurityLevel, path: str, mode: int | None, refused: bool) -> None:
    guard = write_guard(level, HOMES)
    if not refused:
        guard(WriteTarget(path, mode))
        return
    with pytest.raises(NotPermitted, match=rf"level red .*this one is {level.label}"):
        guard(WriteTarget(path, mode))


def test_red_and_sites_without_the_rule_write_anything() -> None:
    write_guard(SecurityLevel.RED, HOMES)(WriteTarget("/home/demo1/.bashrc", 0o755))
    write_guard(SecurityLevel.ORANGE, HOMES, enabled=False)(WriteTarget("/home/demo1/.bashrc", 0o755))


async def test_homes_are_known_by_their_names_and_as_they_really_are() -> None:
    transport = MemoryTransport(roots=("/mnt", "/global"))
    transport.add_folder("/mnt/fast/demo1")
    transport.add_link("/global/homes", "/mnt/homes")
    transport.add_folder("/mnt/homes/d")
    transport.add_link("/mnt/homes/d/demo1", "/mnt/fast/demo1")
    filesystem = Filesystem("home", FilesystemKind.HOME, "/global/homes/{initial}/{user}")
    system = System(SystemName("here"), "Here", transport, (filesystem,))
    homes = await homes_on(transport, User(uid=1, name=UserName("demo1")), [system])
    assert homes == {"/global/homes", "/mnt/homes", "/global/homes/d/demo1", "/mnt/fast/demo1"}
