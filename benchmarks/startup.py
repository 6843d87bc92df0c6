"""How long a command of a user takes from the shell to its end, beside what starts with nothing to load."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import table
from benchmarks.servers import Served

ROUNDS = 21
SFAPI = str(Path(sys.executable).parent / "sfapi")


def run(served: Served, folder: Path) -> None:
    key = folder / "key.json"
    key.write_text(json.dumps(served.key))
    key.chmod(0o600)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SFAPI_", "PYTHON"))}
    environment = {**clean, "SFAPI_HOME": str(folder / "home"), "SFAPI_URL": served.base_url, "SFAPI_KEY": str(key)}
    squeue = shutil.which("squeue")
    commands = {
        "squeue --version": [squeue, "--version"] if squeue else None,
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import httpx2'": [sys.executable, "-c", "import httpx2"],
        "python -c 'import sfapi_client'": [sys.executable, "-c", "import sfapi_client"],
        "sfapi --help": [SFAPI, "--help"],
        "sfapi submit --help": [SFAPI, "submit", "--help"],
        "sfapi status": [SFAPI, "status"],
        "sfapi jobs": [SFAPI, "jobs"],
    }
    table(
        f"Start of commands, to the end of the process ({ROUNDS} rounds; goal: below 150 ms)",
        ["command", "median ms", "slowest ms", "asks the server"],
        [
            [name, *_figures(words, environment), "yes" if name in {"sfapi status", "sfapi jobs"} else "no"]
            for name, words in commands.items()
            if words is not None
        ],
    )


def _figures(words: list[str], environment: dict[str, str]) -> list[str]:
    _once(words, environment)  # compiled and cached, as for everybody after the first
    taken = [_once(words, environment) for _ in range(ROUNDS)]
    return [f"{1000 * statistics.median(taken):.0f}", f"{1000 * max(taken):.0f}"]


def _once(words: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(words, env=environment, check=False, capture_output=True)
    taken = time.perf_counter() - began
    assert done.returncode == 0 or words[0].endswith("squeue"), done.stderr  # which may miss its slurm.conf
    return taken
