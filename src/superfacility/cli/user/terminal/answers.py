"""The two usual answers of a command: a listing, and one thing in full. Each is a document with `--json`."""

from collections.abc import Sequence
from typing import Any

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call
from superfacility.cli.user.terminal.output import Columns


def listed(call: Call, key: str, found: Sequence[Any], columns: Columns, nothing: str) -> int:
    """Rows beneath their titles; `nothing` is what to say where there are none."""
    if call.output.as_json:
        call.output.document(**{key: found})
    else:
        call.output.table(found, columns, nothing=nothing)
    return exits.OK


def told(call: Call, key: str, found: Any, columns: Columns) -> int:
    """A line for each of the titles, without those of which there is nothing to say."""
    if call.output.as_json:
        call.output.document(**{key: found})
    else:
        call.output.record({title.lower(): value(found) for title, value in columns.items()})
    return exits.OK
