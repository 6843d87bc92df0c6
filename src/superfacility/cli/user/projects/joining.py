"""Requests to join a project, from both sides."""

from collections.abc import Callable

from superfacility.cli.user.projects.arguments import maybe_project, project_argument
from superfacility.cli.user.terminal.answers import listed, told
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import Columns, short_time
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.projects import JoinRequest

_REQUEST: Columns = {
    "ID": lambda r: r.id,
    "PROJECT": lambda r: r.project,
    "USER": lambda r: r.user,
    "NAME": lambda r: f"{r.first_name} {r.last_name}".strip(),
    "MESSAGE": lambda r: r.message,
    "UNTIL": lambda r: short_time(r.expires_at),
    "STATE": lambda r: r.outcome,
}


def _message(parser: Parser) -> None:
    project_argument(parser)
    parser.add_argument("--message", metavar="TEXT", default="", help="for those who decide")


def _join(call: Call) -> int:
    found = call.connection.join_project(call.options.project, call.options.message)
    if not call.output.as_json:
        call.output.note("If there is such a project, its PI decides. See: sfapi projects requests")
    return told(call, "request", found, _REQUEST)


def _requests(call: Call) -> int:
    return listed(call, "requests", call.connection.join_requests(call.options.project), _REQUEST, "No requests.")


def _request(parser: Parser) -> None:
    project_argument(parser)
    parser.add_argument("request", metavar="ID", help="see: sfapi projects requests PROJECT")


def _decide(accept: bool) -> Callable[[Call], int]:
    def run(call: Call) -> int:
        options = call.options
        found = call.connection.decide_join_request(options.project, options.request, accept=accept)
        return told(call, "request", found, _REQUEST)

    return run


def _own_request(parser: Parser) -> None:
    parser.add_argument("request", metavar="ID", help="of a request of yours")


def _withdraw(call: Call) -> int:
    return told(call, "request", call.connection.withdraw_join_request(call.options.request), _REQUEST)


_ONE = {"request": JoinRequest}
COMMANDS = {
    "join": Command(_join, _message, _ONE, "Ask to join a project."),
    "requests": Command(
        _requests, maybe_project, {"requests": tuple[JoinRequest, ...]}, "Yours, or those to a project."
    ),
    "admit": Command(_decide(accept=True), _request, _ONE, "Accept somebody who asks to join."),
    "refuse": Command(_decide(accept=False), _request, _ONE, "Refuse somebody who asks to join."),
    "withdraw": Command(_withdraw, _own_request, _ONE, "Ask to join no more."),
}
