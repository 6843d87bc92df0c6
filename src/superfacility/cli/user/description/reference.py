"""The reference of users' commands, written from their parsers and from the types of their JSON."""

import json
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from superfacility.cli.user.description.schemas import ERROR, every_schema
from superfacility.cli.user.dispatch import parser_of
from superfacility.cli.user.table import TABLE
from superfacility.cli.user.terminal import exits
from superfacility.client.environment import VARIABLES

_WIDTH = 100


def command_sections() -> str:
    """Every command with its options, below a heading of its own."""
    return "\n".join(_sections()).rstrip() + "\n"


def schema_file() -> str:
    """The JSON Schema of each command's document, and of errors, by name."""
    found = {**dict(every_schema()), "errors": dict(ERROR)}
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def json_page(note: str) -> str:
    """What `--json` prints."""
    lines = [
        "# What `--json` prints",
        "",
        note,
        "",
        "One document on standard output, valid by its JSON Schema in [cli-schemas.json](cli-schemas.json). Fields are",
        "added, never removed or changed in meaning. Times are ISO 8601; those of jobs have no offset: they are the",
        "facility's local times, as Slurm writes them. Where a command fails, the last line on standard error is an",
        "object with `error`: its `kind`, `message`, `next`, `request_id` and `exit_code`. `logs` and `cat` have no",
        "`--json`: they print bytes as they are.",
        "",
        "| command | keys of its document |",
        "|---|---|",
        *(f"| `sfapi {name}` | {_keys(schema)} |" for name, schema in every_schema()),
    ]
    return "\n".join(lines) + "\n"


def _keys(schema: Mapping[str, Any]) -> str:
    return ", ".join(f"`{key}`" if key in schema["required"] else f"`{key}` (or not)" for key in schema["properties"])


def _sections() -> Iterator[str]:
    yield from ("## Exit codes of users' commands", "", "| code | meaning |", "|---|---|")
    yield from (f"| {code} | {meaning} |" for code, meaning in exits.MEANINGS.items())
    yield from (
        "",
        "`submit --wait` ends with the job's exit code (128 and the signal, if it was killed), `run` with the",
    )
    yield from ("command's.", "", "## Environment of users' commands", "", "| variable | meaning |", "|---|---|")
    yield from (f"| `{name}` | {meaning} |" for name, meaning in VARIABLES.items())
    yield from ("| `NO_COLOR`, `COLUMNS`, `LC_ALL`, `HTTPS_PROXY`, `NO_PROXY` | as everywhere |", "")
    for name in TABLE:
        yield from (f"## sfapi {name}", "", "```text", _help(name), "```", "")


def _help(name: str) -> str:
    """As wide everywhere."""
    parser = parser_of(name)
    every = [parser, *parser.verbs().values()]
    for each in every:
        each.formatter_class = partial(RawDescriptionHelpFormatter, width=_WIDTH)
    return "\n\n".join(each.format_help().rstrip() for each in every)
