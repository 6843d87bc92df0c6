"""Paths in request targets: any bytes, in every spelling."""

import asyncio
import os
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote_from_bytes, unquote

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from superfacility.http.paths import absolute, file_path, raw_tail, shown

NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name and not name.startswith(b"/"))


def read(target: bytes, before: str) -> str:
    """As a route reads it: `before` is what the route matched ahead of the path."""
    path = unquote(target.decode("ascii"))
    request = cast("Request", SimpleNamespace(scope={"path": path, "raw_path": target}))
    return asyncio.run(file_path(request, path[len(before) :]))


@given(parts=st.lists(NAMES, min_size=1, max_size=4), base=st.sampled_from([b"", b"/api/v1.2", b"/a%20b/c"]))
def test_every_spelling_means_the_same_bytes(parts: list[bytes], base: bytes) -> None:
    path = b"/" + b"/".join(parts)
    prefix = base + b"/utilities/ls/perlmutter/"
    before = unquote(prefix.decode())
    spellings = [
        quote_from_bytes(path).encode(),
        quote_from_bytes(path[1:]).encode(),
        quote_from_bytes(path, safe="").encode(),
        b"/" + quote_from_bytes(path).encode(),
    ]
    assert {read(prefix + each, before) for each in spellings} == {os.fsdecode(path)}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/ls/m/", "/"),
        (b"/ls/m//", "/"),
        (b"/ls/m//a/", "/a/"),
        (b"/ls/m/a%2F", "/a/"),
        (b"/ls/m//a?index=1", "/a"),
        (b"/ls/m//a%3Findex", "/a?index"),
        (b"/ls/m//a%0A", "/a\n"),
        (b"/ls/m//%252e%252e", "/%2e%2e"),
        (b"/ls/m//a//b", "/a//b"),
        (b"/ls%2Fm//a", "/a"),
    ],
)
def test_targets_of_the_contract(target: bytes, expected: str) -> None:
    assert read(target, "/ls/m/") == expected if b"?" not in target else read(target.partition(b"?")[0], "/ls/m/")


def test_a_server_without_raw_targets_still_works() -> None:
    request: Any = SimpleNamespace(scope={"path": "/ls/m//a b"})
    assert asyncio.run(file_path(request, "/a b")) == "/a b"


@given(st.binary())
def test_what_is_shown_is_always_text(name: bytes) -> None:
    shown(absolute(name)).encode()


@given(st.text(st.characters()))
def test_any_text_can_be_shown(text: str) -> None:
    shown(text).encode()


def test_a_tail_of_fewer_slashes_is_empty() -> None:
    assert raw_tail(b"/a", 3) == b""
