"""What a command prints: tables for people, tab-separated lines for pipes, JSON on request."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
from cyclopts import Parameter

Row = Mapping[str, Any]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Shared:
    """What every operator command takes."""

    config: Annotated[Path | None, Parameter(help="Configuration file (or SFAPI_CONFIG, or ./superfacility.toml).")] = (
        None
    )
    json: Annotated[bool, Parameter(help="Print JSON.", negative=())] = False


def say(text: str) -> None:
    """A line for the caller."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """A line that does not belong to the result."""
    sys.stderr.write(text + "\n")


def show_rows(rows: Sequence[Row], *, as_json: bool, nothing: str = "Nothing there.") -> None:
    """A listing."""
    if as_json:
        _print_json(list(rows))
    elif not rows:
        warn(nothing)
    elif sys.stdout.isatty():
        _print_table(rows)
    else:
        say("\t".join(rows[0]))
        for row in rows:
            say("\t".join(_cell(value).replace("\t", " ").replace("\n", " ") for value in row.values()))


def show_record(row: Row, *, as_json: bool) -> None:
    """One thing in full. Further lines of a text are indented: nobody's words look like another line of ours."""
    if as_json:
        _print_json(row)
        return
    width = max(len(key) for key in row)
    for key, value in row.items():
        text = _cell(value).replace("\n", "\n" + " " * (width + 2))
        say(f"{key:<{width}}  {text}".rstrip())


def done(text: str, row: Row, *, as_json: bool) -> None:
    """What a change has done: a sentence, or the thing as it is now."""
    if as_json:
        _print_json(row)
    else:
        say(text)


def _print_json(value: Any) -> None:
    say(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())


def _print_table(rows: Sequence[Row]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*rows[0], box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console(markup=False, highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M %z")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value))
    return str(value)
