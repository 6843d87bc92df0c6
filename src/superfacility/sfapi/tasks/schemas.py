"""Bodies of `/tasks`, and how they are made from tasks."""

from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from superfacility.tasks.task import Task, TaskStatus


class TaskRecord(BaseModel):
    """Asynchronous work of yours."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": "703", "status": "new", "result": None},
                {
                    "id": "703",
                    "status": "completed",
                    "result": '{"status":"ok","jobid":"43778070","error":null}',
                },
            ]
        }
    )

    id: str
    status: TaskStatus = Field(description="`new` (waiting or running), `completed`, `cancelled` or `failed`.")
    result: str | None = Field(
        description="A JSON text, or null. `status` in it is `ok` or `error`. While the task is `new` it may hold what "
        "a running command has written so far."
    )


class TaskList(BaseModel):
    """Your tasks, newest first."""

    tasks: list[TaskRecord] | None


def task_row(task: Task) -> dict[str, Any]:
    """Exactly these three keys: existing programs take no others."""
    result = None if task.result is None else orjson.dumps(task.result).decode()
    return {"id": task.id, "status": task.status, "result": result}
