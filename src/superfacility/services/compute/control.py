"""Cancelling, holding, releasing, requeueing and changing jobs: what callers ask, each accepted at once as a task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput, Refused
from superfacility.facility.jobs import JobChange
from superfacility.facility.people import People
from superfacility.facility.systems import Facility
from superfacility.oauth.principal import Principal
from superfacility.services.compute.bounds import check_jobs
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.control_handlers import AS_STAFF, CANCEL, CANCEL_MANY, CHANGE, ControlHandlers, Verb
from superfacility.services.compute.filters import check_job_id
from superfacility.services.compute.submissions import GIVE_UP_AFTER
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.registry import Handler
from superfacility.tasks.task import NewTask, Task

MOST_AT_ONCE = 1000
"""Jobs of one bulk cancellation."""
_LONGEST_LIMIT = timedelta(days=366 * 5)
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class JobControl:
    """`Refused` at once for a job that is known to be another's, save for staff; everything else the scheduler decides.

    `collectors` has one for each system with a scheduler, by the system's name.
    """

    facility: Facility
    queue: TaskQueue
    clock: Clock
    collectors: Mapping[str, Collector]
    people: People
    give_up_after: timedelta = GIVE_UP_AFTER

    def handlers(self) -> tuple[Handler, ...]:
        return ControlHandlers(self.facility, self.people, self.give_up_after).handlers()

    async def cancel(
        self, principal: Principal, machine: str, job_id: str, idempotency: IdempotencyKey | None = None
    ) -> Task:
        """A whole array by its parent's id."""
        return await self._accept_one(principal, CANCEL, machine, job_id, {}, idempotency)

    async def act(
        self, principal: Principal, verb: Verb, machine: str, job_id: str, idempotency: IdempotencyKey | None = None
    ) -> Task:
        """Hold, release or requeue."""
        return await self._accept_one(principal, verb.value, machine, job_id, {}, idempotency)

    async def change(
        self,
        principal: Principal,
        machine: str,
        job_id: str,
        change: JobChange,
        idempotency: IdempotencyKey | None = None,
    ) -> Task:
        """What is None stays as it is; a change of nothing is `InvalidInput`."""
        _check_change(change)
        seconds = None if change.time_limit is None else int(change.time_limit.total_seconds())
        wanted = {"time_limit": seconds, "qos": change.qos}
        return await self._accept_one(principal, CHANGE, machine, job_id, wanted, idempotency)

    async def cancel_many(
        self, principal: Principal, machine: str, job_ids: Sequence[str], idempotency: IdempotencyKey | None = None
    ) -> Task:
        """One task; its result tells of each job, also of those that are another's."""
        system = self.facility.system(machine)
        system.require_scheduler()
        checked = list(dict.fromkeys(check_job_id(each) for each in job_ids))
        if not checked or len(checked) > MOST_AT_ONCE:
            raise InvalidInput(f"Name at least 1 and at most {MOST_AT_ONCE:,} jobs.")
        await check_jobs(principal, self.collectors[system.name], self.queue, checked)
        intent = {"system": system.name, "job_ids": checked}
        target = f"{system.name}/{checked[0]}" + (f" and {len(checked) - 1} more" if len(checked) > 1 else "")
        return await self._accept(principal, CANCEL_MANY, intent, target, idempotency)

    async def _accept_one(
        self,
        principal: Principal,
        handler: str,
        machine: str,
        job_id: str,
        wanted: Mapping[str, Any],
        idempotency: IdempotencyKey | None,
    ) -> Task:
        system = self.facility.system(machine)
        system.require_scheduler()
        job_id = check_job_id(job_id)
        await check_jobs(principal, self.collectors[system.name], self.queue, [job_id])
        self._check_owner(principal, system.name, job_id, handler)
        intent = {"system": system.name, "job_id": job_id, **wanted}
        return await self._accept(principal, handler, intent, f"{system.name}/{job_id}", idempotency)

    def _check_owner(self, principal: Principal, system: str, job_id: str, handler: str) -> None:
        view = self.collectors[system].current
        if principal.user.staff or view is None or all(job.user == principal.user.name for job in view.with_id(job_id)):
            return
        said = "scancel: error: Kill job error on" if handler == CANCEL else "scontrol: error:"
        raise Refused(f"{said} job id {job_id}: Access/permission denied (it is another user's)\n")

    async def _accept(
        self,
        principal: Principal,
        handler: str,
        intent: Mapping[str, Any],
        target: str,
        idempotency: IdempotencyKey | None,
    ) -> Task:
        now = self.clock.now()
        new = NewTask(
            principal.user.name,
            handler,
            {**intent, AS_STAFF: principal.user.staff},
            now,
            principal.level.label,
            principal.client_id,
            ends_work=handler in {CANCEL, CANCEL_MANY},
        )
        return await self.queue.accept(new, principal.audit(now, handler, target), idempotency)


def _check_change(change: JobChange) -> None:
    if change == JobChange():
        raise InvalidInput("Name what to change: `time_limit`, `qos`, or both.")
    if change.time_limit is not None and not timedelta() < change.time_limit <= _LONGEST_LIMIT:
        raise InvalidInput("A time limit is more than nothing and at most five years.")
    qos = change.qos
    if qos is not None and not (
        qos.isascii()
        and qos.replace("_", "").replace("-", "").isalnum()
        and qos[0] != "-"
        and len(qos) <= _LONGEST_NAME
    ):
        raise InvalidInput("A QOS is a name of ASCII letters, digits, `-` and `_`.")
