"""`sfapi projects`: what they are, who is in them, and how people come and go."""

from superfacility.cli.user.projects import details, invitations, joining, members
from superfacility.cli.user.terminal.command import Group

COMMANDS = {
    "projects": Group(
        {**details.COMMANDS, **members.COMMANDS, **invitations.COMMANDS, **joining.COMMANDS}, usual="list"
    )
}
