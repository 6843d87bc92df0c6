"""Projects: which are yours, and what they tell of themselves."""

from superfacility.cli.user.projects.arguments import project_argument
from superfacility.cli.user.terminal.answers import listed, told
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import Columns, human_size
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.account import Project
from superfacility.client.records.projects import ProjectDetails


def _list(call: Call) -> int:
    columns: Columns = {"PROJECT": lambda p: p.name, "ROLE": lambda p: p.role, "DESCRIPTION": lambda p: p.description}
    nothing = "You are in no project. Ask to join one: sfapi projects join PROJECT"
    return listed(call, "projects", call.connection.projects(), columns, nothing)


def _show(call: Call) -> int:
    return _described(call, call.connection.project(call.options.project))


def _described(call: Call, found: ProjectDetails) -> int:
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
    return told(call, "project", found, columns)


def _texts(parser: Parser) -> None:
    project_argument(parser)
    for field in ("title", "description", "organisation", "about"):
        parser.add_argument(f"--{field}", metavar="TEXT", help="an empty one takes it away")


def _change(call: Call) -> int:
    options = call.options
    texts = {field: getattr(options, field) for field in ("title", "description", "organisation", "about")}
    return _described(call, call.connection.change_project(options.project, **texts))


_ONE = {"project": ProjectDetails}
COMMANDS = {
    "list": Command(_list, answers={"projects": tuple[Project, ...]}, text="Yours."),
    "show": Command(_show, project_argument, _ONE, "One of them, and what you may do in it."),
    "change": Command(_change, _texts, _ONE, "What it tells of itself."),
}
