"""The corpus of hostile paths on the transport itself, and as source and target of transfers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from superfacility.adapters.local import open_transfer_agent
from superfacility.facility.errors import FileProblem
from superfacility.facility.files import WriteTarget
from superfacility.facility.transfers import Endpoint, TransferProgress, TransferRequest
from superfacility.testing.hostile_paths import SECRET, beside_the_homes, lay_traps, paths

DEEP = 500
"""Deeper folders than these cannot be cleaned away after the test."""


async def pieces() -> AsyncIterator[bytes]:
    yield b"x"


def allow(_: WriteTarget) -> None:
    """Lets everything pass."""


async def ignore(_: TransferProgress) -> None:
    """Nobody watches."""


async def begin_to_read(local: Any, path: str) -> None:
    async with local.transport.read(local.user, path) as opened:
        async for piece in opened.chunks:
            assert SECRET.encode() not in piece, path
            assert b"root:" not in piece, path
            return


@pytest.mark.parametrize("act", ["listing", "stat", "read", "write", "make_directory", "remove"])
async def test_no_path_leaves_the_homes(local: Any, act: str) -> None:
    lay_traps(local.base)
    corpus, before = paths(local.base), beside_the_homes(local.base)
    assert len(corpus) >= 200
    calls = {
        "listing": lambda path: local.transport.listing(local.user, path),
        "stat": lambda path: local.transport.stat(local.user, path),
        "read": lambda path: begin_to_read(local, path),
        "write": lambda path: local.transport.write(local.user, path, pieces(), allow),
        "make_directory": lambda path: local.transport.make_directory(local.user, path, allow),
        "remove": lambda path: local.transport.remove(local.user, path),
    }
    refused = 0
    for path in corpus:
        if act == "make_directory" and path.count("/") > DEEP:
            continue
        try:
            async with asyncio.timeout(10):
                found = await calls[act](path)
        except FileProblem:
            refused += 1
            continue
        if act == "stat":
            assert f"{found.path}/".startswith(f"{local.home.parent}/"), path
    assert refused >= 50
    assert beside_the_homes(local.base) == before


@pytest.mark.parametrize("as_source", [True, False])
async def test_no_transfer_leaves_the_homes(local: Any, as_source: bool) -> None:
    lay_traps(local.base)
    (local.home / "sparse").unlink()
    (local.home / "mine").write_text("mine")
    before, place, agent = beside_the_homes(local.base), Endpoint("dtn", local.transport), open_transfer_agent({})
    for path in paths(local.base):
        if path.count("/") > DEEP:
            continue
        source, target = (path, f"{local.home}/copy") if as_source else (f"{local.home}/mine", path)
        try:
            async with asyncio.timeout(10):
                await agent.copy(local.user, TransferRequest(place, source, place, target), allow, ignore)
        except FileProblem:
            continue
    assert beside_the_homes(local.base) == before
    assert not any(SECRET in path.read_text() for path in local.home.rglob("copy*") if path.is_file())


async def test_deep_folders_are_made_and_a_missing_one_is_refused_quickly(local: Any) -> None:
    await local.transport.make_directory(local.user, f"{local.home}/{'a/' * DEEP}", allow)
    assert (await local.transport.stat(local.user, f"{local.home}/{'a/' * DEEP}")).path.count("/a") >= DEEP
    async with asyncio.timeout(30):
        for path in (f"{local.home}/{'b/' * 2000}", f"/etc/{'b/' * 2000}"):
            with pytest.raises(FileProblem):
                await local.transport.stat(local.user, path)
