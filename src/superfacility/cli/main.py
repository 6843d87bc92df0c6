"""The command `sfapi`. Commands are imported when they are run, so that `sfapi --help` answers at once.

Those of people who use a facility are in `cli.user`, with a parser of their own that loads in milliseconds; those of
operators are cyclopts applications.

Exit codes of operators' commands: 0 it was done; 1 it could not be done, and the message says why and what to do; 2 the
command line is wrong. Those of users' commands are in `cli.user.terminal.exits`.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from superfacility.cli.user.table import TABLE

if TYPE_CHECKING:
    from cyclopts import App

_COMMANDS = {
    "init": ("superfacility.cli.init:init", "Make a new installation in a folder."),
    "check": ("superfacility.cli.check:check", "Examine an installation and say what to mend."),
    "migrate": ("superfacility.cli.migrate:migrate", "Bring the database to the schema of this version."),
    "serve": ("superfacility.cli.serve:serve", "Serve the API and work on tasks."),
    "worker": ("superfacility.cli.worker:worker", "Work on tasks without serving the API."),
}
_NOUNS = {
    "user": "People, and accounts that programs act as.",
    "project": "Projects and their members.",
    "allocation": "Hours given to projects, shares of members, and what happens when they are used up.",
    "directory": "The site's directory of people, and the copy of it.",
    "associations": "A scheduler's accounts, kept in step with projects and members.",
    "group": "Groups of a project.",
    "client": "Programs that may call the API, and their keys.",
    "client-request": "Clients that people ask for.",
    "collaboration": "Accounts that several people manage.",
    "application": "Programs that people log in to.",
    "resource": "What the status page lists.",
    "outage": "Downtime, past and planned.",
    "note": "Notes on the status page.",
}


_MORE = {
    "admin": "Manage people, projects, clients and announcements of an installation.",
    "audit": "What was done, by whom, and whether the log is whole.",
}


def build() -> "App":
    """The operators' command line; nothing of it is imported yet."""
    from cyclopts import App

    app = App(
        name="sfapi",
        help="Superfacility: call an HPC centre over REST.",
        help_epilogue="Exit codes: 0 done, 1 could not be done, 2 wrong command line.",
        version=_version,
        exit_on_error=False,
        help_format="plaintext",
    )
    for name, (target, text) in _COMMANDS.items():
        app.command(target, name=name, help=text)
    admin = App(name="admin", help=_MORE["admin"])
    for noun, text in _NOUNS.items():
        admin.command(f"superfacility.cli.admin.{noun.replace('-', '_')}:app", name=noun, help=text)
    app.command(admin)
    app.command("superfacility.cli.audit:app", name="audit", help=_MORE["audit"])
    return app


def _version() -> str:
    from importlib.metadata import version

    return version("superfacility")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words and words[0] in TABLE:
        from superfacility.cli.user.dispatch import run

        sys.exit(run(words))
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(overview())
        return
    if unknown := _unknown(words[0]):
        sys.stderr.write(unknown)
        sys.exit(2)
    _operate(words)


def _unknown(word: str) -> str:
    """What to say of a first word that is no command; nothing of one that is."""
    known = [*TABLE, *_COMMANDS, *_MORE]
    if word in {*known, "--version"}:
        return ""
    if word.startswith("-"):
        return f"sfapi: The command comes first, then its options: sfapi COMMAND {word} ... All of them: sfapi --help\n"
    from difflib import get_close_matches

    close = [f"`sfapi {each}`" for each in _SAME.get(word, ()) or get_close_matches(word, known, n=2)]
    meant = f" Did you mean {' or '.join(close)}?" if close else ""
    return f"sfapi: There is no command {word!r}.{meant} All of them: sfapi --help\n"


_SAME = {
    "sbatch": ("submit",), "squeue": ("jobs",), "queue": ("jobs",), "list": ("jobs",), "sacct": ("jobs",),
    "scancel": ("cancel",), "kill": ("cancel",), "scontrol": ("show", "hold"), "put": ("cp",), "get": ("cp",),
    "scp": ("cp",), "upload": ("cp",), "download": ("cp",), "rsync": ("cp",), "tail": ("logs",), "exec": ("run",),
    "ssh": ("run",), "sinfo": ("status",), "quota": ("balance",), "config": ("login", "doctor"),
}  # fmt: skip
"""Words that people bring with them from elsewhere."""


def overview() -> str:
    """Every command in a line."""
    operators = {**{name: text for name, (_, text) in _COMMANDS.items()}, **_MORE}
    lines = ["Usage: sfapi COMMAND ...", "", "Superfacility: call an HPC centre over REST.", "", "For everybody:"]
    lines += [f"  {name:<15} {text}" for name, (_, text) in TABLE.items()]
    lines += ["", "For operators of a facility:", *(f"  {name:<15} {text}" for name, text in operators.items())]
    return "\n".join([*lines, "", "More on one of them: sfapi COMMAND --help   Version: sfapi --version"]) + "\n"


def _operate(words: Sequence[str]) -> None:
    from cyclopts import CycloptsError

    from superfacility.facility.errors import FacilityError

    try:
        build()(words)
    except CycloptsError:
        sys.exit(2)
    except FacilityError as problem:
        sys.stderr.write(f"sfapi: {str(problem).rstrip()}\n")
        sys.exit(1)
    except BrokenPipeError:  # whoever reads our output has seen enough
        sys.exit(1)
    except OSError as problem:
        sys.stderr.write(f"sfapi: {problem.filename or 'the system'}: {problem.strerror}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
