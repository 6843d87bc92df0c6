"""Invitations to a project, from both sides."""

import sys

from superfacility.cli.user.projects.arguments import ROLES, maybe_project, project_argument
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.answers import listed, told
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import Columns, short_time
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.projects import Invitation

_INVITATION: Columns = {
    "ID": lambda i: i.id,
    "PROJECT": lambda i: i.project,
    "TO": lambda i: i.user or i.email,
    "ROLE": lambda i: i.role,
    "BY": lambda i: i.invited_by,
    "UNTIL": lambda i: short_time(i.expires_at),
    "STATE": lambda i: i.outcome,
}


def _whom(parser: Parser) -> None:
    project_argument(parser)
    parser.add_argument("whom", metavar="WHOM", help="a user name, or a mail address")
    parser.add_argument("--role", choices=ROLES, default="user")
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
    return listed(call, "invitations", found, _INVITATION, "No invitations.")


def _invitation(parser: Parser) -> None:
    project_argument(parser)
    parser.add_argument("invitation", metavar="ID")


def _uninvite(call: Call) -> int:
    found = call.connection.withdraw_invitation(call.options.project, call.options.invitation)
    return told(call, "invitation", found, _INVITATION)


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
    return told(call, "invitation", found, _INVITATION)


def _decline(call: Call) -> int:
    found = call.connection.decline_invitation(call.options.invitation, token=_token(call))
    return told(call, "invitation", found, _INVITATION)


_ONE = {"invitation": Invitation}
COMMANDS = {
    "invite": Command(_invite, _whom, _ONE, "Invite a user, or somebody by mail."),
    "invitations": Command(
        _invitations, maybe_project, {"invitations": tuple[Invitation, ...]}, "To you, or of a project."
    ),
    "uninvite": Command(_uninvite, _invitation, _ONE, "Withdraw an invitation."),
    "accept": Command(_accept, _claim, _ONE, "Accept an invitation."),
    "decline": Command(_decline, _claim, _ONE, "Decline an invitation."),
}
