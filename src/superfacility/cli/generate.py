"""Writes `openapi.json` and the reference pages from the code: `python -m superfacility.cli.generate [--check]`."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from superfacility.cli.configuration import reference as configuration_page
from superfacility.cli.main import build
from superfacility.cli.user.description.reference import command_sections, json_page, schema_file
from superfacility.facility.membership.permissions import PERMISSIONS
from superfacility.facility.people import Role
from superfacility.oauth.scopes import LEVELS, SCOPES

_ROOT = Path(__file__).resolve().parents[3]
_NOTE = "<!-- Written by `make docs` from {}; do not edit. -->"


def pages() -> dict[Path, str]:
    """Every generated file of the repository, by its path there."""
    reference = Path("docs") / "reference"
    return {
        Path("openapi.json"): openapi(),
        reference / "configuration.md": configuration_page(),
        reference / "cli.md": command_page(),
        reference / "cli-json.md": json_page(_NOTE.format("src/superfacility/cli/user")),
        reference / "cli-schemas.json": schema_file(),
        reference / "scopes.md": scope_page(),
        reference / "permissions.md": permission_page(),
    }


def openapi() -> str:
    """The API's description, as the demonstration facility publishes it."""
    from superfacility.app import create_app
    from superfacility.bootstrap.runtime import open_services
    from superfacility.bootstrap.stores import prepare
    from superfacility.cli import demonstration
    from superfacility.cli.configuration import render
    from superfacility.settings import BASE_PATH, FILE_NAME, load_settings

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE_NAME
        file.write_text(render(demonstration.configuration("Demonstration facility")))
        settings = load_settings(file)
        prepare(settings)
        app = create_app(open_services(settings).services, name="Superfacility", base_path=BASE_PATH)
        return json.dumps(app.openapi(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def scope_page() -> str:
    """What each level and each scope grants."""
    lines = [
        "# Security levels and scopes",
        "",
        _NOTE.format("src/superfacility/oauth/scopes.py"),
        "",
        "A client has a level. A level grants every scope of its own and of the levels before it; a client may have",
        "fewer. The routes publish the scope that they need as `x-nersc-scope`.",
        "",
        "| level | lives up to | source ranges | what it may do |",
        "|---|---|---|---|",
        *(
            f"| {level.label} | {rule.lifetime.days} days | {rule.max_ranges} | {rule.meaning} |"
            for level, rule in LEVELS.items()
        ),
        "",
        "Source ranges are at least as narrow as an IPv4 /24 or an IPv6 /64. A site may set other lifetimes.",
        "",
        "| scope | level | meaning |",
        "|---|---|---|",
        *(f"| `{scope}` | {rule.level.label} | {rule.meaning} |" for scope, rule in SCOPES.items()),
    ]
    return "\n".join(lines) + "\n"


def permission_page() -> str:
    """What each role may do in a project."""
    lines = [
        "# Roles in a project",
        "",
        _NOTE.format("src/superfacility/facility/membership/permissions.py"),
        "",
        "What members of a project may do in it. The facility's staff may do all of it in every project. The roles and",
        "permissions are those of [NERSC's Iris](https://docs.nersc.gov/iris/iris-for-pis), with one difference: there",
        "only a PI changes the organisation.",
        "",
        f"| permission | may | {' | '.join(f'`{role}`' for role in Role)} |",
        f"|---|---|{'---|' * len(Role)}",
        *(
            f"| `{permission}` | {rule.meaning} | {' | '.join('yes' if role in rule.roles else '' for role in Role)} |"
            for permission, rule in PERMISSIONS.items()
        ),
        "",
        "Nobody gives a role above their own, and only who changes roles gives one above `user`: in person, or by a",
        "red client. Nobody removes or demotes a member of their own or a higher role; everybody may leave. The last",
        "PI stays until there is another. `edit_archive_allocation` and `edit_quotas` have nothing to act on yet:",
        "staff set what a project is given.",
    ]
    return "\n".join(lines) + "\n"


def command_page() -> str:
    """Every command with its options."""
    with _called_by_name():
        text = build().generate_docs(output_format="markdown", heading_level=2)
    head = [
        "# Command line",
        "",
        _NOTE.format("src/superfacility/cli"),
        "",
        "First the commands of operators, then those of everybody. Exit codes of operators' commands: 0 it was done,",
        "1 it could not be done (the message says why and what to do), 2 the command line is wrong. `--json` prints",
        "JSON instead of tables; without a terminal tables are tab-separated lines.",
        "",
    ]
    return "\n".join([*head, text.rstrip(), "", command_sections()])


@contextmanager
def _called_by_name() -> Iterator[None]:
    """cyclopts writes the name of the running program into usage lines; ours shall not depend on it."""
    given, sys.argv = sys.argv, ["sfapi"]
    try:
        yield
    finally:
        sys.argv = given


def stale() -> Iterator[Path]:
    """Generated files that are not what the code says now."""
    for path, text in pages().items():
        file = _ROOT / path
        if not file.is_file() or file.read_text("utf-8") != text:
            yield path


def write() -> None:
    for path, text in pages().items():
        (_ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (_ROOT / path).write_text(text, "utf-8")


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if found := list(stale()):
            sys.exit(f"Not current: {', '.join(map(str, found))}. Write them with: make openapi")
    else:
        write()
