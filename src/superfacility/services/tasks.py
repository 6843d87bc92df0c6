"""Following and cancelling one's own tasks."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.facility.errors import NotFound, NotPermitted, TooMany, Unavailable
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.places import Places
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.task import Task, TaskId

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5
_YOUNG = timedelta(minutes=1)


class Waits:
    """Who waits here for the end of tasks. `run` ends the waiting when the server ends."""

    def __init__(self, *, per_user: int = 100, in_all: int = 5_000) -> None:
        self.places = Places("waits for tasks", per_user=per_user, in_all=in_all, advice="wait for fewer")
        self.over = False

    async def run(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self.over = True


@dataclass(frozen=True, slots=True)
class TaskService:
    """Everybody sees their own tasks only; another's is as unknown as one that never was."""

    queue: TaskQueue
    clock: Clock
    waits: Waits = field(default_factory=Waits)

    async def tasks(self, principal: Principal, *, limit: int = 1000) -> Sequence[Task]:
        """The caller's own, newest first."""
        found = await self.queue.tasks(principal.user.name, limit=limit)
        return [each for each in found if sees_task(principal, each)]

    async def task(self, principal: Principal, task_id: str) -> Task:
        found = await self.queue.task(TaskId(task_id)) if _is_task_id(task_id) else None
        if found is None or not sees_task(principal, found):
            raise NotFound(f"You have no task {task_id!r}; GET /tasks lists those you have.")
        return found

    async def ended(self, principal: Principal, task_id: str, seconds: float) -> Task:
        """The task once it has ended, or as it is after so many seconds. It answers at once where too many wait.

        One look at a task costs next to nothing, and whichever host works on it, its end is in the database; so this
        looks less and less often, and no end of a task has to be announced to anybody.
        """
        time = asyncio.get_running_loop().time
        found, until, pause = await self.task(principal, task_id), time() + seconds, _FIRST_PAUSE
        try:
            self.waits.places.check(principal.user.name)
        except (TooMany, Unavailable):
            return found
        with self.waits.places.taken(principal.user.name):
            while not (found.status.terminal or self.waits.over) and (left := until - time()) > 0:
                await asyncio.sleep(min(pause, left))
                pause = min(1.3 * pause, _LONGEST_PAUSE)
                found = await self.task(principal, task_id)
        return found

    def look_again_after(self, task: Task) -> int | None:
        """Seconds until another look may be worth it; None for a task that has ended."""
        if task.status.terminal:
            return None
        return 1 if self.clock.now() - task.created_at < _YOUNG else 5

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


def sees_task(principal: Principal, task: Task) -> bool:
    """A client that is bound to a project sees what it has begun itself."""
    return task.owner == principal.user.name and (principal.project is None or task.client_id == principal.client_id)


def _is_task_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
