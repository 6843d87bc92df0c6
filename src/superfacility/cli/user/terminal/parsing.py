"""Argument parsing that loads in milliseconds, and the options that commands share."""

import argparse
import os
from typing import TYPE_CHECKING, NoReturn

from superfacility.cli.user.terminal import exits

if TYPE_CHECKING:
    from datetime import datetime

    from superfacility.cli.user.terminal.command import Command


class Parser(argparse.ArgumentParser):
    """With exit code 2, and a word on where help is."""

    def __init__(self, *arguments: object, **options: object) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options.setdefault("allow_abbrev", False)  # a script must not break when an option is added
        super().__init__(*arguments, **options)  # type: ignore[arg-type]

    def verbs(self) -> "dict[str, Parser]":
        """The parsers of its verbs, by name."""
        for action in self._actions:
            if isinstance(action.choices, dict):
                return action.choices
        return {}

    def error(self, message: str) -> NoReturn:
        self.exit(exits.USAGE, f"{self.prog}: {message}\nSee: {self.prog} --help\n")


def shared(parser: Parser, command: "Command") -> None:
    """Options that mean the same everywhere."""
    group = parser.add_argument_group("everywhere")
    group.add_argument("-F", "--facility", metavar="NAME", help="facility: a name of config.toml, or an address")
    if command.answers is not None:
        group.add_argument("--json", action="store_true", help="print JSON, as documented in the reference")


def system_option(parser: Parser) -> None:
    parser.add_argument("-s", "--system", metavar="NAME", help="system; may be left out where there is one")


def timeout_option(parser: Parser) -> None:
    parser.add_argument("--timeout", type=duration, metavar="TIME", help="give up waiting after: 90, 90s, 15m, 2h, 1d")


def duration(text: str) -> float:
    """Seconds."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90, 90s, 15m, 2h or 1d")
    return seconds


def instant(text: str) -> "datetime":
    """A moment; without an offset from UTC in this machine's own zone."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 2026-06-01 or 2026-06-01T08:00") from None


def existing_file(text: str) -> str:
    if not os.path.isfile(text):  # noqa: PTH113 - pathlib is not loaded for this alone
        raise argparse.ArgumentTypeError(f"there is no file {text!r}")
    return text
