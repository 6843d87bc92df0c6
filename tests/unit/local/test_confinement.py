"""Nothing outside the roots is seen, read or written, also while names change under our hands."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from superfacility.adapters.local import listing
from superfacility.adapters.local.confinement import Roots
from superfacility.adapters.local.listing import list_path, modified_at, stat_path
from superfacility.facility.errors import FileProblem
from superfacility.facility.files import WriteTarget
from superfacility.facility.words import quoted

SECRET = b"secret outside"


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for each in data:
        yield each


def allow(_: WriteTarget) -> None:
    """Lets everything pass."""


@contextmanager
def swapping(link: Path, targets: tuple[Path, Path]) -> Iterator[None]:
    """A thread that turns a link from one target to the other, as fast as it can."""
    stop = threading.Event()

    def swap() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            fresh = link.with_name(f"{link.name}.{number % 2}")
            fresh.symlink_to(targets[number % 2])
            fresh.replace(link)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def test_a_link_that_is_swapped_while_we_read_never_shows_the_outside(local: Any) -> None:
    (local.base / "secret").write_bytes(SECRET)
    (local.home / "mine").write_bytes(b"mine")
    (local.home / "link").symlink_to("mine")
    read = refused = 0
    with swapping(local.home / "link", (local.home / "mine", local.base / "secret")):
        for _ in range(400):
            try:
                async with local.transport.read(local.user, f"{local.home}/link") as opened:
                    assert b"".join([piece async for piece in opened.chunks]) == b"mine"
                read += 1
            except FileProblem:
                refused += 1
    assert read
    assert refused


async def test_a_folder_that_is_swapped_while_we_write_never_changes_the_outside(local: Any) -> None:
    outside, inside = local.base / "outside", local.home / "inside"
    outside.mkdir()
    inside.mkdir()
    (local.home / "link").symlink_to(inside)
    with swapping(local.home / "link", (inside, outside)):
        for _ in range(200):
            try:
                await local.transport.write(local.user, f"{local.home}/link/data", pieces(b"x"), allow)
                await local.transport.make_directory(local.user, f"{local.home}/link/folder", allow)
                await local.transport.remove(local.user, f"{local.home}/link/data")
            except FileProblem:
                pass
    assert list(outside.iterdir()) == []
    assert (inside / "folder").is_dir()


def kernel_finds(path: str) -> str | None:
    try:
        fd = os.open(path, os.O_PATH)
    except OSError:
        return None
    try:
        return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115
    finally:
        os.close(fd)


NAMES = st.sampled_from(["a", "b", "up", "out", "abs", "self", "..", ".", "", "home", "demo1", "secret", "loop"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(parts=st.lists(NAMES, max_size=8), from_root=st.booleans())
def test_what_is_shown_is_what_the_kernel_finds_below_the_roots(local: Any, parts: list[str], from_root: bool) -> None:
    home = local.home
    if not (home / "a").exists():
        (home / "a" / "b").mkdir(parents=True)
        (local.base / "secret").write_bytes(SECRET)
        for name, target in {"up": "..", "out": "../..", "abs": "/", "self": ".", "loop": "loop"}.items():
            (home / name).symlink_to(target)
    path = "/".join([str(local.base if from_root else home), *parts])
    roots = Roots([str(home.parent)])
    try:
        found = stat_path(roots, path).path
    except FileProblem:
        real = kernel_finds(path)
        assert real is None or not roots.holds(real)
    else:
        assert found == kernel_finds(path) == os.path.realpath(path)
        assert roots.holds(found)
        assert list_path(roots, path)


def test_outside_nothing_is_told_but_on_the_way_to_a_root_it_is(local: Any) -> None:
    roots = Roots([str(local.home.parent)])
    for path, words in {
        "/etc/no-such-thing": "Permission denied",
        "/etc/passwd/x": "Permission denied",
        "/proc/self/root/etc/nothing": "Permission denied",
        "/no-such-thing/at/all": "No such file or directory",
        f"{local.home}/nothing": "No such file or directory",
        f"{local.home}2": "No such file or directory",
    }.items():
        with pytest.raises(FileProblem, match=words):
            list_path(roots, path)


async def test_a_part_that_a_dead_writer_left_is_taken_over(local: Any) -> None:
    (local.home / ".data.0.sfapi-part").write_bytes(b"left behind by a killed server")
    await local.transport.write(local.user, f"{local.home}/data", pieces(b"new"), allow)
    assert {path.name: path.read_bytes() for path in local.home.iterdir()} == {"data": b"new"}


async def test_writers_of_one_name_do_not_disturb_each_other(local: Any) -> None:
    path = f"{local.home}/data"
    contents = [bytes([65 + number]) * 5_000_000 for number in range(6)]
    await asyncio.gather(
        *(local.transport.write(local.user, path, pieces(each[:7], each[7:]), allow) for each in contents)
    )
    assert (local.home / "data").read_bytes() in contents
    assert [each.name for each in local.home.iterdir()] == ["data"]


async def test_a_part_that_somebody_laid_out_does_not_make_a_program(local: Any) -> None:
    laid_out = local.home / ".data.0.sfapi-part"
    laid_out.touch()
    laid_out.chmod(0o4777)
    await local.transport.write(local.user, f"{local.home}/data", pieces(b"#!/bin/sh\n"), allow)
    assert (local.home / "data").stat().st_mode & 0o7777 == 0o644


async def test_a_part_that_is_another_name_of_a_file_is_left_alone(local: Any) -> None:
    (local.home / "precious").write_bytes(b"precious")
    (local.home / ".data.0.sfapi-part").hardlink_to(local.home / "precious")
    (local.home / ".data.1.sfapi-part").symlink_to("precious")
    with pytest.raises(FileProblem):
        await local.transport.write(local.user, f"{local.home}/data", pieces(b"new"), allow)
    assert (local.home / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize(("seconds", "year"), [(2**50, 9999), (-(2**50), 2), (0, 1970)])
def test_a_file_from_beyond_the_calendar_has_a_time(seconds: int, year: int) -> None:
    assert modified_at(os.stat_result((0o100644, *[0] * 7, seconds, 0))).year == year


async def test_a_folder_of_many_files_is_listed(local: Any) -> None:
    for number in range(20_000):
        os.mknod(local.home / f"{number:05}")
    entries = await local.transport.listing(local.user, str(local.home))
    assert [entry.name for entry in entries[2:]] == [f"{number:05}" for number in range(20_000)]


async def test_a_growing_file_ends_where_it_ended_when_it_was_opened(local: Any) -> None:
    (local.home / "log").write_bytes(b"x" * 5_000_000)
    size = 0
    async with local.transport.read(local.user, f"{local.home}/log") as opened:
        async for piece in opened.chunks:
            size += len(piece)
            with (local.home / "log").open("ab") as file:
                file.write(b"y" * 5_000_000)
    assert size == 5_000_000


async def test_new_files_follow_the_umask_and_set_uid_is_not_kept(local: Any) -> None:
    old = os.umask(0o027)
    try:
        await local.transport.write(local.user, f"{local.home}/new", pieces(b"x"), allow)
    finally:
        os.umask(old)
    assert (local.home / "new").stat().st_mode & 0o7777 == 0o640
    (local.home / "new").chmod(0o4711)
    await local.transport.write(local.user, f"{local.home}/new", pieces(b"x"), allow)
    assert (local.home / "new").stat().st_mode & 0o7777 == 0o711


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a b", "'/a b'"),
        ("/it's", '"/it\'s"'),
        ("/it's $5", "'/it'\\''s $5'"),
        ("/a\nb", "'/a'$'\\n''b'"),
        ("/\udcff", "'/'$'\\377'''"),
    ],
)
def test_paths_are_quoted_as_gnu_quotes_them(path: str, expected: str) -> None:
    assert quoted(path) == expected


@given(st.text(st.characters(exclude_characters="\0")))
def test_quoted_paths_are_always_printable(path: str) -> None:
    assert quoted(path).isprintable()


def test_a_folder_of_too_many_entries_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(listing, "MOST_CHILDREN", 3)
    for number in range(3):
        (tmp_path / str(number)).touch()
    roots = Roots((str(tmp_path),))
    assert len(list_path(roots, str(tmp_path))) == 5
    (tmp_path / "3").touch()
    with pytest.raises(FileProblem, match="too many entries"):
        list_path(roots, str(tmp_path))
