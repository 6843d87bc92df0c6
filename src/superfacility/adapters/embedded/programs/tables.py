"""Text tables: fields cut and padded as Slurm does it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_FIELD = re.compile(r"%(\.?)([0-9]*)([a-zA-Z]|all)")


@dataclass(frozen=True, slots=True)
class Field:
    """`width` 0 is as wide as the value."""

    key: str
    header: str
    width: int = 0
    right: bool = False

    def text(self, value: str) -> str:
        if not self.width:
            return value
        cut = value[: self.width]
        return cut.rjust(self.width) if self.right else cut.ljust(self.width)


Layout = Sequence[str | Field]


def parse_format(text: str, letters: Mapping[str, tuple[str, str]]) -> Layout:
    """A format such as `%.18i %9P %j`: fields and the text between them. Unknown letters stay as they are written."""
    layout: list[str | Field] = []
    end = 0
    for found in _FIELD.finditer(text):
        layout.append(text[end : found.start()])
        right, width, letter = found.groups()
        if letter in letters:
            key, header = letters[letter]
            layout.append(Field(key, header, int(width or 0), bool(right)))
        else:
            layout.append(found[0])
        end = found.end()
    return [*layout, text[end:]]


def header(layout: Layout) -> str:
    return _line(layout, None)


def line(layout: Layout, row: Mapping[str, str]) -> str:
    return _line(layout, row)


def _line(layout: Layout, row: Mapping[str, str] | None) -> str:
    """A value with a newline or another control character would break the table; it is shown as `?`."""
    parts = []
    for each in layout:
        if isinstance(each, str):
            parts.append(each)
        else:
            parts.append(each.text(each.header if row is None else _plain(row.get(each.key, ""))))
    return "".join(parts)


def _plain(value: str) -> str:
    return value if value.isprintable() else "".join(each if each.isprintable() else "?" for each in value)
