"""Files over SSH: the corpus of paths that want out (S6), links that are exchanged, and what the machine refuses."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from superfacility.facility.errors import FileProblem, NotPermitted
from superfacility.facility.files import FileType, WriteTarget
from superfacility.testing.contracts.transport import allow, pieces
from superfacility.testing.hostile_paths import SECRET, beside_the_homes, lay_traps, paths


@pytest.fixture
def base(login_node, tmp_path: Path) -> Iterator[Path]:
    """A home of alice's with traps; what lies beside belongs to somebody else and is closed."""
    base = Path("/var/tmp") / f"superfacility-paths-{os.getpid()}-{tmp_path.name}"
    home = base / "home" / "demo1"
    home.mkdir(parents=True)
    lay_traps(base)
    for path in (base / "secret", base / "homes", base / "home2" / "x"):
        path.chmod(0o600)
    for path in (home, *home.iterdir()):
        os.chown(path, login_node.alice.uid, login_node.alice.uid, follow_symlinks=False)
    yield base
    shutil.rmtree(base)


async def test_no_path_shows_or_changes_what_is_not_the_users(login_node, base: Path) -> None:
    transport = login_node.open(connections_per_user=2)
    before = beside_the_homes(base)
    tried = [path for path in paths(base) if not path.startswith(("/sys/", "/run/", "/srv/"))]

    async def attempt(path: str) -> None:
        try:
            for entry in await transport.listing(login_node.alice, path):
                assert SECRET not in entry.name
        except FileProblem:
            pass
        try:
            async with transport.read(login_node.alice, path, length=4096) as opened:
                assert SECRET.encode() not in b"".join([piece async for piece in opened.chunks])
        except FileProblem:
            pass
        try:
            await transport.write(login_node.alice, path, pieces(b"canary"), allow)
        except FileProblem:
            pass
        else:
            assert await transport.stat(login_node.alice, path)

    async with asyncio.timeout(100):
        for first in range(0, len(tried), 8):
            await asyncio.gather(*(attempt(path) for path in tried[first : first + 8]))
    assert beside_the_homes(base) == before


async def test_the_guard_holds_while_links_are_exchanged(login_node, folder_of) -> None:
    """A folder changes to and fro between a plain one and a link into a dot-folder."""
    folder, transport = folder_of("alice"), login_node.open()
    for name in ("plain", ".secret"):
        (folder / name).mkdir()
        os.chown(folder / name, login_node.alice.uid, login_node.alice.uid)
    door = folder / "door"
    stop = asyncio.Event()

    async def exchange() -> None:
        turn = 0
        while not stop.is_set():
            spare = folder / "spare"
            spare.symlink_to((".secret", "plain")[turn % 2])
            spare.rename(door)
            turn += 1
            await asyncio.sleep(0.0005)

    def guard(target: WriteTarget) -> None:
        if "/." in target.path.removeprefix(str(folder)):
            raise NotPermitted("a dot-folder")

    exchanging = asyncio.create_task(exchange())
    for number in range(60):
        try:
            await transport.write(login_node.alice, f"{door}/file{number}", pieces(b"x"), guard)
        except (FileProblem, NotPermitted):
            continue
    stop.set()
    await exchanging
    assert list((folder / ".secret").iterdir()) == []
    assert [path for path in (folder / "plain").iterdir() if path.name.endswith("-part")] == []


async def test_a_folder_without_right_to_read_says_so(login_node, folder_of) -> None:
    folder, transport = folder_of("alice"), login_node.open()
    folder.chmod(0o000)
    with pytest.raises(FileProblem, match=r"^ls: cannot open directory '.*': Permission denied$"):
        await transport.listing(login_node.alice, str(folder))
    with pytest.raises(FileProblem, match=r"^cp: cannot create regular file '.*/x': Permission denied$"):
        await transport.write(login_node.alice, f"{folder}/x", pieces(b"x"), allow)
    with pytest.raises(FileProblem, match=r"^mkdir: cannot create directory '.*/x/y': Permission denied$"):
        await transport.make_directory(login_node.alice, f"{folder}/x/y", allow)
    with pytest.raises(FileProblem, match=r"^rm: cannot remove '/etc/passwd': Permission denied$"):
        await transport.remove(login_node.alice, "/etc/passwd")
    with pytest.raises(FileProblem, match=r"^ls: cannot access '/etc/passwd/': Not a directory$"):
        await transport.listing(login_node.alice, "/etc/passwd/")
    with pytest.raises(FileProblem, match=r"^stat: cannot statx '/etc/passwd/x': Not a directory$"):
        await transport.stat(login_node.alice, "/etc/passwd/x")


async def test_a_full_filesystem_says_so(login_node) -> None:
    with pytest.raises(FileProblem):
        await login_node.open().write(login_node.alice, "/dev/full", pieces(b"x"), allow)


async def test_listings_show_every_kind_with_names_of_owners(login_node, folder_of) -> None:
    folder, transport = folder_of("alice"), login_node.open()
    (folder / "file").write_bytes(b"12345")
    (folder / "file").chmod(0o4751)
    os.utime(folder / "file", (0, 86_400.5))
    os.chown(folder / "file", 45_678, 45_679)
    (folder / "link\nnew").symlink_to("to nowhere")
    os.mkfifo(folder / "fifo")
    entries = {entry.name: entry for entry in await transport.listing(login_node.alice, str(folder))}
    assert list(entries) == [".", "..", "fifo", "file", "link\nnew"]
    file = entries["file"]
    assert (file.owner, file.group, file.hardlinks, file.size) == ("45678", "45679", 1, 5)
    assert (file.permissions, file.modified_at.timestamp()) == ("-rwsr-x--x"[:1] + "rwxr-x--x", 86_400.5)
    assert entries["fifo"].type is FileType.FIFO
    assert entries["link\nnew"].target == "to nowhere"
    assert entries["."].owner == login_node.alice.name


async def test_large_files_come_back_equal_and_memory_is_not_needed(login_node, folder_of) -> None:
    folder, transport = folder_of("alice"), login_node.open()
    data = os.urandom(1_000_003)

    async def chunks():
        for _ in range(20):
            yield data[:7]
            yield data[7:]

    assert await transport.write(login_node.alice, f"{folder}/big", chunks(), allow) == 20 * len(data)
    assert (folder / "big").read_bytes() == data * 20
    async with transport.read(login_node.alice, f"{folder}/big", offset=5) as opened:
        sizes, position = [], 5
        async for piece in opened.chunks:
            assert piece == (data * 20)[position : position + len(piece)]
            position += len(piece)
            sizes.append(len(piece))
    assert (position, max(sizes)) == (20 * len(data), 2 * 1024 * 1024)


async def test_a_reader_that_leaves_early_leaves_nothing_open(login_node, folder_of) -> None:
    folder, transport = folder_of("alice"), login_node.open()
    (folder / "big").write_bytes(bytes(20_000_000))
    for _ in range(30):
        async with transport.read(login_node.alice, f"{folder}/big") as opened:
            assert await anext(opened.chunks)
    descriptors = await transport.listing(login_node.alice, str(folder))
    assert [entry.name for entry in descriptors] == [".", "..", "big"]
