"""`/tasks`: work that the facility does for you."""

from collections.abc import Callable

from superfacility.client.calls.streams import Deadline
from superfacility.client.errors import NotFound, Refused, Unavailable
from superfacility.client.records.reading import rows
from superfacility.client.records.work import Task
from superfacility.client.wire.refusals import retry_after
from superfacility.client.wire.session import Ask, Session, part

_FIRST = 0.1
_LONGEST = 5.0
_HELD = 20.0
"""Seconds that a facility is asked to keep an answer until the task has ended."""
_LIVE = 1.0
"""The same where somebody looks at what a command writes meanwhile."""

Seen = Callable[[Task], None]


class TaskCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def tasks(self, *, limit: int | None = None) -> tuple[Task, ...]:
        """Yours, newest first."""
        found = await self.session.json(Ask("GET", "tasks", {"limit": limit}))
        return tuple(map(Task.of, rows(found.get("tasks"))))

    async def task(self, task_id: str) -> Task:
        return Task.of(await self.session.json(Ask("GET", f"tasks/{part(task_id)}")))

    async def cancel_task(self, task_id: str) -> Task:
        """What has not started never will; a running command is killed."""
        return Task.of(await self.session.json(Ask("DELETE", f"tasks/{part(task_id)}")))

    async def wait_for_task(self, task_id: str, *, timeout: float | None = None, seen: Seen | None = None) -> Task:
        """The task when it has ended, well or not; `TimedOut` if it has not by then. `seen` gets every look at it.

        The facility answers when the task ends. One that answers at once is asked less and less often, and never
        earlier than it wants to be.
        """
        deadline, pause = Deadline(self.session, timeout), _FIRST
        hold = min(_HELD if seen is None else _LIVE, self.session.timeout / 2)
        while True:
            hint, until = 0.0, self.session.clock.monotonic() + 0.9 * deadline.within(hold)
            try:
                task, hint = await self._held(task_id, deadline.within(hold))
                if seen is not None:
                    seen(task)
                if task.has_ended:
                    return task
            except Unavailable:
                deadline.check(f"task {task_id} may still be running, and the facility does not answer.")
            deadline.check(f"task {task_id} has not ended. It goes on; look with: sfapi tasks show {task_id}")
            if self.session.clock.monotonic() < until:
                await self.session.transport.sleep(deadline.within(max(pause, hint)))
                pause = min(1.5 * pause, _LONGEST)

    async def _held(self, task_id: str, seconds: float) -> tuple[Task, float]:
        """A task, when it has ended or after so many seconds; and how long to leave the facility alone."""
        ask = Ask("GET", f"tasks/{part(task_id)}", {"wait": f"{seconds:.2f}"})
        content, headers = await self.session.content(ask)
        return Task.of(content), retry_after(headers) or 0.0

    async def done(self, task_id: str, *, timeout: float | None = None) -> Task:
        """The same, but `Refused` or `NotFound`, in the task's words, if it did not do what it should."""
        task = await self.wait_for_task(task_id, timeout=timeout)
        if task.error:
            kind = NotFound if "Invalid job id" in task.error else Refused
            raise kind(task.error)
        return task
