"""Downloads over connections that break off, and what the next program finds."""

import fcntl
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from superfacility.client.calls.files.calls import FileCalls
from superfacility.client.errors import NotFound, Unavailable
from superfacility.client.transport.messages import Broken
from superfacility.client.wire.session import Session

Reply = Callable[..., Any]
DATA = b"0123456789"
RAW = "application/octet-stream"


@pytest.fixture
def files(transport: Any) -> FileCalls:
    return FileCalls(Session("https://api.example", transport, clock=transport.clock))


def whole(reply: Reply, *pieces: Any, tag: str = '"a"', size: int = len(DATA)) -> Any:
    named = {"content_type": RAW, "content_length": str(size), "etag": tag, "accept_ranges": "bytes"}
    return reply(pieces=pieces, **named)


def rest(reply: Reply, start: int, *pieces: Any, size: int = len(DATA)) -> Any:
    ranged = f"bytes {start}-{size - 1}/{size}"
    return reply(
        pieces=pieces, status=206, content_type=RAW, content_length=str(size - start), content_range=ranged, etag='"a"'
    )


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob(".*.part"))


async def test_a_copy_goes_on_where_it_broke_off(
    files: FileCalls, transport: Any, reply: Reply, tmp_path: Path
) -> None:
    transport.will(whole(reply, b"0123", Broken("cut")), rest(reply, 4, b"45", Broken("cut")), rest(reply, 6, b"6789"))
    seen: list[tuple[int, int | None]] = []
    copied = await files.download("m", "/f", tmp_path / "f", progress=lambda *each: seen.append(each))
    assert (tmp_path / "f").read_bytes() == DATA
    assert (copied.size, copied.sha256) == (10, hashlib.sha256(DATA).hexdigest())
    assert [each.headers.get("range") for each in transport.asked] == [None, "bytes=4-", "bytes=6-"]
    assert [each.headers.get("if-range") for each in transport.asked] == [None, '"a"', '"a"']
    assert seen == [(0, 10), (4, 10), (4, 10), (6, 10), (6, 10), (10, 10)]
    assert parts(tmp_path) == []


async def test_the_next_program_goes_on_and_one_with_nothing_missing_asks_for_nothing(
    files: FileCalls, transport: Any, reply: Reply, tmp_path: Path
) -> None:
    transport.will(whole(reply, b"0123", Broken("cut")))
    transport.will(*(rest(reply, 4, Broken("cut")) for _ in range(4)))
    with pytest.raises(Unavailable, match="4 bytes are kept: the same copy goes on"):
        await files.download("m", "/f", tmp_path / "f")
    (kept,) = parts(tmp_path)
    assert kept.read_bytes() == b"0123"
    assert not (tmp_path / "f").exists()
    transport.will(whole(reply), rest(reply, 4, b"456789"))
    assert (await files.download("m", "/f", tmp_path / "f")).sha256 == hashlib.sha256(DATA).hexdigest()
    (tmp_path / "f").rename(kept)
    transport.will(whole(reply))
    assert (await files.download("m", "/f", tmp_path / "f")).size == 10
    assert (tmp_path / "f").read_bytes() == DATA
    assert transport.answers == type(transport.answers)()


async def test_parts_of_two_files_never_mix(files: FileCalls, transport: Any, reply: Reply, tmp_path: Path) -> None:
    transport.will(whole(reply, b"0123", Broken("cut")), whole(reply, b"another", tag='"b"', size=7))
    await files.download("m", "/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"another"
    assert parts(tmp_path) == []


async def test_a_facility_that_sends_no_parts_begins_anew_and_leaves_nothing(
    files: FileCalls, transport: Any, reply: Reply, tmp_path: Path
) -> None:
    cut = [reply(pieces=[b"012", Broken("cut")], content_type=RAW, content_length="10") for _ in range(4)]
    transport.will(*cut, reply(pieces=[DATA], content_type=RAW, content_length="10"))
    transport.will(*(reply(pieces=[Broken("cut")], content_type=RAW, content_length="10") for _ in range(5)))
    await files.download("m", "/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == DATA
    with pytest.raises(Unavailable, match=r"broke off \(cut\)\. Copy it again\.$"):
        await files.download("m", "/g", tmp_path / "g")
    assert parts(tmp_path) == []
    assert not any("range" in each.headers for each in transport.asked)


async def test_two_programs_do_not_write_one_part(
    files: FileCalls, transport: Any, reply: Reply, tmp_path: Path
) -> None:
    transport.will(whole(reply, b"0123", Broken("cut")), *(rest(reply, 4, Broken("cut")) for _ in range(4)))
    with pytest.raises(Unavailable):
        await files.download("m", "/f", tmp_path / "f")
    (kept,) = parts(tmp_path)
    with kept.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        transport.will(whole(reply, DATA))
        await files.download("m", "/f", tmp_path / "f")
        assert (kept.read_bytes(), (tmp_path / "f").read_bytes()) == (b"0123", DATA)


async def test_what_is_not_there_leaves_nothing_here(
    files: FileCalls, transport: Any, reply: Reply, tmp_path: Path
) -> None:
    words = "cat: /f: No such file or directory"
    transport.will(reply({"status": "ERROR", "error": words}, content_type="application/json"))
    with pytest.raises(NotFound, match=words):
        await files.download("m", "/f", tmp_path / "f")
    assert parts(tmp_path) == []
    assert not (tmp_path / "f").exists()
