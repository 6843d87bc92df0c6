"""How many tasks one person may have that have not ended."""

from dataclasses import dataclass

from superfacility.facility.errors import TooMany
from superfacility.tasks.task import NewTask

_COME_BACK = 15
"""Seconds after which some may have ended."""


@dataclass(frozen=True, slots=True)
class TaskQuota:
    """`open_tasks` of one owner, 0 for any number. What ends work may go half beyond: whoever has too much under way
    must be able to stop it."""

    open_tasks: int = 0

    def limit(self, new: NewTask) -> int:
        """How many its owner may have together with it; 0 for any number."""
        return self.open_tasks + (self.open_tasks + 1) // 2 * new.ends_work

    def check(self, new: NewTask, already: int) -> None:
        """`TooMany` where its owner has `already` as many as they may."""
        limit = self.limit(new)
        if limit and already >= limit:
            raise TooMany(
                f"You have {already} tasks that have not ended, and one user may have {limit} here: wait until some "
                "have (GET /tasks shows them), or cancel what you do not need (DELETE /tasks/ID).",
                retry_after=_COME_BACK,
            )


NO_QUOTA = TaskQuota()
