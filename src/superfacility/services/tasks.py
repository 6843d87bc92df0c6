"""Following and cancelling one's own tasks."""

from collections.abc import Sequence
from dataclasses import dataclass

from superfacility.core.clock import Clock
from superfacility.facility.errors import NotFound, NotPermitted
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.task import Task, TaskId


@dataclass(frozen=True, slots=True)
class TaskService:
    """Everybody sees their own tasks only; another's is as unknown as one that never was."""

    queue: TaskQueue
    clock: Clock

    async def tasks(self, principal: Principal, *, limit: int = 1000) -> Sequence[Task]:
        """The caller's own, newest first."""
        return await self.queue.tasks(principal.user.name, limit=limit)

    async def task(self, principal: Principal, task_id: str) -> Task:
        found = await self.queue.task(TaskId(task_id)) if _is_task_id(task_id) else None
        if found is None or found.owner != principal.user.name:
            raise NotFound(f"You have no task {task_id!r}; GET /tasks lists those you have.")
        return found

    async def cancel(self, principal: Principal, task_id: str) -> Task:
        """Needs the level that created the task: a green client cannot stop what a red one began."""
        found = await self.task(principal, task_id)
        needed = SecurityLevel.from_label(found.level)
        if principal.level < needed:
            raise NotPermitted(
                f"Task {task_id} was created by a {needed.label} client; cancel it with a client of that level "
                f"(this one is {principal.level.label})."
            )
        audit = principal.audit(self.clock.now(), "tasks.cancel", found.id, found.handler)
        return await self.queue.request_cancel(found.id, audit)


def _is_task_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
