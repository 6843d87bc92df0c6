"""Paths of files in URLs, read from the raw, percent-encoded request target, so that any byte survives.

`/ls/m//a/b`, `/ls/m/a/b`, `/ls/m/%2Fa%2Fb` and `/ls/m//a%2Fb` all mean `/a/b`. Routes use the convertor `{path:file}`,
which also matches newlines; the value that it converts has lost what is not UTF-8, so routes take `FilePath` instead.
"""

import os
import re
from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Path, Request
from starlette.convertors import Convertor, register_url_convertor

_SLASH = re.compile(rb"/|%2[fF]")
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Surrogates that stand for no byte."""


class _FileConvertor(Convertor[str]):
    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("file", _FileConvertor())


def raw_tail(raw: bytes, slashes: int) -> bytes:
    """What follows the given number of slashes; an encoded one counts, as it does where routes are matched."""
    position = 0
    for _ in range(slashes):
        found = _SLASH.search(raw, position)
        if found is None:
            return b""
        position = found.end()
    return raw[position:]


def absolute(tail: bytes) -> str:
    """The absolute path that the rest of a request target means."""
    return "/" + os.fsdecode(unquote_to_bytes(tail)).lstrip("/")


_Path = Annotated[
    str,
    Path(description="An absolute path; its leading slash may be left out.", examples=["/home/demo1/hello.sh"]),
]


async def file_path(request: Request, path: _Path) -> str:
    """The dependency behind `FilePath`."""
    raw = request.scope.get("raw_path")
    if raw is None:
        return absolute(path.encode())
    before = request.scope["path"].count("/") - path.count("/")
    return absolute(raw_tail(raw.partition(b"?")[0], before))


FilePath = Annotated[str, Depends(file_path)]


def shown(text: str) -> str:
    """Text that JSON can carry: U+FFFD for what is not UTF-8."""
    return text if text.isascii() else os.fsencode(_HALVES.sub("\ufffd", text)).decode(errors="replace")
