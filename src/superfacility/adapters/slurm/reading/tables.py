"""Rows that no text of a user can break.

Names, comments and paths may hold any byte, `|`, newlines and 0x1F included, and Slurm prints them as they are. So the
separators of every reading carry a fresh random key, and the output ends with a mark that is printed only after the
program ended well: output cut anywhere is told from a short queue.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

SEPARATOR = "\x1f"


class GarbledError(ValueError):
    """The output is not what was asked for: cut, mixed with other text, or of another shape."""


def new_key() -> str:
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class Marks:
    """`column` ends each column (or group of columns), `end` the whole output."""

    key: str = field(default_factory=new_key)

    @property
    def column(self) -> str:
        return SEPARATOR + self.key

    @property
    def end(self) -> str:
        return "\x1d" + self.key


def whole_text(output: bytes, marks: Marks) -> str:
    """The text before the end mark."""
    end = marks.end.encode()
    if not output.endswith(end):
        raise GarbledError("the output has no end mark")
    return output[: -len(end)].decode("utf-8", "replace")


def rows(text: str, marks: Marks, width: int) -> list[list[str]]:
    """Rows of `width` columns, each column ended by the column mark, each row by a newline; the header is the first."""
    pieces = text.split(marks.column)
    if pieces.pop() != "\n" or len(pieces) % width:
        raise GarbledError("the last row is cut")
    found = [pieces[at : at + width] for at in range(0, len(pieces), width)]
    for row in found[1:]:
        if row[0][:1] != "\n":
            raise GarbledError("a row is longer or shorter than its header")
        row[0] = row[0][1:]
    return found


def body(found: Sequence[list[str]], headers: Sequence[str]) -> Sequence[list[str]]:
    """What is below a header that is the expected one."""
    if not found or [text.lower() for text in found[0]] != [text.lower() for text in headers]:
        raise GarbledError("the header is not the expected one")
    return found[1:]
