"""`sfapi ls`, `sfapi cat`, and how files of a system are named: `system:path`."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import safe
from superfacility.cli.user.terminal.parsing import Parser, system_option
from superfacility.client.errors import ConfigurationError, NotPermitted
from superfacility.client.records.files import Entry

_REMOTE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*):(.*)", re.DOTALL)


def split_remote(text: str) -> tuple[str, str] | None:
    """System and path of `system:path`; None for a local path. Write `./a:b` for a local name with a colon."""
    found = _REMOTE.fullmatch(text)
    return (found.group(1), found.group(2)) if found else None


def remote_path(call: Call, system: str, path: str) -> str:
    """Absolute; a relative one is in your home folder there, which only a red client may ask for."""
    if path.startswith("/"):
        return path
    try:
        home = call.connection.run(system, 'printf %s "$HOME"', timeout=60).output.strip()
    except NotPermitted as problem:
        text = f"{system}:{path} is relative to your home folder, and your client may not ask where that is. "
        raise ConfigurationError(f"{text}Write an absolute path.") from problem
    rest = path.removeprefix("~").lstrip("/")
    return f"{home}/{rest}" if rest and rest != "." else home


def _path_arguments(parser: Parser) -> None:
    system_option(parser)
    parser.add_argument("path", nargs="?", default="", metavar="[SYSTEM:]PATH", help="your home folder if left out")
    parser.add_argument("-l", "--long", action="store_true", help="with permissions, owner, size and time")
    parser.add_argument("-a", "--all", action="store_true", help="also names that begin with a dot")


def _ls(call: Call) -> int:
    remote = split_remote(call.options.path)
    system = call.system(remote[0] if remote else None)
    path = remote_path(call, system, remote[1] if remote else call.options.path)
    found = call.connection.ls(system, path)
    shown = [each for each in found if call.options.all or not each.name.startswith(".")]
    if call.output.as_json:
        call.output.document(system=system, path=path, entries=shown)
    elif call.options.long:
        call.output.table(shown, _COLUMNS, nothing="Nothing there.")
    else:
        for each in shown:
            call.output.line(safe(each.name))
    return exits.OK


_COLUMNS: Mapping[str, Callable[[Entry], Any]] = {
    "PERMISSIONS": lambda entry: entry.permissions,
    "USER": lambda entry: entry.user,
    "GROUP": lambda entry: entry.group,
    "SIZE": lambda entry: entry.size,
    "MODIFIED": lambda entry: entry.modified,
    "NAME": lambda entry: entry.name,
}


def _cat_arguments(parser: Parser) -> None:
    system_option(parser)
    parser.add_argument("paths", nargs="+", metavar="[SYSTEM:]PATH", help="files, one after the other")


def _cat(call: Call) -> int:
    for text in call.options.paths:
        remote = split_remote(text)
        system = call.system(remote[0] if remote else None)
        path = remote_path(call, system, remote[1] if remote else text)
        for piece in call.connection.pieces(system, path):
            call.output.data(piece)
    return exits.OK


COMMANDS = {
    "ls": Command(_ls, _path_arguments, {"system": str, "path": str, "entries": tuple[Entry, ...]}),
    "cat": Command(_cat, _cat_arguments, answers=None),
}
