"""From the words of a command line to an exit code."""

import sys
from collections.abc import Sequence
from importlib import import_module

from superfacility.cli.user.table import TABLE
from superfacility.cli.user.terminal.command import Call, Command, Group
from superfacility.cli.user.terminal.parsing import Parser, shared


def load(name: str) -> Command | Group:
    """A command by its name in the table."""
    module, _ = TABLE[name]
    found: Command | Group = import_module(module).COMMANDS[name]
    return found


def parser_of(name: str) -> Parser:
    """The parser of one command, with those of its verbs."""
    found, text = load(name), TABLE[name][1]
    parser = Parser(prog=f"sfapi {name}", description=found.text or text)
    if isinstance(found, Command):
        _fill(parser, found)
        return parser
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", parser_class=Parser)
    for verb, command in found.verbs.items():
        _fill(verbs.add_parser(verb, help=command.text, description=command.text), command)
    return parser


def run(words: Sequence[str]) -> int:
    """Run a command of the table; its exit code returns."""
    from superfacility.cli.user.terminal.failures import guarded

    name, rest = words[0], list(words[1:])
    found = load(name)
    if isinstance(found, Group) and (not rest or rest[0] not in {*found.verbs, "-h", "--help"}):
        rest.insert(0, found.usual)  # `sfapi tasks --json` is `sfapi tasks list --json`
    options = parser_of(name).parse_args(rest)
    call = Call(options)
    return guarded(call, options.run)


def _fill(parser: Parser, command: Command) -> None:
    command.describe(parser)
    shared(parser, command)
    parser.set_defaults(run=command.run)
    if command.examples:
        parser.epilog = "\n".join(["examples:", *(f"  {line}" for line in command.examples)])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
