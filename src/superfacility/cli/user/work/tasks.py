"""`sfapi tasks`: submissions, commands, cancellations … as the facility works on them."""

import json

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command, Group
from superfacility.cli.user.terminal.interruption import detach
from superfacility.cli.user.terminal.parsing import Parser, timeout_option
from superfacility.client.records.work import Task


def _limit(parser: Parser) -> None:
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="so many at most (50)")


def _list(call: Call) -> int:
    found = call.connection.tasks(limit=call.options.limit)
    if call.output.as_json:
        call.output.document(tasks=found)
        return exits.OK
    columns = {"TASK": lambda t: t.id, "STATE": lambda t: t.state, "RESULT": _short}
    call.output.table(found, columns, nothing="No tasks.")
    return exits.OK


def _id(parser: Parser) -> None:
    parser.add_argument("task", metavar="TASK", help="id of a task")


def _waiting(parser: Parser) -> None:
    _id(parser)
    timeout_option(parser)


def _show(call: Call) -> int:
    return _told(call, call.connection.task(call.options.task))


def _cancel(call: Call) -> int:
    _told(call, call.connection.cancel_task(call.options.task))
    return exits.OK


def _wait(call: Call) -> int:
    task_id, connection = call.options.task, call.connection
    try:
        return _told(call, connection.wait_for_task(task_id, timeout=call.options.timeout))
    except KeyboardInterrupt:
        return detach(
            call.output,
            f"Task {task_id} goes on. Look with `sfapi tasks show {task_id}`.",
            lambda: cancelled(call, task_id),
        )


def cancelled(call: Call, task_id: str) -> str:
    """What became of a task that a second interrupt ends."""
    with call.another_connection() as connection:
        return f"Task {connection.cancel_task(task_id).state}."


def _told(call: Call, task: Task) -> int:
    if call.output.as_json:
        call.output.document(task=task)
    else:
        call.output.record({"task": task.id, "state": task.state, **(task.result or {})})
    return exits.FAILED if task.has_ended and task.error else exits.OK


def _short(task: Task) -> str:
    text = json.dumps(dict(task.result or {}), ensure_ascii=False)
    return "" if task.result is None else text if len(text) <= 100 else text[:99] + "…"


_ONE = {"task": Task}
COMMANDS = {
    "tasks": Group(
        {
            "list": Command(_list, _limit, {"tasks": tuple[Task, ...]}, "Yours, newest first."),
            "show": Command(_show, _id, _ONE, "One task and its result."),
            "wait": Command(_wait, _waiting, _ONE, "Wait for its end."),
            "cancel": Command(_cancel, _id, _ONE, "What has not started never will; a running command is killed."),
        },
        usual="list",
    )
}
