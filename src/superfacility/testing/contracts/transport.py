"""What every transport does. A test module gives the fixture `place`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from superfacility.facility.commands import Command
from superfacility.facility.errors import FileProblem, NotPermitted
from superfacility.facility.files import FileType, WriteTarget
from superfacility.facility.people import User, UserName
from superfacility.facility.transport import Transport

USER = User(uid=1001, name=UserName("demo1"))
HOSTILE_NAMES = (
    "with space",
    "  both ends ",
    "it's",
    'double"quote',
    "hash#tag",
    "question?mark",
    "percent%2Fslash",
    "plus+and&amp;",
    "back\\slash",
    "new\nline",
    "tab\there",
    "-rf",
    "--help",
    "*",
    "$(touch canary)",
    "`touch canary`",
    ";touch canary;",
    "\x1b[31mred",
    "caf\u00e9",
    "cafe\u0301",
    "\u65e5\u672c\u8a9e",
    "\U0001f600",
    "not-utf8-\udcff\udcfe",
    "~",
    "~root",
    "x" * 255,
)


@dataclass
class Place:
    """A transport with an empty folder of the user's on it, and how to put things there beside the port."""

    transport: Transport
    folder: str
    outside: str
    """A file that exists and lies outside the roots."""
    link: Callable[[str, str], None]
    """Makes a symbolic link: path, target."""
    special: Callable[[str], None]
    """Makes a FIFO."""
    chmod: Callable[[str, int], None]
    user: User = USER
    confined: bool = True
    """Whether the roots are all that may be seen. If not, the machine itself must forbid `outside` to the user."""

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    async def put(self, name: str, data: bytes) -> str:
        path = self.path(name)
        await self.transport.write(self.user, path, pieces(data), allow)
        return path

    async def get(self, name: str) -> bytes:
        async with self.transport.read(self.user, self.path(name)) as opened:
            return b"".join([piece async for piece in opened.chunks])

    async def names(self) -> list[str]:
        return [entry.name for entry in await self.transport.listing(self.user, self.folder)]


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for each in data:
        yield each


def allow(_: WriteTarget) -> None:
    """A guard that lets everything pass."""


class TransportContract:
    """Files first, then commands."""

    async def test_a_folder_lists_itself_its_parent_and_its_children_in_bytewise_order(self, place: Place) -> None:
        for name in ("b", "a", "B", "\u00e9"):
            await place.put(name, b"12345")
        entries = await place.transport.listing(place.user, place.folder)
        assert [entry.name for entry in entries] == [".", "..", "B", "a", "b", "\u00e9"]
        assert {entry.type for entry in entries[:2]} == {FileType.DIRECTORY}
        assert [entry.size for entry in entries[2:]] == [5] * 4

    async def test_an_empty_folder_has_two_rows(self, place: Place) -> None:
        assert await place.names() == [".", ".."]

    async def test_a_file_is_one_row_under_its_absolute_path(self, place: Place) -> None:
        path = await place.put("data", b"123")
        (entry,) = await place.transport.listing(place.user, path)
        assert (entry.name, entry.type, entry.size) == (path, FileType.REGULAR, 3)

    async def test_a_link_is_one_row_that_is_not_followed(self, place: Place) -> None:
        place.link(place.path("link"), place.folder)
        (entry,) = await place.transport.listing(place.user, place.path("link"))
        assert (entry.name, entry.type, entry.target) == (place.path("link"), FileType.SYMLINK, place.folder)
        assert entry.permissions.startswith("l")

    async def test_a_link_with_a_trailing_slash_is_its_folder(self, place: Place) -> None:
        place.link(place.path("link"), place.folder)
        entries = await place.transport.listing(place.user, place.path("link") + "/")
        assert [entry.name for entry in entries] == [".", "..", "link"]

    async def test_what_is_missing_says_so_as_ls_does(self, place: Place) -> None:
        with pytest.raises(FileProblem, match=r"^ls: cannot access '.*/nothing': No such file or directory$"):
            await place.transport.listing(place.user, place.path("nothing"))
        with pytest.raises(FileProblem, match="No such file or directory"):
            await place.transport.stat(place.user, place.path("nothing"))
        with pytest.raises(FileProblem, match="No such file or directory"):
            await place.get("nothing")

    async def test_stat_follows_links_to_the_real_path(self, place: Place) -> None:
        path = await place.put("data", b"123")
        place.link(place.path("one"), "two")
        place.link(place.path("two"), path)
        found = await place.transport.stat(place.user, place.path("one"))
        assert (found.type, found.size) == (FileType.REGULAR, 3)
        assert found.path == (await place.transport.stat(place.user, path)).path

    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    async def test_every_name_survives_the_round_trip(self, place: Place, name: str) -> None:
        await place.put(name, b"content of " + name.encode(errors="surrogateescape"))
        assert await place.names() == [".", "..", name]
        assert await place.get(name) == b"content of " + name.encode(errors="surrogateescape")
        await place.transport.remove(place.user, place.path(name))
        assert await place.names() == [".", ".."]

    async def test_a_part_of_a_file_can_be_read(self, place: Place) -> None:
        path = await place.put("data", b"0123456789")
        for offset, length, expected in ((3, 4, b"3456"), (8, 10, b"89"), (20, 5, b""), (4, None, b"456789")):
            async with place.transport.read(place.user, path, offset=offset, length=length) as opened:
                assert b"".join([piece async for piece in opened.chunks]) == expected
                assert opened.stat.size == 10

    async def test_folders_and_special_files_are_never_opened(self, place: Place) -> None:
        place.special(place.path("fifo"))
        for path in (place.folder, place.path("fifo")):
            with pytest.raises(FileProblem):
                async with asyncio.timeout(10), place.transport.read(place.user, path):
                    pytest.fail("it was opened")
        with pytest.raises(FileProblem):
            await place.put("fifo", b"data")

    async def test_writing_keeps_the_mode_and_follows_links(self, place: Place) -> None:
        path = await place.put("data", b"old")
        place.chmod(path, 0o640)
        place.link(place.path("link"), "data")
        await place.put("link", b"new")
        assert await place.get("data") == b"new"
        assert (await place.transport.stat(place.user, path)).mode == 0o640
        assert (await place.transport.listing(place.user, place.path("link")))[0].type is FileType.SYMLINK

    async def test_a_dangling_link_is_written_through(self, place: Place) -> None:
        place.link(place.path("link"), "new")
        await place.put("link", b"data")
        assert await place.get("new") == b"data"

    async def test_the_guard_sees_where_a_write_would_really_land(self, place: Place) -> None:
        path = await place.put("data", b"old")
        place.chmod(path, 0o755)
        place.link(place.path("link"), "data")
        seen: list[WriteTarget] = []

        def refuse(target: WriteTarget) -> None:
            seen.append(target)
            raise NotPermitted("no")

        with pytest.raises(NotPermitted):
            await place.transport.write(place.user, place.path("link"), pieces(b"new"), refuse)
        assert seen == [WriteTarget((await place.transport.stat(place.user, path)).path, 0o755)]
        assert await place.get("data") == b"old"
        assert await place.names() == [".", "..", "data", "link"]

    async def test_more_than_the_limit_leaves_everything_as_it_was(self, place: Place) -> None:
        path = await place.put("data", b"old")
        with pytest.raises(FileProblem, match="too large"):
            await place.transport.write(place.user, path, pieces(b"12345", b"67890"), allow, limit=9)
        assert await place.transport.write(place.user, place.path("exact"), pieces(b"123456789"), allow, limit=9) == 9
        assert await place.get("data") == b"old"
        assert await place.names() == [".", "..", "data", "exact"]

    async def test_a_source_that_fails_leaves_nothing(self, place: Place) -> None:
        async def failing() -> AsyncIterator[bytes]:
            yield b"x" * 100
            raise RuntimeError("the caller went away")

        with pytest.raises(RuntimeError):
            await place.transport.write(place.user, place.path("data"), failing(), allow)
        assert await place.names() == [".", ".."]

    async def test_a_cancelled_write_leaves_nothing(self, place: Place) -> None:
        started = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield b"x" * 100
            started.set()
            await asyncio.Event().wait()

        writing = asyncio.create_task(place.transport.write(place.user, place.path("data"), endless(), allow))
        await started.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await place.names() == [".", ".."]

    async def test_folders_are_made_with_their_parents(self, place: Place) -> None:
        await place.transport.make_directory(place.user, place.path("a/b/c"), allow)
        await place.transport.make_directory(place.user, place.path("a/b/c/"), allow)
        assert (await place.transport.stat(place.user, place.path("a/b/c"))).type is FileType.DIRECTORY
        await place.put("file", b"")
        with pytest.raises(FileProblem):
            await place.transport.make_directory(place.user, place.path("file/x"), allow)

    async def test_removing_what_is_missing_is_no_error_and_folders_stay(self, place: Place) -> None:
        await place.transport.remove(place.user, place.path("nothing"))
        await place.transport.make_directory(place.user, place.path("folder"), allow)
        with pytest.raises(FileProblem, match="Is a directory"):
            await place.transport.remove(place.user, place.path("folder"))

    async def test_what_lies_outside_is_refused_however_it_is_named(self, place: Place) -> None:
        place.link(place.path("out"), place.outside)
        place.link(place.path("up"), "/")
        through_links = (place.path("out"), place.path("up") + place.outside)
        for path in (place.outside, *through_links, *((place.path("up/"),) if place.confined else ())):
            with pytest.raises(FileProblem, match="Permission denied"):
                await place.transport.stat(place.user, path)
            with pytest.raises(FileProblem):
                async with place.transport.read(place.user, path):
                    pytest.fail("it was opened")
            with pytest.raises(FileProblem):
                await place.transport.write(place.user, path, pieces(b"x"), allow)
        if not place.confined:
            return
        for path in (place.outside, place.path("up") + place.outside, place.path("up/"), "/"):
            with pytest.raises(FileProblem, match="Permission denied"):
                await place.transport.listing(place.user, path)

    @pytest.mark.parametrize("path", ["relative", "", "/with\0nul", "/" + "x/" * 3000])
    async def test_impossible_paths_are_problems_of_the_path(self, place: Place, path: str) -> None:
        with pytest.raises(FileProblem):
            await place.transport.listing(place.user, path)
        with pytest.raises(FileProblem):
            await place.transport.stat(place.user, path)
        with pytest.raises(FileProblem):
            await place.transport.write(place.user, path, pieces(b""), allow)
        with pytest.raises(FileProblem):
            await place.transport.make_directory(place.user, path, allow)

    async def test_links_in_a_circle_end(self, place: Place) -> None:
        place.link(place.path("a"), "b")
        place.link(place.path("b"), "a")
        for attempt in (place.transport.stat(place.user, place.path("a")), place.put("a", b"x"), place.get("a")):
            with pytest.raises(FileProblem, match="Too many levels of symbolic links"):
                await attempt

    async def test_a_command_answers_with_output_and_exit_code(self, place: Place) -> None:
        said: list[tuple[str, bytes]] = []
        done = await place.transport.run(place.user, Command(("echo", "a b", "c")), lambda *each: said.append(each))
        assert (done.exit_code, done.stdout, done.stderr, done.timed_out) == (0, b"a b c\n", b"", False)
        assert b"".join(data for _, data in said) == b"a b c\n"
        assert (await place.transport.run(place.user, Command(("false",)))).exit_code == 1
        assert (await place.transport.run(place.user, Command(("cat",), stdin=b"input"))).stdout == b"input"

    async def test_a_program_that_is_not_there_exits_127(self, place: Place) -> None:
        done = await place.transport.run(place.user, Command(("no-such-program-here",)))
        assert done.exit_code == 127
        assert b"not found" in done.stderr

    async def test_output_is_bounded(self, place: Place) -> None:
        done = await place.transport.run(place.user, Command(("cat",), stdin=b"x" * 300_000, output_limit=1000))
        assert (done.exit_code, len(done.stdout), done.truncated) == (0, 1000, True)

    async def test_the_time_limit_ends_a_command(self, place: Place) -> None:
        begun = asyncio.get_running_loop().time()
        done = await place.transport.run(place.user, Command(("sleep", "60"), time_limit=0.2))
        assert done.timed_out
        assert done.exit_code > 128
        assert asyncio.get_running_loop().time() - begun < 30

    async def test_ping_answers(self, place: Place) -> None:
        await place.transport.ping()
