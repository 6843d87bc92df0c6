"""`sfapi applications`: programs that people log in to. Staff approve what they have seen, by its fingerprint."""

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.answers import listed, told
from superfacility.cli.user.terminal.command import Call, Command, Group
from superfacility.cli.user.terminal.output import Columns, short_time
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.errors import Refused
from superfacility.client.records.applications import Application

_COLUMNS: Columns = {
    "APPLICATION": lambda a: a.id,
    "NAME": lambda a: a.name,
    "OWNER": lambda a: a.owner,
    "PROJECT": lambda a: a.project,
    "LEVEL": lambda a: a.level,
    "APPROVAL": lambda a: a.approval,
    "MADE": lambda a: short_time(a.created_at),
    "REVOKED": lambda a: short_time(a.revoked_at),
}
_DETAILS: Columns = {
    **_COLUMNS,
    "SCOPES": lambda a: a.scopes,
    "SENDS PEOPLE TO": lambda a: a.redirect_uris,
    "AFTER LOGGING OUT": lambda a: a.logout_uris,
    "HOMEPAGE": lambda a: a.homepage,
    "KEYS": lambda a: a.keys or "none: it is public",
    "PROFILE": lambda a: a.profile,
    "DEVICE": lambda a: "logs people in by a code" if a.device else "",
    "DPOP": lambda a: "its tokens work with its key alone" if a.dpop else "",
    "RESOURCE SERVER": lambda a: "asks what any token is worth" if a.resource_server else "",
    "FINGERPRINT": lambda a: a.fingerprint,
}


def _which(parser: Parser) -> None:
    parser.add_argument("--pending", action="store_true", help="those alone that wait for staff")


def _list(call: Call) -> int:
    found = call.connection.applications()
    if call.options.pending:
        found = tuple(each for each in found if each.approval == "pending" and each.revoked_at is None)
    return listed(call, "applications", found, _COLUMNS, "No applications.")


def _id(parser: Parser) -> None:
    parser.add_argument("application", metavar="APPLICATION", help="id of an application")


def _show(call: Call) -> int:
    found = call.connection.application(call.options.application)
    told(call, "application", found, _DETAILS)
    if found.approval == "pending" and found.revoked_at is None and not call.output.as_json:
        call.output.note(f"Approve it: sfapi applications approve {found.id} --seen {found.fingerprint}")
        call.output.note(f"Or refuse it: sfapi applications refuse {found.id}")
    return exits.OK


def _seen(parser: Parser) -> None:
    _id(parser)
    seen = "its fingerprint as `show` prints it: what was changed since is not approved"
    parser.add_argument("--seen", required=True, metavar="FINGERPRINT", help=seen)


def _approve(call: Call) -> int:
    options = call.options
    try:
        found = call.connection.approve_application(options.application, options.seen)
    except Refused as problem:
        words = f"{problem} Look at it: sfapi applications show {options.application}"
        raise Refused(words, status=problem.status, request_id=problem.request_id) from None
    return told(call, "application", found, _DETAILS)


def _refuse(call: Call) -> int:
    return told(call, "application", call.connection.refuse_application(call.options.application), _DETAILS)


def _revoke(call: Call) -> int:
    return told(call, "application", call.connection.revoke_application(call.options.application), _DETAILS)


_ONE = {"application": Application}
_EVERY = {"applications": tuple[Application, ...]}
_VERBS = {
    "list": Command(_list, _which, _EVERY, "Those that you may change; for staff all of them."),
    "show": Command(_show, _id, _ONE, "Everything about one: look before you decide."),
    "approve": Command(_approve, _seen, _ONE, "Let people log in to one that waits; for staff."),
    "refuse": Command(_refuse, _id, _ONE, "Let nobody log in to one; what it was allowed before rests. For staff."),
    "revoke": Command(_revoke, _id, _ONE, "End one for good, with everything that people have allowed it."),
}
COMMANDS = {"applications": Group(_VERBS, usual="list")}
