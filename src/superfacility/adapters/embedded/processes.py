"""How our own processes are started: the same interpreter, alone with the standard library, so in about 20 ms."""

import shlex
import sys
from pathlib import Path

PROGRAMS = ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo")
_PACKAGE = "superfacility.adapters.embedded"
_ROOT = str(Path(__file__).resolve().parents[3])


def python_command(module: str, *arguments: str) -> list[str]:
    """Run `main()` of a module of this package. `-I` and `-S`: nothing from the caller's environment or folder."""
    code = f"import sys; sys.path.insert(0, {_ROOT!r}); from {_PACKAGE}.{module} import main; main()"
    return [sys.executable, "-I", "-S", "-c", code, *arguments]


def write_programs(folder: Path, state: Path) -> None:
    """Put the six programs there, or leave them as they are if nothing changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        command = shlex.join(python_command(f"programs.{name}", str(state.absolute())))
        text = f'#!/bin/sh\nexec {command} "$@"\n'
        path = folder / name
        if path.is_file() and path.read_text() == text:
            continue
        temporary = folder / f".{name}.new"
        temporary.write_text(text)
        temporary.chmod(0o755)
        temporary.replace(path)
