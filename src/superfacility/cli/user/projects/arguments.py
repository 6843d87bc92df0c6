"""What several verbs of `sfapi projects` take."""

from superfacility.cli.user.terminal.parsing import Parser

ROLES = ("pi", "pi_proxy", "resource_manager", "membership_manager", "user")


def project_argument(parser: Parser) -> None:
    parser.add_argument("project", metavar="PROJECT")


def maybe_project(parser: Parser) -> None:
    parser.add_argument("project", metavar="PROJECT", nargs="?", help="those of a project; yours, if left out")
