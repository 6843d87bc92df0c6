"""`/compute`: submit, look at, wait for and control jobs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from superfacility.client.calls.events import EventCalls
from superfacility.client.calls.streams import Deadline
from superfacility.client.calls.tasks import TaskCalls
from superfacility.client.errors import NotFound, NotPermitted, SuperfacilityError, TimedOut, Unavailable
from superfacility.client.records.jobs import Job, Jobs
from superfacility.client.records.reading import rows
from superfacility.client.records.work import Task
from superfacility.client.transport.messages import whole
from superfacility.client.wire.refusals import checked, retry_after
from superfacility.client.wire.session import Ask, part

_POLL = 5.0
"""Seconds between two looks where there are no events: as often as a scheduler is read by itself."""
_ACCOUNTED_WITHIN = 120.0
"""Seconds that accounting is given to learn how a job has ended."""

Changed = Callable[[Sequence[Job]], None]


class JobCalls(TaskCalls, EventCalls):
    async def jobs(
        self,
        /,
        system: str,
        *,
        ended: bool = False,
        limit: int | None = None,
        fresh: bool = False,
        **filters: str | None,
    ) -> Jobs:
        """Those in the queue; with `ended` those of accounting. Filters: user, project, state, partition, qos, name."""
        if "project" in filters:
            filters["account"] = filters.pop("project")
        kwargs = [f"{name}={value}" for name, value in filters.items() if value]
        query = {"sacct": ended or None, "kwargs": kwargs, "limit": limit, "cached": False if fresh else None}
        return await self._listed(f"compute/jobs/{part(system)}", query, system)

    async def job_elements(self, system: str, job_id: str, *, fresh: bool = False) -> Jobs:
        """One job, or all elements of an array; `NotFound` if there are none."""
        path, cached = f"compute/jobs/{part(system)}/{part(job_id)}", False if fresh else None
        found = await self._listed(path, {"cached": cached}, system)
        if not found or any(job.has_ended for job in found):
            accounted = await self._listed(path, {"sacct": True, "cached": cached}, system)
            found = found.with_rows(_merged(found, accounted))
        if not found:
            raise NotFound(f"There is no job {job_id} on {system}, or it is not yours to see.")
        return found

    async def job(self, system: str, job_id: str, *, fresh: bool = False) -> Job:
        """One job; of an array, the element that matters most: one that runs, waits, or failed."""
        return min(await self.job_elements(system, job_id, fresh=fresh), key=_weight)

    async def submit(
        self,
        system: str,
        script: str,
        *,
        is_path: bool = False,
        arguments: Sequence[str] = (),
        callback_url: str | None = None,
        callback_email: str | None = None,
        callback_timeout: int | None = None,
        idempotency_key: str | None = None,
        timeout: float | None = 300.0,
        warned: Callable[[str], None] = lambda _: None,
    ) -> str:
        """The id of the job. `script` is a text, or with `is_path` the path of one on the system. `warned` hears what
        the facility has to say of a job that it has taken: that the project has no hours left. `callback_timeout` are
        seconds after which a job that has not ended is told of, too.

        Whatever happens on the way, the same key never makes a second job.
        """
        form = {
            "job": script,
            "isPath": is_path,
            "args": list(arguments),
            "callbackUrl": callback_url,
            "callbackEmail": callback_email,
            "callbackTimeout": callback_timeout,
        }
        ask = Ask("POST", f"compute/jobs/{part(system)}", form=form, key=idempotency_key)
        task = await self.done(await self._started(ask), timeout=timeout)
        result = task.result or {}
        if result.get("warning"):
            warned(str(result["warning"]))
        return str(result["jobid"])

    async def cancel(self, system: str, *job_ids: str) -> Mapping[str, str]:
        """What went wrong, by id; empty where all are cancelled."""
        path = f"compute/jobs/{part(system)}"
        if len(job_ids) == 1:
            ask = Ask("DELETE", f"{path}/{part(job_ids[0])}")
        else:
            ask = Ask("POST", f"{path}/cancel", json={"jobids": list(job_ids)})
        task = await self.wait_for_task(await self._started(ask))
        return _refusals(task, job_ids)

    async def hold(self, system: str, job_id: str) -> None:
        """Keep a waiting job from starting."""
        await self._acted(system, job_id, "hold")

    async def release(self, system: str, job_id: str) -> None:
        """End a hold of your own."""
        await self._acted(system, job_id, "release")

    async def requeue(self, system: str, job_id: str) -> None:
        """Put a running job back into the queue."""
        await self._acted(system, job_id, "requeue")

    async def change_job(self, /, system: str, job_id: str, **changes: Any) -> None:
        """Another `time_limit` (minutes, or `[D-]HH:MM:SS`) or `qos`."""
        content = {name: value for name, value in changes.items() if value is not None}
        path = f"compute/jobs/{part(system)}/{part(job_id)}"
        await self.done(await self._started(Ask("PATCH", path, json=content)))

    async def wait_for_job(
        self, system: str, job_id: str, *, timeout: float | None = None, changed: Changed = lambda _: None
    ) -> tuple[Job, ...]:
        """The job, or all elements of its array, when all have ended. `changed` hears of each state on the way, and of
        each reason to wait.

        It listens to events where the facility has them, and asks now and then where it has not.
        """
        deadline = Deadline(self.session, timeout)
        what = f"job {job_id} has not ended. It goes on; look with: sfapi show {job_id}"
        seen = await self._looked(system, job_id, changed, None, deadline)
        try:
            while not _all_ended(seen):
                listening = self.signs(
                    system=system, job_id=job_id, kinds=("job", "job.lost"), deadline=deadline, what=what
                )
                async for _ in listening:
                    seen = await self._looked(system, job_id, changed, seen, deadline)
                    if _all_ended(seen):
                        break
        except TimedOut:
            raise
        except (NotFound, NotPermitted, Unavailable, SuperfacilityError):
            seen = await self._polled(system, job_id, changed, seen, deadline, what)
        return await self._accounted(system, job_id, seen)

    async def _polled(
        self, system: str, job_id: str, changed: Changed, seen: Sequence[Job], deadline: Deadline, what: str
    ) -> Sequence[Job]:
        tag: str | None = None
        pause = _POLL
        while not _all_ended(seen):
            deadline.check(what)
            await self.session.transport.sleep(deadline.within(pause))
            unchanged, tag, pause = await self._unchanged(system, job_id, tag)
            if not unchanged:
                seen = await self._looked(system, job_id, changed, seen, deadline)
        return seen

    async def _unchanged(self, system: str, job_id: str, tag: str | None) -> tuple[bool, str | None, float]:
        """Whether the queue says the same as before, which costs the server next to nothing to tell; its new tag; and
        how long to leave the facility alone."""
        headers = {"if-none-match": tag} if tag else {}
        ask = Ask("GET", f"compute/jobs/{part(system)}", {"kwargs": [f"jobid={job_id}"]}, headers=headers)
        try:
            reply = await self.session.reply(ask)
            await whole(reply)
        except Unavailable as problem:
            return True, None, max(_POLL, problem.retry_after or 0.0)
        return reply.status == 304, reply.headers.get("etag"), max(_POLL, retry_after(reply.headers) or 0.0)

    async def _looked(
        self, system: str, job_id: str, changed: Changed, before: Sequence[Job] | None, deadline: Deadline
    ) -> Sequence[Job]:
        try:
            now = await self.job_elements(system, job_id)
        except Unavailable:
            if before is None:
                raise
            deadline.check(f"{system} does not answer; job {job_id} was {before[0].state} when it was seen last.")
            return before
        if before is None or list(map(_how, now)) != list(map(_how, before)):
            changed(now)
        return now

    async def _accounted(self, system: str, job_id: str, seen: Sequence[Job]) -> tuple[Job, ...]:
        """With exit codes, which accounting may learn a moment after the end."""
        end = self.session.clock.monotonic() + _ACCOUNTED_WITHIN
        while any(job.exit_code is None for job in seen) and self.session.clock.monotonic() < end:
            await self.session.transport.sleep(1.0)
            seen = await self.job_elements(system, job_id, fresh=True)
        return tuple(seen)

    async def _acted(self, system: str, job_id: str, verb: str) -> None:
        path = f"compute/jobs/{part(system)}/{part(job_id)}/{verb}"
        await self.done(await self._started(Ask("POST", path)))

    async def _started(self, ask: Ask) -> str:
        return str((await self.session.agreed(ask))["task_id"])

    async def _listed(self, path: str, query: Mapping[str, Any], system: str) -> Jobs:
        content, headers = await self.session.content(Ask("GET", path, query))
        found = checked(content, headers.get("x-request-id"))
        listed = (Job.of(row, system) for row in rows(found.get("output")))
        return Jobs.dated(listed, found, _their_time(headers) or self.session.clock.now())


def _merged(queued: Sequence[Job], accounted: Sequence[Job]) -> tuple[Job, ...]:
    """Accounting knows ends better, the queue everything else."""
    ended = {job.id: job for job in accounted if job.has_ended}
    known = {job.id: job for job in accounted} | {job.id: job for job in queued}
    return tuple({**known, **ended}.values())


def _all_ended(jobs: Sequence[Job]) -> bool:
    return all(job.has_ended for job in jobs)


def _how(job: Job) -> tuple[str, str]:
    return job.state, job.reason if job.is_waiting else ""


def _their_time(headers: Mapping[str, str]) -> datetime | None:
    """Of the facility, whatever the clock of this machine says."""
    from email.utils import parsedate_to_datetime

    try:
        found = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _weight(job: Job) -> tuple[bool, bool, bool]:
    return job.has_ended, job.is_waiting, job.succeeded


def _refusals(task: Task, job_ids: Sequence[str]) -> Mapping[str, str]:
    each = (task.result or {}).get("jobs")
    if isinstance(each, Mapping):
        return {name: str(found.get("error")) for name, found in each.items() if found.get("error")}
    return (
        {job_ids[0]: task.error}
        if task.error and len(job_ids) == 1
        else dict.fromkeys(job_ids, task.error)
        if task.error
        else {}
    )
