"""`scancel`: end jobs, or signal them."""

import os
import re
import signal
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from superfacility.adapters.embedded.columns import SHORT_STATES, squeue_row
from superfacility.adapters.embedded.programs.arguments import Arguments, Syntax, names
from superfacility.adapters.embedded.programs.asking import Failure, ask, caller, complain, jobs_of, run, say
from superfacility.adapters.embedded.protocol import Message, Problem
from superfacility.adapters.embedded.request.arrays import parse_array

_SYNTAX = Syntax(
    "scancel",
    values={
        "account": "A", "jobname": "n", "name": "", "partition": "p", "qos": "q", "reservation": "R", "signal": "s",
        "state": "t", "user": "u", "nodelist": "w", "clusters": "M",
    },
    flags={
        "batch": "b", "ctld": "", "full": "f", "hurry": "H", "interactive": "i", "me": "", "quiet": "Q",
        "verbose": "v",
    },
)  # fmt: skip
_ELEMENTS = re.compile(r"([0-9]+)_\[([0-9,:-]+)(?:%[0-9]+)?\]")
_SELECTING = {"account", "jobname", "name", "partition", "qos", "reservation", "state", "user", "me"}
_LARGEST = 10**9
_STATES = {short: state for state, short in SHORT_STATES.items()}


def main() -> None:
    run(_scancel)


def _scancel(state: Path, words: Sequence[str]) -> int:
    arguments = _SYNTAX.parse(words)
    options = arguments.options
    ids = [each for word in arguments.words for text in _split(word) for each in _expand(text)]
    selecting = options.keys() & _SELECTING
    if not ids and not selecting:
        raise Failure("scancel: error: No job identification provided")
    if selecting:
        ids = _select(state, arguments, ids)
    failed = [each for each in ids if not _end(state, each, arguments)]
    return 1 if failed else 0


def _split(word: str) -> list[str]:
    """Commas part ids, but not inside brackets."""
    return [each for each in re.split(r",(?![^\[]*\])", word) if each]


def _expand(text: str) -> list[str]:
    found = _ELEMENTS.fullmatch(text)
    if found is None:
        return [text]
    try:
        return [f"{found[1]}_{task}" for task in parse_array(found[2], _LARGEST).tasks]
    except ValueError:
        raise Failure(f"scancel: error: Invalid job id {text}") from None


def _select(state: Path, arguments: Arguments, ids: list[str]) -> list[str]:
    """Active jobs that all options describe, among the ids where there are some."""
    options = arguments.options
    answer = ask(state, {"do": "jobs", "ids": ids, "active": True})
    users = {caller()} if "me" in options else names(options.get("user"))
    states = {_STATES.get(each.upper(), each.upper()) for each in names(options.get("state"))}
    wanted = {
        "user": users,
        "state": states,
        "account": names(options.get("account")),
        "name": names(options.get("jobname", options.get("name"))),
        "partition": names(options.get("partition")),
        "qos": names(options.get("qos")),
        "reservation": names(options.get("reservation")),
    }
    cluster, now = answer["configuration"]["cluster"], answer["now"]
    return [
        job.public_id
        for submission, job in jobs_of(answer)
        if _describes(wanted, squeue_row(submission, job, cluster, now))
    ]


def _describes(wanted: Mapping[str, Set[str]], row: Mapping[str, str]) -> bool:
    return all(not values or row[key] in values for key, values in wanted.items())


def _end(state: Path, job: str, arguments: Arguments) -> bool:
    quiet = "quiet" in arguments.options
    question: Message = {"do": "cancel", "job": job, "user": caller(), "uid": os.getuid()}
    number = _signal(arguments.options.get("signal"))
    if number is not None:
        question |= {"do": "signal", "signal": number}
    if "verbose" in arguments.options:
        complain(f"scancel: Terminating job {job}")
    try:
        count = ask(state, question)
    except Problem as problem:
        return _refused(job, problem, quiet)
    if count == 0 and not quiet and "verbose" in arguments.options:
        say(f"scancel: Job {job} has already ended")
    return True


def _refused(job: str, problem: Problem, quiet: bool) -> bool:
    """As in Slurm, a job that is not there is an error of its own."""
    words = {
        "not_found": "Invalid job id specified",
        "not_permitted": "Access/permission denied",
    }.get(problem.kind, problem.words)
    if not quiet or problem.kind != "not_found":
        complain(f"scancel: error: Kill job error on job id {job}: {words}")
    return False


def _signal(text: str | None) -> int | None:
    """KILL is a cancellation, as Slurm treats it."""
    if text is None:
        return None
    name = text.upper().removeprefix("SIG")
    try:
        number = signal.Signals(int(name)) if name.isdigit() else signal.Signals[f"SIG{name}"]
    except (KeyError, ValueError):
        raise Failure(f"scancel: error: Unknown job signal: {text}") from None
    return None if number is signal.SIGKILL else int(number)
