"""The command `sfapi`. Commands are imported when they are run, so that `sfapi --help` answers at once.

Exit codes: 0 it was done; 1 it could not be done, and the message says why and what to do; 2 the command line is wrong.
"""

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from superfacility.facility.errors import FacilityError

_COMMANDS = {
    "init": ("superfacility.cli.init:init", "Make a new installation in a folder."),
    "check": ("superfacility.cli.check:check", "Examine an installation and say what to mend."),
    "migrate": ("superfacility.cli.migrate:migrate", "Bring the database to the schema of this version."),
    "serve": ("superfacility.cli.serve:serve", "Serve the API and work on tasks."),
    "worker": ("superfacility.cli.worker:worker", "Work on tasks without serving the API."),
}
_NOUNS = {
    "user": "People, and accounts that programs act as.",
    "project": "Projects, their allocations and members.",
    "group": "Groups of a project.",
    "client": "Programs that may call the API, and their keys.",
    "resource": "What the status page lists.",
    "outage": "Downtime, past and planned.",
    "note": "Notes on the status page.",
}


def build() -> App:
    """The whole command line; nothing of it is imported yet."""
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
    admin = App(name="admin", help="Manage people, projects, clients and announcements of an installation.")
    for noun, text in _NOUNS.items():
        admin.command(f"superfacility.cli.admin.{noun}:app", name=noun, help=text)
    app.command(admin)
    return app


def _version() -> str:
    from importlib.metadata import version

    return version("superfacility")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit."""
    try:
        build()(arguments)
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
