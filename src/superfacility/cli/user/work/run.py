"""`sfapi run`: a command on a system, as you, with its output and its exit code."""

import argparse
import sys
from dataclasses import dataclass

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.interruption import detach
from superfacility.cli.user.terminal.parsing import Parser, system_option, timeout_option
from superfacility.cli.user.work.tasks import cancelled
from superfacility.client.errors import Refused
from superfacility.client.records.work import CommandResult, Task


@dataclass(slots=True)
class _Screen:
    """Prints what a command has written since the last look."""

    call: Call
    out: int = 0
    err: int = 0

    def __call__(self, task: Task) -> None:
        result = task.result or {}
        output, error = str(result.get("output") or ""), str(result.get("error") or "")
        if len(output) > self.out:
            self.call.output.data(output[self.out :].encode("utf-8", "surrogateescape"))
            self.out = len(output)
        if "exit_code" in result and len(error) > self.err:  # else it may be the gateway's own words
            sys.stderr.buffer.write(error[self.err :].encode("utf-8", "surrogateescape"))
            sys.stderr.flush()
            self.err = len(error)


def _arguments(parser: Parser) -> None:
    system_option(parser)
    timeout_option(parser)
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="COMMAND",
        help="one word is read by a shell there ('ls *.h5 | wc -l'); several are passed on as they are",
    )


def _run(call: Call) -> int:
    words = call.options.command[1:] if call.options.command[:1] == ["--"] else call.options.command
    if not words:
        call.output.note("sfapi run: a command is missing\nSee: sfapi run --help")
        return exits.USAGE
    connection, system = call.connection, call.system()
    task_id = connection.start_command(system, words[0] if len(words) == 1 else words)
    seen = None if call.output.as_json else _Screen(call)
    try:
        task = connection.wait_for_task(task_id, timeout=call.options.timeout, seen=seen)
    except KeyboardInterrupt:
        goes_on = f"The command goes on as task {task_id}. Look with `sfapi tasks show {task_id}`."
        return detach(call.output, goes_on, lambda: cancelled(call, task_id))
    result = task.result or {}
    if task.state != "completed" or result.get("exit_code") is None:
        raise Refused(task.error or f"Task {task_id} ended as {task.state}.")
    if call.output.as_json:
        done = CommandResult(str(result["output"]), str(result["error"]), int(result["exit_code"]))
        call.output.document(command=done, task_id=task_id)
    return int(result["exit_code"])


_EXAMPLES = ("sfapi run hostname", "sfapi run -s perlmutter 'ls *.h5 | wc -l'", "sfapi run -- grep -c energy run.log")
COMMANDS = {"run": Command(_run, _arguments, {"command": CommandResult, "task_id": str}, examples=_EXAMPLES)}
