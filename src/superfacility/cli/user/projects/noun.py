"""`sfapi projects`: what they are, who is in them, and how people come and go."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command, Group
from superfacility.cli.user.terminal.output import human_size, short_time
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.account import Project
from superfacility.client.records.projects import Invitation, JoinRequest, ProjectDetails, ProjectMember

_ROLES = ("pi", "pi_proxy", "resource_manager", "membership_manager", "user")
Columns = Mapping[str, Callable[[Any], Any]]
_MEMBER: Columns = {
    "USER": lambda m: m.user,
    "NAME": lambda m: f"{m.first_name} {m.last_name}".strip(),
    "ROLE": lambda m: m.role,
    "CONTINUING": lambda m: "yes" if m.continuing else "no",
    "MAIL": lambda m: m.email,
}
_INVITATION: Columns = {
    "ID": lambda i: i.id,
    "PROJECT": lambda i: i.project,
    "TO": lambda i: i.user or i.email,
    "ROLE": lambda i: i.role,
    "BY": lambda i: i.invited_by,
    "UNTIL": lambda i: short_time(i.expires_at),
    "STATE": lambda i: i.outcome,
}
_REQUEST: Columns = {
    "ID": lambda r: r.id,
    "PROJECT": lambda r: r.project,
    "USER": lambda r: r.user,
    "NAME": lambda r: f"{r.first_name} {r.last_name}".strip(),
    "MESSAGE": lambda r: r.message,
    "UNTIL": lambda r: short_time(r.expires_at),
    "STATE": lambda r: r.outcome,
}


def _table(call: Call, key: str, found: Sequence[Any], columns: Columns, nothing: str) -> int:
    if call.output.as_json:
        call.output.document(**{key: found})
    else:
        call.output.table(found, columns, nothing=nothing)
    return exits.OK


def _one(call: Call, key: str, found: Any, columns: Columns) -> int:
    if call.output.as_json:
        call.output.document(**{key: found})
    else:
        call.output.record({title.lower(): value(found) for title, value in columns.items()})
    return exits.OK


def _list(call: Call) -> int:
    columns: Columns = {"PROJECT": lambda p: p.name, "ROLE": lambda p: p.role, "DESCRIPTION": lambda p: p.description}
    nothing = "You are in no project. Ask to join one: sfapi projects join PROJECT"
    return _table(call, "projects", call.connection.projects(), columns, nothing)


def _project(parser: Parser) -> None:
    parser.add_argument("project", metavar="PROJECT")


def _maybe_project(parser: Parser) -> None:
    parser.add_argument("project", metavar="PROJECT", nargs="?", help="those of a project; yours, if left out")


def _show(call: Call) -> int:
    return _told(call, call.connection.project(call.options.project))


def _told(call: Call, found: ProjectDetails) -> int:
    columns: Columns = {
        "PROJECT": lambda p: p.name,
        "TITLE": lambda p: p.title,
        "DESCRIPTION": lambda p: p.description,
        "ORGANISATION": lambda p: p.organisation,
        "ABOUT": lambda p: p.about,
        "YOUR ROLE": lambda p: p.role,
        "YOU MAY": lambda p: p.permissions,
        "STORAGE": lambda p: "no limit" if p.project_bytes is None else human_size(p.project_bytes),
        "ARCHIVE": lambda p: "no limit" if p.archive_bytes is None else human_size(p.archive_bytes),
    }
    return _one(call, "project", found, columns)


def _texts(parser: Parser) -> None:
    _project(parser)
    for field in ("title", "description", "organisation", "about"):
        parser.add_argument(f"--{field}", metavar="TEXT", help="an empty one takes it away")


def _change(call: Call) -> int:
    options = call.options
    texts = {field: getattr(options, field) for field in ("title", "description", "organisation", "about")}
    return _told(call, call.connection.change_project(options.project, **texts))


def _members(call: Call) -> int:
    return _table(call, "members", call.connection.members(call.options.project), _MEMBER, "No members.")


def _user(parser: Parser) -> None:
    _project(parser)
    parser.add_argument("user", metavar="USER")


def _new_member(parser: Parser) -> None:
    _user(parser)
    parser.add_argument("--role", choices=_ROLES, default="user")


def _add(call: Call) -> int:
    options = call.options
    return _one(call, "member", call.connection.add_member(options.project, options.user, role=options.role), _MEMBER)


def _role(parser: Parser) -> None:
    _user(parser)
    parser.add_argument("role", choices=_ROLES)


def _set_role(call: Call) -> int:
    options = call.options
    found = call.connection.change_member(options.project, options.user, role=options.role)
    return _one(call, "member", found, _MEMBER)


def _mark(parser: Parser) -> None:
    _user(parser)
    parser.add_argument("--no", action="store_true", help="take the mark away")


def _continue(call: Call) -> int:
    options = call.options
    found = call.connection.change_member(options.project, options.user, continuing=not options.no)
    return _one(call, "member", found, _MEMBER)


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


def _whom(parser: Parser) -> None:
    _project(parser)
    parser.add_argument("whom", metavar="WHOM", help="a user name, or a mail address")
    parser.add_argument("--role", choices=_ROLES, default="user")
    parser.add_argument("--days", type=float, metavar="N", help="until it expires; the facility's usual, if left out")


def _invite(call: Call) -> int:
    options = call.options
    by_mail = "@" in options.whom
    made = call.connection.invite(
        options.project,
        user=None if by_mail else options.whom,
        email=options.whom if by_mail else None,
        role=options.role,
        days=options.days,
    )
    if call.output.as_json:
        call.output.document(invitation=made)
        return exits.OK
    call.output.line(made.token)
    call.output.note(f"Invitation {made.id} to {options.whom} until {short_time(made.expires_at)}.")
    call.output.note("A mail is sent, if the facility can. The token is told this once; with it one accepts:")
    call.output.note("    sfapi projects accept --token TOKEN")
    return exits.OK


def _invitations(call: Call) -> int:
    found = call.connection.invitations(call.options.project)
    return _table(call, "invitations", found, _INVITATION, "No invitations.")


def _invitation(parser: Parser) -> None:
    _project(parser)
    parser.add_argument("invitation", metavar="ID")


def _uninvite(call: Call) -> int:
    found = call.connection.withdraw_invitation(call.options.project, call.options.invitation)
    return _one(call, "invitation", found, _INVITATION)


def _claim(parser: Parser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("invitation", metavar="ID", nargs="?", help="of one to you: sfapi projects invitations")
    which.add_argument("--token", metavar="TOKEN", help="that you were given; - reads it from standard input")


def _token(call: Call) -> str | None:
    """A command line is seen by everybody on the machine."""
    given: str | None = call.options.token
    return sys.stdin.readline().strip() if given == "-" else given


def _accept(call: Call) -> int:
    found = call.connection.accept_invitation(call.options.invitation, token=_token(call))
    return _one(call, "invitation", found, _INVITATION)


def _decline(call: Call) -> int:
    found = call.connection.decline_invitation(call.options.invitation, token=_token(call))
    return _one(call, "invitation", found, _INVITATION)


def _message(parser: Parser) -> None:
    _project(parser)
    parser.add_argument("--message", metavar="TEXT", default="", help="for those who decide")


def _join(call: Call) -> int:
    found = call.connection.join_project(call.options.project, call.options.message)
    if not call.output.as_json:
        call.output.note("If there is such a project, its PI decides. See: sfapi projects requests")
    return _one(call, "request", found, _REQUEST)


def _requests(call: Call) -> int:
    return _table(call, "requests", call.connection.join_requests(call.options.project), _REQUEST, "No requests.")


def _request(parser: Parser) -> None:
    _project(parser)
    parser.add_argument("request", metavar="ID", help="see: sfapi projects requests PROJECT")


def _decide(accept: bool) -> Callable[[Call], int]:
    def run(call: Call) -> int:
        options = call.options
        found = call.connection.decide_join_request(options.project, options.request, accept=accept)
        return _one(call, "request", found, _REQUEST)

    return run


def _own_request(parser: Parser) -> None:
    parser.add_argument("request", metavar="ID", help="of a request of yours")


def _withdraw(call: Call) -> int:
    return _one(call, "request", call.connection.withdraw_join_request(call.options.request), _REQUEST)


_DETAILS, _OF_MEMBER = {"project": ProjectDetails}, {"member": ProjectMember}
_OF_INVITATION, _OF_REQUEST = {"invitation": Invitation}, {"request": JoinRequest}
_GONE = {"removed": str}
COMMANDS = {
    "projects": Group(
        {
            "list": Command(_list, answers={"projects": tuple[Project, ...]}, text="Yours."),
            "show": Command(_show, _project, _DETAILS, "One of them, and what you may do in it."),
            "change": Command(_change, _texts, _DETAILS, "What it tells of itself."),
            "members": Command(_members, _project, {"members": tuple[ProjectMember, ...]}, "Who is in it."),
            "add": Command(_add, _new_member, _OF_MEMBER, "Make a user a member, at once."),
            "role": Command(_set_role, _role, _OF_MEMBER, "Change the role of a member."),
            "continue": Command(_continue, _mark, _OF_MEMBER, "Mark who stays for the next allocation year."),
            "remove": Command(_remove, _user, _GONE, "Take a member out."),
            "leave": Command(_leave, _project, _GONE, "Take yourself out."),
            "invite": Command(_invite, _whom, _OF_INVITATION, "Invite a user, or somebody by mail."),
            "invitations": Command(
                _invitations, _maybe_project, {"invitations": tuple[Invitation, ...]}, "To you, or of a project."
            ),
            "uninvite": Command(_uninvite, _invitation, _OF_INVITATION, "Withdraw an invitation."),
            "accept": Command(_accept, _claim, _OF_INVITATION, "Accept an invitation."),
            "decline": Command(_decline, _claim, _OF_INVITATION, "Decline an invitation."),
            "join": Command(_join, _message, _OF_REQUEST, "Ask to join a project."),
            "requests": Command(
                _requests,
                _maybe_project,
                {"requests": tuple[JoinRequest, ...]},
                "Yours, or those to a project.",
            ),
            "admit": Command(_decide(accept=True), _request, _OF_REQUEST, "Accept somebody who asks to join."),
            "refuse": Command(_decide(accept=False), _request, _OF_REQUEST, "Refuse somebody who asks to join."),
            "withdraw": Command(_withdraw, _own_request, _OF_REQUEST, "Ask to join no more."),
        },
        usual="list",
    )
}
