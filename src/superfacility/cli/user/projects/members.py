"""Who is in a project, and as what."""

from superfacility.cli.user.projects.arguments import ROLES, project_argument
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.answers import listed, told
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import Columns
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.projects import ProjectMember

_MEMBER: Columns = {
    "USER": lambda m: m.user,
    "NAME": lambda m: f"{m.first_name} {m.last_name}".strip(),
    "ROLE": lambda m: m.role,
    "CONTINUING": lambda m: "yes" if m.continuing else "no",
    "MAIL": lambda m: m.email,
}


def _members(call: Call) -> int:
    return listed(call, "members", call.connection.members(call.options.project), _MEMBER, "No members.")


def _user(parser: Parser) -> None:
    project_argument(parser)
    parser.add_argument("user", metavar="USER")


def _new_member(parser: Parser) -> None:
    _user(parser)
    parser.add_argument("--role", choices=ROLES, default="user")


def _add(call: Call) -> int:
    options = call.options
    return told(call, "member", call.connection.add_member(options.project, options.user, role=options.role), _MEMBER)


def _role(parser: Parser) -> None:
    _user(parser)
    parser.add_argument("role", choices=ROLES)


def _set_role(call: Call) -> int:
    options = call.options
    found = call.connection.change_member(options.project, options.user, role=options.role)
    return told(call, "member", found, _MEMBER)


def _mark(parser: Parser) -> None:
    _user(parser)
    parser.add_argument("--no", action="store_true", help="take the mark away")


def _continue(call: Call) -> int:
    options = call.options
    found = call.connection.change_member(options.project, options.user, continuing=not options.no)
    return told(call, "member", found, _MEMBER)


def _remove(call: Call) -> int:
    return _gone(call, call.options.user)


def _leave(call: Call) -> int:
    return _gone(call, call.connection.account().name)


def _gone(call: Call, user: str) -> int:
    call.connection.remove_member(call.options.project, user)
    if call.output.as_json:
        call.output.document(removed=user)
    else:
        call.output.note(f"{user} is no member of {call.options.project} any more.")
    return exits.OK


_ONE, _GONE = {"member": ProjectMember}, {"removed": str}
COMMANDS = {
    "members": Command(_members, project_argument, {"members": tuple[ProjectMember, ...]}, "Who is in it."),
    "add": Command(_add, _new_member, _ONE, "Make a user a member, at once."),
    "role": Command(_set_role, _role, _ONE, "Change the role of a member."),
    "continue": Command(_continue, _mark, _ONE, "Mark who stays for the next allocation year."),
    "remove": Command(_remove, _user, _GONE, "Take a member out."),
    "leave": Command(_leave, project_argument, _GONE, "Take yourself out."),
}
