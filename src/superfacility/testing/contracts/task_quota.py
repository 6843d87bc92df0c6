"""What every `TaskQueue` does with a quota.

Fixtures to supply: `bounded`, two queues of one store whose quota is `QUOTA`, `audit_log` of that store, `clock` (a
FakeClock) and `lease` that the queues ask.
"""

import asyncio
from collections.abc import Sequence

import pytest

from superfacility.facility.audit import AuditLog
from superfacility.facility.errors import TooMany
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.tasks.quota import TaskQuota
from superfacility.tasks.task import TaskStatus
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.task_queue import ALICE, BOB, HANDLERS, KEY, OK, ONE, entry, new_task

QUOTA = TaskQuota(open_tasks=4)


class TaskQuotaContract:
    """Subclass it with the fixtures named above."""

    async def test_nobody_has_more_open_tasks_than_the_quota_however_many_are_accepted_at_once(
        self, bounded: Sequence[TaskQueue], clock: FakeClock, audit_log: AuditLog
    ) -> None:
        bobs = await bounded[0].accept(new_task(clock, owner=BOB), entry(clock))
        wanted = (bounded[n % 2].accept(new_task(clock, intent={"n": n}), entry(clock)) for n in range(40))
        answers = await asyncio.gather(*wanted, return_exceptions=True)
        refusals = [each for each in answers if isinstance(each, TooMany)]
        assert len(answers) - len(refusals) == len(await bounded[0].tasks(ALICE)) == QUOTA.open_tasks
        assert "DELETE /tasks/ID" in str(refusals[0])
        assert len(await audit_log.entries()) == QUOTA.open_tasks + 1
        assert await bounded[1].tasks(BOB) == [bobs]

    async def test_a_task_that_has_ended_makes_room(
        self, bounded: Sequence[TaskQueue], clock: FakeClock, lease: Lease
    ) -> None:
        lease.hold(ONE)
        queue = bounded[0]
        tasks = [await queue.accept(new_task(clock), entry(clock)) for _ in range(QUOTA.open_tasks)]
        with pytest.raises(TooMany):
            await queue.accept(new_task(clock), entry(clock))
        await queue.request_cancel(tasks[0].id, entry(clock))
        await queue.claim(ONE, HANDLERS, 1)
        await queue.finish(ONE, tasks[1].id, TaskStatus.COMPLETED, OK)
        for _ in range(2):
            await queue.accept(new_task(clock), entry(clock))
        with pytest.raises(TooMany):
            await queue.accept(new_task(clock), entry(clock))

    async def test_who_has_too_many_tasks_can_still_end_work_and_repeat_a_request(
        self, bounded: Sequence[TaskQueue], clock: FakeClock
    ) -> None:
        queue = bounded[0]
        first = await queue.accept(new_task(clock), entry(clock), KEY)
        for _ in range(QUOTA.open_tasks - 1):
            await queue.accept(new_task(clock), entry(clock))
        assert await queue.accept(new_task(clock), entry(clock), KEY) == first
        for _ in range(QUOTA.open_tasks // 2):
            await queue.accept(new_task(clock, ends_work=True), entry(clock))
        with pytest.raises(TooMany):
            await queue.accept(new_task(clock, ends_work=True), entry(clock))
