"""What commands print: data to standard output, everything else to standard error.

On a terminal tables are aligned and states coloured (not with `NO_COLOR`); otherwise cells are separated by tabs,
without colours, so that `cut` and `awk` work. `--json` prints one document.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, TextIO

from superfacility.client.environment import speaks_utf8, wants_no_colour

_COLOURS = {"good": "32", "busy": "33", "bad": "31", "dim": "2"}
_GOOD = frozenset({"active", "completed", "COMPLETED", "RUNNING", "SUCCEEDED", "ACTIVE", "ok"})
_BUSY = frozenset(
    {"degraded", "new", "PENDING", "CONFIGURING", "COMPLETING", "SUSPENDED", "Planned", "Active", "Extended", "warning"}
)
_BAD = frozenset(
    {"unavailable", "failed", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL", "problem"}
)


Columns = Mapping[str, Callable[[Any], Any]]


class Output:
    """Where one command prints."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._terminal = sys.stdout.isatty()
        self._colours = self._terminal and not wants_no_colour()

    def line(self, text: str = "") -> None:
        """Data."""
        self._write(safe(text))

    def data(self, data: bytes) -> None:
        """Data, byte by byte, at once."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def note(self, text: str) -> None:
        """For the person who watches; never data."""
        sys.stdout.flush()
        sys.stderr.write(_encodable(safe(text), sys.stderr) + "\n")
        sys.stderr.flush()

    def document(self, **content: Any) -> None:
        """The one JSON document of a command."""
        self.line(json.dumps(plain(content), indent=2 if self._terminal else None, ensure_ascii=not speaks_utf8()))

    def table(self, rows: Sequence[Any], columns: Columns, *, nothing: str) -> None:
        """A listing for people and for `cut`."""
        if not rows:
            self.note(nothing)
            return
        cells = [[_cell(value(row)) for value in columns.values()] for row in rows]
        if not self._terminal:
            for line in [list(columns), *cells]:
                self.line("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in line))
            return
        widths = [max(map(len, column)) for column in zip(list(columns), *cells, strict=True)]
        self._write(self._coloured("dim", _aligned(list(columns), widths)))
        for line in cells:
            self._write(self._line(line, widths))

    def record(self, pairs: Mapping[str, Any]) -> None:
        """One thing in full; what is empty is left out. Further lines of a text are indented, so that nobody's words
        look like another line of ours."""
        shown = {name: _cell(value) for name, value in pairs.items() if value not in (None, "", (), [])}
        width = max(map(len, shown), default=0)
        further = "\n" + (" " * (width + 2) if self._terminal else "\t")
        for name, value in shown.items():
            separator = f"{name:<{width}}  " if self._terminal else f"{name}\t"
            self._write(separator + self._state(value).replace("\n", further))

    def _write(self, text: str) -> None:
        sys.stdout.write(_encodable(text, sys.stdout) + "\n")

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        padded = [self._state(cell) + " " * (width - len(cell)) for cell, width in zip(cells, widths, strict=True)]
        return "  ".join(padded).rstrip()

    def _state(self, cell: str) -> str:
        kind = "good" if cell in _GOOD else "busy" if cell in _BUSY else "bad" if cell in _BAD else ""
        return self._coloured(kind, cell) if kind else cell

    def _coloured(self, kind: str, text: str) -> str:
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self._colours else text


def plain(value: Any) -> Any:
    """As JSON has it: records are objects, times ISO 8601."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def human_size(size: float) -> str:
    """`1.5 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} PiB"


def figure(number: float | None) -> str:
    """In as few digits as say it; nothing of what is not known."""
    return "" if number is None else f"{number:g}"


def short_time(moment: datetime | None) -> str:
    """To the minute; local, unless it is the facility's own local time."""
    if moment is None:
        return ""
    local = moment if moment.tzinfo is None else moment.astimezone()
    return local.strftime("%Y-%m-%d %H:%M")


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return short_time(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value)) or "-"
    return safe(str(value))


def safe(text: str) -> str:
    """Without control characters: what comes from afar shall not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\t\n" else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _encodable(text: str, stream: TextIO) -> str:
    """What the stream's encoding can show."""
    encoding = stream.encoding or "ascii"
    return text.encode(encoding, "replace").decode(encoding)
