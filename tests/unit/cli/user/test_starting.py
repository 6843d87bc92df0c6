"""What a command loads before it does anything: home folders are on parallel file systems, and people wait."""

import json
import subprocess
import sys

from superfacility.cli.user.table import TABLE

WORKS = {"asyncio", "cryptography", "email.message", "http.client", "ssl", "urllib.request"}
"""What a command may need, once it has something to do."""
SERVES = {"asyncssh", "cyclopts", "fastapi", "httpx2", "pydantic", "rich", "sqlalchemy", "starlette", "uvicorn"}
LOOK = """
import json, sys
from superfacility.cli.main import main
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit:
        pass
sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))
"""
LOADS_MORE = {"login", "logout", "doctor"}
"""Nobody runs these in a loop."""


def loaded(*commands: list[str]) -> set[str]:
    """Modules of a process that has run these, one after the other."""
    words = [sys.executable, "-c", LOOK, json.dumps(commands)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_loads_nothing_that_only_work_needs() -> None:
    helps = [[name, "--help"] for name in TABLE if name not in LOADS_MORE]
    assert not loaded(["--help"], *helps) & (WORKS | SERVES)


def test_no_command_loads_anything_of_a_server() -> None:
    assert not loaded(*([name, "--help"] for name in TABLE)) & SERVES


def test_a_command_that_asks_loads_what_it_asks_with_and_no_more() -> None:
    found = loaded(["status", "--facility", "http://127.0.0.1:1"])
    assert "http.client" in found
    assert not found & (SERVES | {"asyncio", "cryptography"})
