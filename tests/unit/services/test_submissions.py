"""Exactly one job of each submission, whatever the scheduler does meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, Doubtful, InvalidInput, Unavailable
from superfacility.facility.jobs import Intent, Job, JobId, JobScript, JobState
from superfacility.facility.people import ProjectName, User, UserName
from superfacility.facility.systems import Facility, Filesystem, FilesystemKind, System, SystemName
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.requests import ComputeService, SubmissionRules, WhenAway
from superfacility.services.compute.scripts import LONGEST
from superfacility.services.compute.submissions import Callback
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.registry import Registry
from superfacility.tasks.task import Task, TaskId, TaskStatus, WorkerId
from superfacility.tasks.worker import Worker
from superfacility.testing.clocks import FakeClock
from superfacility.testing.schedulers import FakeScheduler
from superfacility.testing.stores import Memory, MemoryLease, MemoryPeople, MemoryTaskQueue
from superfacility.testing.transports import MemoryTransport

SCRIPT = JobScript(text="#!/bin/sh\nexit 0\n")
ALICE = User(1001, UserName("alice"))
SECOND = timedelta(seconds=1)
M0001 = ProjectName("m0001")
PATH = "/project/m0001/job.sh"
TEXT = "#!/bin/sh\n#SBATCH --account=m0002\n"
PARTS = b"#!/bin/sh\n#SBATCH hetjob\n#SBATCH --account=m0002\n"


class Desk:
    """A scheduler with switches, and workers that die when a test wants it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.memory = Memory()
        self.lease = MemoryLease()
        self.queue = MemoryTaskQueue(self.memory, self.lease, self.clock)
        self.people = MemoryPeople(self.memory)
        self.scheduler = FakeScheduler(self.clock)
        self.transport = MemoryTransport(("/home", "/project"))
        projects = Filesystem("project", FilesystemKind.PROJECT, "/project/{project}")
        system = System(SystemName("pm"), "Perlmutter", self.transport, (projects,), self.scheduler)
        self.facility = Facility("Example", {"pm": system})
        self.collector = Collector(system, self.clock)
        self.workers: list[tuple[WorkerId, asyncio.Task[None]]] = []
        self.stop = asyncio.Event()

    def service(self, **rules: Any) -> ComputeService:
        collectors = {"pm": self.collector}
        return ComputeService(self.facility, self.queue, self.clock, collectors, self.people, SubmissionRules(**rules))

    def principal(self, project: ProjectName | None = None) -> Principal:
        level = SecurityLevel.RED
        expires = self.clock.now() + timedelta(minutes=10)
        return Principal(
            ALICE, ClientId("alicesprogram"), level, scopes_of(level), "127.0.0.1", expires, project=project
        )

    async def submit(self, service: ComputeService, key: IdempotencyKey | None = None) -> TaskId:
        return (await service.submit(self.principal(), "pm", SCRIPT, Callback(), key)).id

    async def submit_path(self, service: ComputeService, path: str = PATH, *arguments: str) -> TaskId:
        """By a client that is bound to m0001."""
        script = JobScript(path=path, arguments=arguments)
        return (await service.submit(self.principal(M0001), "pm", script, Callback())).id

    def work(self, service: ComputeService) -> WorkerId:
        worker = Worker(self.queue, Registry(service.handlers()), self.lease, self.clock, poll=0.005)
        self.workers.append((worker.id, asyncio.create_task(worker.run(self.stop))))
        return worker.id

    async def kill(self, worker: WorkerId) -> None:
        """As a process that is killed: its tasks stop where they are, and its lease is free."""
        found = next(task for name, task in self.workers if name == worker)
        self.workers = [each for each in self.workers if each[0] != worker]
        for each in asyncio.all_tasks() - {asyncio.current_task(), *(task for _, task in self.workers)}:
            each.cancel()
        await asyncio.gather(found, return_exceptions=True)
        self.lease.kill(worker)

    async def task(self, task_id: TaskId) -> Task:
        found = await self.queue.task(task_id)
        assert found is not None
        return found

    async def ended(self, task_id: TaskId, skip: timedelta = SECOND) -> Task:
        async with asyncio.timeout(30):
            while not (task := await self.task(task_id)).status.terminal:
                self.clock.advance(skip)
                await asyncio.sleep(0.001)
        return task

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - a state of the double, which tells nobody
                await asyncio.sleep(0.001)

    def jobs(self) -> list[Job]:
        return list(self.scheduler.jobs.values())

    async def cancel(self, task_id: TaskId) -> None:
        await self.queue.request_cancel(task_id, AuditEntry(self.clock.now(), "alice", "tasks.cancel", task_id))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    await desk.people.save_user(ALICE, AuditEntry(desk.clock.now(), "operator:test", "test", "alice"), new=True)
    yield desk
    desk.stop.set()
    async with asyncio.timeout(20):
        await asyncio.gather(*(task for _, task in desk.workers))


async def test_a_doubtful_submission_is_looked_for(desk: Desk) -> None:
    desk.scheduler.faults.doubtful = 1
    service = desk.service()
    desk.work(service)
    task = await desk.ended(await desk.submit(service))
    assert task.result == {"status": "ok", "jobid": "1", "error": None}
    assert (len(desk.jobs()), desk.scheduler.calls["submit"]) == (1, 1)


async def test_what_accounting_has_not_heard_of_yet_is_waited_for(desk: Desk) -> None:
    """The job had ended before anybody looked: only accounting knows it, and only after a while."""
    faults = desk.scheduler.faults
    faults.doubtful, faults.accounting_lag = 1, timedelta(seconds=20)
    service = desk.service()
    submit = desk.scheduler.submit

    async def submit_and_finish(user: User, script: JobScript, intent: Intent) -> JobId:
        try:
            return await submit(user, script, intent)
        finally:
            desk.scheduler.finish("1")

    desk.scheduler.submit = submit_and_finish  # type: ignore[method-assign]
    desk.work(service)
    task = await desk.ended(await desk.submit(service))
    assert (task.result or {})["jobid"] == "1"
    assert (len(desk.jobs()), desk.scheduler.calls["submit"]) == (1, 1)
    assert desk.scheduler.calls["find"] > 1


async def test_a_killed_worker_leaves_one_job(desk: Desk) -> None:
    service = desk.service()
    submit = desk.scheduler.submit

    async def submit_and_hang(user: User, script: JobScript, intent: Intent) -> JobId:
        await submit(user, script, intent)
        await asyncio.Event().wait()
        raise AssertionError

    desk.scheduler.submit = submit_and_hang  # type: ignore[method-assign]
    worker = desk.work(service)
    task_id = await desk.submit(service)
    await desk.until(desk.jobs)
    await desk.kill(worker)
    assert (await desk.task(task_id)).status is TaskStatus.NEW
    desk.scheduler.submit = submit  # type: ignore[method-assign]
    desk.work(service)
    task = await desk.ended(task_id)
    assert ((task.result or {})["jobid"], len(desk.jobs())) == ("1", 1)


async def test_a_submission_waits_for_a_scheduler_that_is_away_and_says_so(desk: Desk) -> None:
    desk.scheduler.faults.away = True
    service = desk.service()
    desk.work(service)
    began = desk.clock.now()
    task_id = await desk.submit(service)
    for _ in range(100):
        desk.clock.advance(timedelta(minutes=10))
        await asyncio.sleep(0.002)
    waiting = ((await desk.task(task_id)).result or {})["waiting"]
    assert "does not answer" in waiting["reason"]
    assert waiting["since"][:10] == began.isoformat()[:10]
    desk.scheduler.faults.away = False
    task = await desk.ended(task_id)
    assert task.result == {"status": "ok", "jobid": "1", "error": None}
    assert task.attempts > 10


async def test_it_looks_again_within_two_periods_however_long_it_waited(desk: Desk) -> None:
    service = desk.service()
    (handler,) = service.handlers()
    assert max(handler.delay(attempts) for attempts in (1, 5, 100, 100_000)) <= timedelta(seconds=10)


async def test_it_gives_up_after_the_site_s_time(desk: Desk) -> None:
    desk.scheduler.faults.away = True
    service = desk.service(give_up_after=timedelta(hours=2))
    desk.work(service)
    task = await desk.ended(await desk.submit(service), skip=timedelta(minutes=5))
    assert task.status is TaskStatus.FAILED
    assert (task.result or {})["error"].startswith("Gave up after 2 hours")
    assert "waiting" not in (task.result or {})
    assert not desk.jobs()


async def test_what_stays_unknown_says_that_a_job_may_exist(desk: Desk) -> None:
    service = desk.service(give_up_after=timedelta(hours=1))
    desk.scheduler.inject("submit", Doubtful("Socket timed out\n"))
    desk.scheduler.inject("find", Doubtful("Accounting does not answer."), times=10_000)
    desk.work(service)
    task = await desk.ended(await desk.submit(service), skip=timedelta(minutes=1))
    assert task.status is TaskStatus.FAILED
    error = (task.result or {})["error"]
    assert "A job may exist on pm: look for one of alice submitted after 2026-01-02T03:04:05Z" in error
    assert desk.scheduler.calls["submit"] == 1


async def test_a_submission_that_is_cancelled_in_doubt_takes_its_job_along(desk: Desk) -> None:
    service = desk.service()
    desk.scheduler.faults.doubtful = 1
    desk.scheduler.inject("find", Doubtful("not yet"), times=3)
    desk.work(service)
    task_id = await desk.submit(service)
    await desk.until(lambda: desk.scheduler.calls["find"] >= 1)
    await desk.cancel(task_id)
    task = await desk.ended(task_id)
    assert task.status is TaskStatus.CANCELLED
    assert (task.result or {})["jobid"] == "1"
    assert "job 1 had been submitted and was cancelled too" in (task.result or {})["error"]
    assert [job.state for job in desk.jobs()] == [JobState.CANCELLED]


async def test_a_submission_that_is_cancelled_while_it_waits_makes_no_job(desk: Desk) -> None:
    service = desk.service()
    desk.scheduler.faults.away = True
    desk.work(service)
    task_id = await desk.submit(service)
    await desk.until(lambda: desk.scheduler.calls["submit"] >= 1)
    await desk.cancel(task_id)
    desk.scheduler.faults.away = False
    task = await desk.ended(task_id)
    assert (task.status, (task.result or {})["error"]) == (TaskStatus.CANCELLED, "Cancelled.")
    assert not [job for job in desk.jobs() if not job.state.terminal]


async def test_a_refusal_is_the_result(desk: Desk) -> None:
    service = desk.service()
    desk.work(service)
    task = await service.submit(desk.principal(), "pm", JobScript(text="no"), Callback())
    ended = await desk.ended(task.id)
    assert ended.status is TaskStatus.COMPLETED
    assert (ended.result or {})["error"].startswith("sbatch: error: This does not look like a batch script.")
    assert not desk.jobs()


async def test_a_site_may_refuse_while_the_scheduler_is_known_to_be_away(desk: Desk) -> None:
    service = desk.service(when_away=WhenAway.REFUSE)
    key = IdempotencyKey("client", "POST", "/compute/jobs/pm", "k", "fingerprint")
    first = await desk.submit(service, key)
    desk.scheduler.faults.away = True
    with pytest.raises(Unavailable):
        await desk.collector.view()
    assert await desk.submit(service, key) == first
    with pytest.raises(Unavailable) as refusal:
        await desk.submit(service)
    assert refusal.value.retry_after > 0
    assert len(desk.memory.tasks) == 1
    await desk.submit(desk.service())
    assert len(desk.memory.tasks) == 2


async def test_accepting_asks_the_scheduler_nothing(desk: Desk) -> None:
    desk.scheduler.faults.slow = 3600
    async with asyncio.timeout(5):
        await desk.submit(desk.service())
    assert not desk.scheduler.calls


async def test_accepting_asks_a_system_that_is_silent_nothing(desk: Desk) -> None:
    """Whoever is not answered sends it again: that made two jobs."""
    desk.transport.add_file(PATH, TEXT.encode())
    desk.transport.faults.silent_until = answers = asyncio.Event()
    service = desk.service()
    async with asyncio.timeout(5):
        task_id = await desk.submit_path(service, PATH, "one two")
    desk.work(service)
    await desk.until(lambda: desk.memory.tasks[task_id].task.attempts == 1)
    assert not desk.jobs()
    answers.set()
    task = await desk.ended(task_id)
    assert task.result == {"status": "ok", "jobid": "1", "error": None}
    assert desk.scheduler.scripts[JobId("1")] == JobScript(TEXT, PATH, ("one two",), M0001)
    assert [(job.name, job.project) for job in desk.jobs()] == [("job.sh", M0001)]


async def test_a_script_waits_for_a_system_that_does_not_answer(desk: Desk) -> None:
    desk.transport.add_file(PATH, TEXT.encode())
    desk.transport.faults.unavailable = True
    service = desk.service()
    desk.work(service)
    task_id = await desk.submit_path(service)
    async with asyncio.timeout(30):
        while (task := await desk.task(task_id)).attempts < 3:
            desk.clock.advance(SECOND)
            await asyncio.sleep(0.001)
    assert "does not answer" in (task.result or {})["waiting"]["reason"]
    assert not desk.scheduler.calls["submit"]
    desk.transport.faults.unavailable = False
    assert ((await desk.ended(task_id)).result or {})["jobid"] == "1"
    assert [job.project for job in desk.jobs()] == [M0001]


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        (PATH, None, "'/project/m0001/job.sh': No such file or directory"),
        ("/project/m0002/job.sh", b"#!/bin/sh\n", "lies outside the folders of the project m0001"),
        (PATH, PARTS, "Each part of a heterogeneous job has an account of its own"),
        (PATH, b"#!/bin/sh\n" + b"#" * (2 * 1024 * 1024) + b"\n" + PARTS, "Each part of a heterogeneous job"),
        (PATH, b"#!/bin/sh\n" + b"#" * LONGEST, "'/project/m0001/job.sh' is too large"),
        (PATH, b"no", "This does not look like a batch script."),
    ],
)
async def test_what_a_bound_client_may_not_submit_is_told_as_the_result(
    desk: Desk, path: str, content: bytes | None, words: str
) -> None:
    desk.transport.add_folder("/project/m0001")
    if content is not None:
        desk.transport.add_file(path, content)
    service = desk.service()
    desk.work(service)
    task = await desk.ended(await desk.submit_path(service, path))
    assert task.status is TaskStatus.COMPLETED
    result = task.result or {}
    assert (result["status"], result["jobid"]) == ("error", None)
    assert words in result["error"]
    assert not desk.jobs()


@pytest.mark.parametrize(
    "script", [JobScript(path="job.sh"), JobScript(path="~/job.sh"), JobScript(text=PARTS.decode())]
)
async def test_what_can_be_seen_to_be_wrong_is_refused_at_once(desk: Desk, script: JobScript) -> None:
    with pytest.raises(InvalidInput):
        await desk.service().submit(desk.principal(M0001), "pm", script, Callback())
    assert not desk.memory.tasks


async def test_what_was_read_is_what_is_submitted(desk: Desk) -> None:
    """Bytes that are no text stay what they are, and nothing is put in the script's place after it was judged."""
    desk.transport.add_file(PATH, b"#!/bin/sh\necho \xff\n")
    submit = desk.scheduler.submit

    async def change_and_submit(user: User, script: JobScript, intent: Intent) -> JobId:
        desk.transport.add_file(PATH, PARTS)
        return await submit(user, script, intent)

    desk.scheduler.submit = change_and_submit  # type: ignore[method-assign]
    service = desk.service()
    desk.work(service)
    await desk.ended(await desk.submit_path(service))
    text = desk.scheduler.scripts[JobId("1")].text or ""
    assert text.encode("utf-8", "surrogateescape") == b"#!/bin/sh\necho \xff\n"


@pytest.mark.parametrize("meanwhile", [b"#!/bin/sh\n# another\n", PARTS, None])
async def test_a_script_that_changes_while_in_doubt_makes_no_second_job(desk: Desk, meanwhile: bytes | None) -> None:
    """The job of the first attempt is found, and the script is not read again."""
    desk.transport.add_file(PATH, TEXT.encode())
    desk.scheduler.faults.doubtful = 1
    desk.scheduler.inject("find", Doubtful("not yet"), times=3)
    service = desk.service()
    desk.work(service)
    task_id = await desk.submit_path(service)
    await desk.until(lambda: desk.scheduler.calls["find"] >= 1)
    if meanwhile is None:
        await desk.transport.remove(ALICE, PATH)
    else:
        desk.transport.add_file(PATH, meanwhile)
    task = await desk.ended(task_id)
    assert task.result == {"status": "ok", "jobid": "1", "error": None}
    assert (len(desk.jobs()), desk.scheduler.calls["submit"]) == (1, 1)
    assert desk.scheduler.scripts[JobId("1")].text == TEXT


async def test_a_script_by_path_of_any_other_client_is_the_schedulers_to_read(desk: Desk) -> None:
    desk.transport.faults.unavailable = True
    service = desk.service()
    desk.work(service)
    script = JobScript(path="job.sh", arguments=("a",))
    task = await desk.ended((await service.submit(desk.principal(), "pm", script, Callback())).id)
    assert (task.result or {})["status"] == "ok"
    assert desk.scheduler.scripts[JobId("1")] == script


async def test_callbacks_are_checked_before_and_expected_before_the_job(desk: Desk) -> None:
    heard: list[tuple[str, int]] = []

    async def expect(task: Task) -> None:
        heard.append((task.id, len(desk.jobs())))

    def check(callback: Callback) -> None:
        raise Conflict("no")

    with pytest.raises(Conflict):
        await desk.submit(desk.service(check=check))
    assert not desk.memory.tasks
    service = desk.service(expect=expect)
    desk.work(service)
    task_id = await desk.submit(service)
    await desk.ended(task_id)
    assert heard == [(task_id, 0)]


async def test_trouble_of_all_kinds_makes_one_job_of_each_submission(desk: Desk, soak: bool) -> None:
    """R2: accepted and then in doubt, away, killed, slow accounting, in any order."""
    service = desk.service()
    chance = random.Random(7)
    worker = desk.work(service)
    tasks = []
    for _ in range(1000 if soak else 60):
        faults = desk.scheduler.faults
        faults.accounting_lag = timedelta(seconds=chance.choice((0, 5)))
        faults.doubtful = chance.choice((0, 1))
        faults.away = chance.random() < 0.2
        tasks.append(await desk.submit(service))
        for _ in range(chance.randrange(4)):
            desk.clock.advance(SECOND)
            await asyncio.sleep(0.001)
        faults.away = False
        for job in desk.jobs():
            if not job.state.terminal and chance.random() < 0.5:
                desk.scheduler.finish(job.id)
        if chance.random() < 0.2:
            await desk.kill(worker)
            worker = desk.work(service)
    desk.scheduler.heal()
    ids = [((await desk.ended(each)).result or {}).get("jobid") for each in tasks]
    assert len(set(ids)) == len(tasks)
    assert set(ids) == {job.id for job in desk.jobs()}
