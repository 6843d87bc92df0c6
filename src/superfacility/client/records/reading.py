"""Reading JSON that another make of server may have written a little differently."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

Row = Mapping[str, Any]
Made = TypeVar("Made")

_NOTHING = {"", "n/a", "(null)", "none", "unknown", "invalid", "null"}


def text(row: Row, *names: str) -> str:
    """The first of the fields that is there."""
    for name in names:
        value = row.get(name)
        if value is not None:
            return str(value)
    return ""


def slurm_text(row: Row, *names: str) -> str:
    """The same without Slurm's words for nothing."""
    for name in names:
        value = str(row.get(name) or "").strip()
        if value.lower() not in _NOTHING:
            return value
    return ""


def number(row: Row, name: str) -> float | None:
    value = row.get(name)
    return None if value is None else float(value)


def whole_number(row: Row, *names: str) -> int | None:
    for name in names:
        value = str(row.get(name) or "").strip()
        if value.isascii() and value.isdecimal():
            return int(value)
    return None


def moment(value: Any) -> datetime | None:
    """ISO 8601; `+0000` without a colon is read, too."""
    if not value or str(value).lower() in _NOTHING:
        return None
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def rows(content: Any) -> Sequence[Row]:
    """A list of objects, or nothing."""
    return [each for each in content if isinstance(each, Mapping)] if isinstance(content, list) else []


def flat_rows(content: Any) -> Sequence[Row]:
    """Of a list of lists of objects."""
    return [each for inner in content for each in rows(inner)] if isinstance(content, list) else []


def words(row: Row, name: str) -> tuple[str, ...]:
    """A list of texts, or nothing."""
    found = row.get(name)
    return tuple(map(str, found)) if isinstance(found, list | tuple) else ()


def record(kind: type[Made], row: Row, **others: Any) -> Made:
    """A dataclass whose fields are read under their own names, each as its type says, but for the `others`."""
    ours: Any = kind
    found = {each.name: _READ[each.type](row, each.name) for each in fields(ours) if each.name not in others}
    return kind(**found, **others)


_READ: Mapping[Any, Callable[[Row, str], Any]] = {
    str: text,
    str | None: lambda row, name: text(row, name) or None,
    float: lambda row, name: number(row, name) or 0.0,
    float | None: number,
    int: lambda row, name: whole_number(row, name) or 0,
    int | None: whole_number,
    bool: lambda row, name: bool(row.get(name)),
    tuple[str, ...]: words,
    datetime | None: lambda row, name: moment(row.get(name)),
}
