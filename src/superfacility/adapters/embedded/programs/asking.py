"""What all programs share: one question to the daemon over a plain socket, and Slurm's way to complain."""

import json
import os
import pwd
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from superfacility.adapters.embedded.protocol import START_PATIENCE, Message, Problem, address
from superfacility.adapters.embedded.records import JobRecord, Submission, submission_from
from superfacility.adapters.embedded.request.refusal import Refusal
from superfacility.adapters.embedded.starting import start_daemon

_ATTEMPTS = 5
_KNOCK = 0.01
_RESTART = 1.0
_DOWN = "Unable to contact slurm controller (connect failure)"


class Failure(Exception):
    """The program ends with these words on standard error, and exit code 1."""


def ask(state: Path, question: Message) -> Any:
    """The daemon's answer, starting it if needed; `Problem` as it says, `Failure` when there is none.

    A daemon may end between our knock and its answer; every question can be asked again (submissions carry an intent).
    """
    for _ in range(_ATTEMPTS):
        line = _exchange(state, question)
        if line.endswith(b"\n"):
            answer = json.loads(line)
            if "error" in answer:
                raise Problem.from_message(answer["error"])
            return answer["ok"]
    raise Failure(_DOWN)


def _exchange(state: Path, question: Message) -> bytes:
    with _connect(state) as connection, connection.makefile("rwb") as stream:
        try:
            stream.write(json.dumps(question).encode() + b"\n")
            stream.flush()
            return stream.readline()
        except OSError:
            return b""


def _connect(state: Path) -> socket.socket:
    deadline = time.monotonic() + START_PATIENCE
    next_start = 0.0
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with address(state) as where:
                connection.connect(where)
        except OSError:
            connection.close()
        else:
            return connection
        if time.monotonic() >= deadline or not state.is_dir():
            raise Failure(_DOWN)
        if time.monotonic() >= next_start:
            _start(state)
            next_start = time.monotonic() + _RESTART
        time.sleep(_KNOCK)


def _start(state: Path) -> None:
    try:
        start_daemon(state)
    except OSError as error:
        raise Failure(f"{_DOWN}: {error.strerror}") from None


def caller() -> str:
    """Who calls. On one shared account the name in the environment is all there is; nothing here trusts it."""
    name = os.environ.get("USER") or os.environ.get("LOGNAME")
    return name or pwd.getpwuid(os.getuid()).pw_name


def jobs_of(answer: Message) -> list[tuple[Submission, JobRecord]]:
    """Jobs with their submissions, in the order of ids."""
    submissions = {each["id"]: submission_from(each) for each in answer["submissions"]}
    records = sorted((JobRecord(**each) for each in answer["jobs"]), key=lambda job: job.id)
    return [(submissions[job.submission], job) for job in records]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    sys.stderr.write(text + "\n")


def run(program: Callable[[Path, Sequence[str]], int | None]) -> NoReturn:
    """Run a program on its command line: the state folder, then the caller's arguments."""
    state, *arguments = sys.argv[1:]
    code = 1
    try:
        code = program(Path(state), arguments) or 0
        sys.stdout.flush()
    except (Failure, Problem, Refusal) as failure:
        complain(str(failure.args[0]).rstrip("\n"))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
