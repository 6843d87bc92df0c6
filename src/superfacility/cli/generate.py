"""Writes `openapi.json` and the reference pages from the code: `python -m superfacility.cli.generate [--check]`."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from superfacility.cli.configuration import reference as configuration_page
from superfacility.cli.main import build
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
        reference / "scopes.md": scope_page(),
    }


def openapi() -> str:
    """The API's description, as the demonstration facility publishes it."""
    from superfacility.app import create_app
    from superfacility.bootstrap import open_services, prepare
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


def command_page() -> str:
    """Every command with its options."""
    with _called_by_name():
        text = build().generate_docs(output_format="markdown", heading_level=2)
    head = [
        "# Command line",
        "",
        _NOTE.format("src/superfacility/cli"),
        "",
        "Exit codes: 0 it was done, 1 it could not be done (the message says why and what to do), 2 the command line",
        "is wrong. `--json` prints JSON instead of tables; without a terminal tables are tab-separated lines.",
        "",
    ]
    return "\n".join([*head, text.rstrip()]) + "\n"


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
