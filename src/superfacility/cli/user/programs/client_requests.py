"""`sfapi client-requests`: clients that people ask for, as staff see and decide them."""

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.answers import listed, told
from superfacility.cli.user.terminal.command import Call, Command, Group
from superfacility.cli.user.terminal.output import Columns, figure, short_time
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.clients import ClientRequest

_COLUMNS: Columns = {
    "REQUEST": lambda r: r.id,
    "STATE": lambda r: r.state,
    "ASKED BY": lambda r: r.requester,
    "ACTS AS": lambda r: r.user,
    "NAME": lambda r: r.name,
    "LEVEL": lambda r: r.level,
    "DAYS": lambda r: figure(r.days),
    "RANGES": lambda r: r.ranges,
    "ASKED AT": lambda r: short_time(r.created_at),
}
_DETAILS: Columns = {
    **_COLUMNS,
    "SCOPES": lambda r: r.scopes,
    "PROJECT": lambda r: r.project,
    "GLOBUS": lambda r: "yes" if r.globus else "",
    "STRICT": lambda r: "yes" if r.strict else "",
    "DPOP": lambda r: "yes" if r.dpop else "",
    "KEY": lambda r: r.key,
    "PURPOSE": lambda r: r.purpose,
    "COMMENTS": lambda r: r.comments,
    "DECIDED BY": lambda r: r.decided_by,
    "DECIDED AT": lambda r: short_time(r.decided_at),
    "REASON": lambda r: r.reason,
    "CLIENT": lambda r: r.client_id,
}


def _which(parser: Parser) -> None:
    parser.add_argument("--pending", action="store_true", help="those alone that wait for staff")


def _list(call: Call) -> int:
    state = "pending" if call.options.pending else None
    found = call.connection.client_requests(everybodys=True, state=state)
    return listed(call, "requests", found, _COLUMNS, "No requests.")


def _id(parser: Parser) -> None:
    parser.add_argument("request", metavar="REQUEST", help="id of a request")


def _show(call: Call) -> int:
    found = call.connection.client_request(call.options.request)
    told(call, "request", found, _DETAILS)
    if found.state == "pending" and not call.output.as_json:
        call.output.note(f"Approve it: sfapi client-requests approve {found.id}   with fewer days: --days N")
        call.output.note(f"Or refuse it: sfapi client-requests refuse {found.id} --reason TEXT")
    return exits.OK


def _approval(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--days", type=float, metavar="N", help="fewer than were asked for")
    parser.add_argument("--reason", metavar="TEXT", help="words to keep with it")


def _approve(call: Call) -> int:
    options = call.options
    found = call.connection.approve_client_request(options.request, days=options.days, reason=options.reason)
    return told(call, "request", found, _DETAILS)


def _refusal(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; the person who has asked reads it")


def _refuse(call: Call) -> int:
    found = call.connection.refuse_client_request(call.options.request, call.options.reason)
    return told(call, "request", found, _DETAILS)


_ONE = {"request": ClientRequest}
_VERBS = {
    "list": Command(_list, _which, {"requests": tuple[ClientRequest, ...]}, "Everybody's, newest first."),
    "show": Command(_show, _id, _ONE, "Everything about one: look before you decide."),
    "approve": Command(_approve, _approval, _ONE, "Make the client that was asked for; it lives from now."),
    "refuse": Command(_refuse, _refusal, _ONE, "Refuse what was asked for."),
}
COMMANDS = {"client-requests": Group(_VERBS, usual="list")}
