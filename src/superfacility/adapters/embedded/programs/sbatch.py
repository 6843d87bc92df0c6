"""`sbatch`: from a file, `--wrap`, or standard input."""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from superfacility.adapters.embedded.programs.asking import ask, caller, complain, run, say
from superfacility.adapters.embedded.protocol import Message
from superfacility.adapters.embedded.request.options import Options, read_options
from superfacility.adapters.embedded.request.refusal import sbatch_error

_HELP = """Usage: sbatch [OPTIONS(0)...] [ : [OPTIONS(N)...]] script(0) [args(0)...]

The options of #SBATCH lines, and:
  --parsable       print the job's id alone
  --test-only      check the script, submit nothing
  --wait, -W       wait for the job's end and exit with its code
  --wrap=command   wrap a command in a simple sh script"""
_SCRIPT_LIMIT = 4 * 1024 * 1024
_LOOK = 0.2


def main() -> None:
    run(_sbatch)


def _sbatch(state: Path, words: Sequence[str]) -> int:
    if words and words[0] in ("--help", "-h", "--usage"):
        say(_HELP)
        return 0
    if words and words[0] in ("--version", "-V"):
        say("slurm 22.05.8")
        return 0
    options = read_options(words)
    if options.unknown:
        raise sbatch_error(f"unrecognized option '{options.unknown[0]}'")
    answer = ask(state, _question(options))
    for warning in answer["warnings"]:
        complain(warning)
    return _tell(state, options, str(answer["job"]))


def _tell(state: Path, options: Options, job: str) -> int:
    if "test-only" in options.values:
        complain(f"sbatch: Job {job} to start at {time.strftime('%Y-%m-%dT%H:%M:%S')} on this machine")
        return 0
    if "parsable" in options.values:
        say(job)
    elif "quiet" not in options.values:
        say(f"Submitted batch job {job}")
    if "wait" not in options.values:
        return 0
    sys.stdout.flush()
    return _wait(state, job)


def _wait(state: Path, job: str) -> int:
    """The largest exit code of the job's elements."""
    while True:
        jobs = ask(state, {"do": "jobs", "ids": [job]})["jobs"]
        if all(each.get("ended") is not None for each in jobs):
            return max((each.get("exit_code") or each.get("signal") or 0 for each in jobs), default=1)
        time.sleep(_LOOK)


def _question(options: Options) -> Message:
    script, name, command, arguments = _script(options)
    directory = _directory()
    return {
        "do": "submit",
        "intent": os.urandom(16).hex(),
        "user": caller(),
        "uid": os.getuid(),
        "gid": os.getgid(),
        "options": {key: value for key, value in options.values.items() if key != "wrap"},
        "script": script,
        "script_name": name,
        "command": command,
        "arguments": arguments,
        "work_dir": directory,
        "environment": dict(os.environ),
        "test_only": "test-only" in options.values,
    }


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - bytes that are no text survive
    except OSError:
        raise sbatch_error("getcwd failed: No such file or directory") from None


def _script(options: Options) -> tuple[str, str, str, list[str]]:
    """Text, name, path and arguments."""
    if "wrap" in options.values:
        if options.rest:
            raise sbatch_error("Script arguments are not permitted with the --wrap option.")
        text = f"#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{options.values['wrap']}\n"
        return text, "wrap", "", []
    if not options.rest:
        content = sys.stdin.buffer.read(_SCRIPT_LIMIT + 1)
        return _decode(content), "sbatch", "", []
    path, *arguments = options.rest
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - bytes that are no text survive
            content = file.read(_SCRIPT_LIMIT + 1)
    except OSError:
        raise sbatch_error(f"Unable to open file {path}") from None
    full = os.path.join(_directory(), path)  # noqa: PTH118
    return _decode(content), os.path.basename(path), full, arguments  # noqa: PTH119


def _decode(content: bytes) -> str:
    if len(content) > _SCRIPT_LIMIT:
        raise sbatch_error("Batch job submission failed: Script is too long")
    return content.decode("utf-8", "surrogateescape")
