"""`/tasks`: list, follow and cancel one's own."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from superfacility.http.context import UseCases
from superfacility.http.polling import Parameters, json_answer, scoped_read
from superfacility.http.ready_answers import Answer
from superfacility.http.security import authorize, requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.services.services import Services
from superfacility.sfapi.tasks.schemas import TaskList, TaskRecord, task_row
from superfacility.tasks.task import Task

router = APIRouter(prefix="/tasks", tags=["tasks"])

Reader = Annotated[Principal, requires(Scope.TASKS_READ)]
Writer = Annotated[Principal, requires(Scope.TASKS_WRITE)]
Limit = Annotated[int, Query(ge=1, le=10_000, description="How many at most.")]
Wait = Annotated[
    float, Query(ge=0, le=30, description="Seconds to wait for its end; where many wait, it answers earlier.")
]


@router.get("", response_model=TaskList, summary="Your tasks")
async def tasks(principal: Reader, use_cases: UseCases, limit: Limit = 1000) -> Response:
    """Newest first. Fewer than `limit` where their results are very long: ask for those by their ids."""
    found = await use_cases.tasks.tasks(principal, limit=limit)
    return _json({"tasks": [task_row(each) for each in found]})


@router.get("/{id}", response_model=TaskRecord, summary="Follow a task")
async def task(
    request: Request,
    id: str,  # noqa: A002 - the name in the URL
    principal: Reader,
    use_cases: UseCases,
    wait: Wait = 0,
) -> Response:
    """Ask again until `status` is no longer `new`. `result` is then a JSON text.

    With `wait` the answer comes as soon as the task has ended. Without, `Retry-After` says when to ask again.
    """
    if not wait:
        return _answer(use_cases, await use_cases.tasks.task(principal, id))
    found = await use_cases.tasks.ended(principal, id, wait)
    await authorize(request.scope, use_cases, Scope.TASKS_READ)  # the right may have gone meanwhile
    return _answer(use_cases, found)


@router.delete("/{id}", response_model=TaskRecord, summary="Cancel a task")
async def cancel_task(id: str, principal: Writer, use_cases: UseCases) -> Response:  # noqa: A002 - the name in the URL
    """What has not started never will; a running command is killed. Needs the security level that created the task.

    A task that has ended stays as it is. Cancelling the task of a submission does not cancel the job.
    """
    return _json(task_row(await use_cases.tasks.cancel(principal, id)))


async def _polled_task(services: Services, parameters: Parameters, principal: Principal) -> Answer:
    found = await services.tasks.task(principal, parameters["id"])
    pause = services.tasks.look_again_after(found)
    return json_answer(orjson.dumps(task_row(found)), () if pause is None else ((b"retry-after", b"%d" % pause),))


POLLED = [scoped_read("/tasks/{id}", Scope.TASKS_READ, _polled_task)]


def _answer(services: Services, task: Task) -> Response:
    response, pause = _json(task_row(task)), services.tasks.look_again_after(task)
    if pause is not None:
        response.headers["retry-after"] = str(pause)
    return response


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
