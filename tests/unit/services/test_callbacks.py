"""Callbacks from the submission to the receiver: what is owed, when it is sent, and that no kill loses any of it."""

import asyncio
import hashlib
import hmac
import itertools
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest

from superfacility.facility.audit import AuditEntry
from superfacility.facility.callbacks import Answer
from superfacility.facility.deliveries import CallbackStore, Delivery, DeliveryState, Step
from superfacility.facility.errors import InvalidInput, NotFound, NotPermitted, Refused, Unavailable
from superfacility.facility.events import EventKind, NewEvent
from superfacility.facility.jobs import Job, JobId, JobState
from superfacility.facility.people import User, UserName
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.services.compute.submissions import SUBMIT, Callback
from superfacility.services.events import endings as endings_module
from superfacility.services.events.callbacks import CallbackService
from superfacility.services.events.endings import Endings
from superfacility.services.events.mailing import Mailing, MailRules
from superfacility.services.events.secrets import SigningSecrets
from superfacility.services.events.sending import AT_ONCE, PER_OWNER, PER_PLACE, Courier, next_attempt
from superfacility.tasks.task import NewTask, Task, TaskStatus, WorkerId
from superfacility.testing.clocks import START, FakeClock
from superfacility.testing.stores import Memory, MemoryAllowances, MemoryEventLog, MemoryLease, MemoryTaskQueue
from superfacility.testing.stores.callbacks import MemoryCallbackStore

ALICE, BOB = UserName("alice"), UserName("bob")
URL = "https://example.org/hook"
DAY = timedelta(days=1)


@dataclass
class Post:
    """Both senders: `answers` are used up, the last one again and again; `hold` keeps some hosts waiting."""

    answers: list[Answer | Exception] = field(default_factory=lambda: [Answer(204)])
    sent: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    mails: list[tuple[str, str, str]] = field(default_factory=list)
    hold: Callable[[str], bool] = lambda url: False
    waiting: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)
    bad: frozenset[str] = frozenset({"ftp://example.org"})

    def check(self, url: str) -> None:
        if url in self.bad:
            raise InvalidInput("callbackUrl must begin with https://.")

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.sent.append((url, headers, body))
        if self.hold(url):
            self.waiting += 1
            await self.go.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def send(self, recipient: str, subject: str, text: str) -> None:
        self.mails.append((recipient, subject, text))
        if isinstance(self.answers[0], Exception):
            raise self.answers[0]

    async def aclose(self) -> None: ...

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [orjson.loads(body) for _, _, body in self.sent]


@dataclass
class ToldReadings:
    """What the collectors would say."""

    jobs_queued: set[str] = field(default_factory=set)
    rows: dict[str, str] = field(default_factory=dict)
    answers: bool = True
    remembered: timedelta = timedelta.max
    questions: int = 0

    async def queued(self, system: str, job_id: JobId) -> Sequence[Job]:
        self.questions += 1
        if not self.answers:
            raise Unavailable("nobody answers")
        return [Job(job_id, ALICE, JobState.PENDING, {})] if job_id in self.jobs_queued else []

    async def accounted(self, system: str, job_id: JobId, since: float) -> Sequence[Job]:
        if not self.answers:
            raise Unavailable("nobody answers")
        return [
            Job(
                JobId(row),
                ALICE,
                JobState(state),
                {},
                exit_code=1,
                ended_at=START if JobState(state).terminal else None,
            )
            for row, state in self.rows.items()
        ]

    async def remembers(self, system: str) -> timedelta:
        return self.remembered


class Office:
    """The whole of it over memory, with a scheduler's place played by the test."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        memory = Memory()
        self.audit = memory.audit
        self.queue = MemoryTaskQueue(memory, MemoryLease(), self.clock)
        self.events = MemoryEventLog(memory)
        self.store: CallbackStore = MemoryCallbackStore(memory)
        self.post = Post()
        self.readings = ToldReadings()
        self.worker = WorkerId("w")
        self.reopen()

    def reopen(self) -> None:
        """As a process that has just started: nothing is remembered but what the stores keep."""
        secrets = SigningSecrets(b"k" * 32, self.store, self.clock)
        self.endings = Endings(self.events, self.store, self.queue, self.clock, self.readings)
        mailing = Mailing(self.post, MemoryAllowances(Memory()), self.clock, MailRules(per_user=3, per_address=4))
        self.courier = Courier(self.store, self.post, mailing, secrets, self.clock)
        self.service = CallbackService(
            self.store, self.events, self.post, secrets, self.endings, self.courier, self.clock
        )

    async def accept(self, callback: Callback, owner: UserName = ALICE) -> Task:
        kept = {"url": callback.url, "email": callback.email, "timeout": callback.timeout}
        intent = {"system": "perlmutter", "intent": "x", "text": "#!", "callback": kept}
        new = NewTask(owner, SUBMIT, intent, self.clock.now(), "red")
        return await self.queue.accept(new, AuditEntry(self.clock.now(), owner, SUBMIT, "perlmutter"))

    async def finish(self, task: Task, job_id: str | None, error: str | None = None) -> None:
        await self.queue.claim(self.worker, [SUBMIT], 1000)
        result = {"status": "error" if error else "ok", "jobid": job_id, "error": error}
        status = TaskStatus.COMPLETED if job_id or error else TaskStatus.FAILED
        assert await self.queue.finish(self.worker, task.id, status, result)

    async def submit(self, job_id: str, owner: UserName = ALICE, **callback: Any) -> Task:
        task = await self.accept(Callback(**{"url": URL, **callback}), owner)
        await self.service.expect(task)
        await self.finish(task, job_id)
        return task

    async def happen(
        self, job_id: str, state: str | None = "COMPLETED", code: int | None = 0, *, user: UserName = ALICE
    ) -> None:
        kind = EventKind.JOB_LOST if state is None else EventKind.JOB
        data = {"jobid": job_id} if state is None else {"jobid": job_id, "state": state, "exit_code": code}
        await self.events.append([NewEvent(kind, self.clock.now(), job_id, "perlmutter", user, None, data)])

    async def follow(self) -> None:
        while await self.endings.turn():
            pass

    async def send(self) -> None:
        await self.courier.start_due()
        await self.courier.settled()

    async def deliver(self) -> list[dict[str, Any]]:
        """Everything that is due now; returns all that was ever sent."""
        await self.follow()
        await self.send()
        await self.send()
        return self.post.messages

    async def settle_arrays(self) -> list[dict[str, Any]]:
        """When it is time to ask again."""
        self.clock.advance(timedelta(seconds=4))
        return await self.deliver()

    async def kept(self, owner: UserName = ALICE) -> list[Delivery]:
        return list(reversed(await self.store.deliveries(owner)))

    def principal(self, name: UserName = ALICE, *, staff: bool = False) -> Principal:
        level = SecurityLevel.RED
        user = User(1, name, staff=staff)
        return Principal(user, ClientId("c"), level, scopes_of(level), "127.0.0.1", self.clock.now() + DAY)


@pytest.fixture
def office() -> Office:
    return Office()


async def test_the_end_of_a_job_is_told_once(office: Office) -> None:
    task = await office.submit("123")
    await office.happen("123", "PENDING", None)
    await office.happen("123", "RUNNING", None)
    assert await office.deliver() == []
    await office.happen("999", "FAILED", 1)
    await office.happen("123", "FAILED", 3)
    await office.happen("123", "FAILED", 3)
    (message,) = await office.deliver()
    assert message["type"] == "job.ended"
    assert message["timestamp"] == "2026-01-02T03:04:05.678Z"
    assert message["data"] == {
        "machine": "perlmutter",
        "jobid": "123",
        "task_id": task.id,
        "state": "FAILED",
        "exit_code": 3,
        "outcome": "ended",
    }
    (kept,) = await office.kept()
    assert (kept.state, kept.status, kept.attempts) == (DeliveryState.DELIVERED, 204, 1)


async def test_without_a_callback_nothing_is_watched(office: Office) -> None:
    for callback in (Callback(), Callback(timeout=5), Callback(url="", email="")):
        task = await office.accept(callback)
        await office.service.expect(task)
    assert await office.store.unbound() == []


async def test_a_job_that_ends_before_its_submission_is_recorded_is_told(office: Office) -> None:
    """The log was read beyond the end while nobody knew yet whose job it was."""
    await office.happen("123", "COMPLETED")  # another job of that number, long ago
    task = await office.accept(Callback(url=URL))
    await office.service.expect(task)
    for number in range(5):
        await office.happen(f"5{number}", "RUNNING")
    await office.happen("123", "TIMEOUT", 1)
    assert await office.deliver() == []
    assert await office.store.cursor() == 7
    await office.finish(task, "123")
    (message,) = await office.deliver()
    assert message["data"]["state"] == "TIMEOUT"


async def test_the_number_of_a_job_on_another_system_is_another_job(office: Office) -> None:
    await office.submit("123")
    data = {"jobid": "123", "state": "FAILED", "exit_code": 1}
    await office.events.append([NewEvent(EventKind.JOB, office.clock.now(), "123", "other", ALICE, None, data)])
    assert await office.deliver() == []


async def test_of_anothers_job_nothing_is_told_whatever_the_submission_answered(office: Office) -> None:
    """The answer of sbatch comes from the caller's own account, which can say any number."""
    await office.submit("123", owner=BOB, timeout=60)
    await office.happen("123", "FAILED", 3)
    office.readings.jobs_queued, office.readings.rows = {"123"}, {"123": "FAILED"}
    assert await office.deliver() == []
    office.readings.jobs_queued = set()
    assert await office.settle_arrays() == []
    office.readings.jobs_queued = {"123"}
    office.clock.advance(timedelta(seconds=60))
    (message,) = await office.deliver()
    assert message["data"]["state"] is None


async def test_a_job_that_nobody_saw_end_is_told_as_lost(office: Office) -> None:
    await office.submit("123")
    await office.happen("123", None)
    (message,) = await office.deliver()
    assert message["type"] == "job.lost"
    assert (message["data"]["state"], message["data"]["outcome"]) == (None, "ended_unknown")


async def test_a_refused_submission_is_told(office: Office) -> None:
    task = await office.accept(Callback(url=URL, email="a@example.org"))
    await office.service.expect(task)
    assert await office.deliver() == []
    await office.finish(task, None, "sbatch: error: invalid partition\n" + "x" * 9000)
    (message,) = await office.deliver()
    assert message["type"] == "job.refused"
    assert (message["data"]["jobid"], message["data"]["outcome"]) == (None, "no_job")
    assert message["data"]["error"].startswith("sbatch: error: invalid partition\n")
    assert len(message["data"]["error"]) == 2000
    ((recipient, subject, text),) = office.post.mails
    assert recipient == "a@example.org"
    assert subject == "Your submission to perlmutter failed: sbatch: error: invalid partition"
    assert "task_id: 1" in text


async def test_of_a_submission_that_was_given_up_nobody_says_that_there_is_no_job(office: Office) -> None:
    task = await office.accept(Callback(url=URL))
    await office.service.expect(task)
    await office.finish(task, None)
    (message,) = await office.deliver()
    assert (message["type"], message["data"]["outcome"]) == ("job.refused", "unknown")
    assert message["data"]["error"] == "the submission was given up."


async def test_an_array_has_ended_when_nothing_of_it_is_left(office: Office) -> None:
    await office.submit("123")
    office.readings.jobs_queued = {"123"}
    await office.happen("123_[1-3]", "PENDING", None)
    await office.happen("123_1", "RUNNING", None)
    await office.happen("123_1", "COMPLETED")
    assert await office.deliver() == []  # 2 and 3 still wait
    await office.happen("123_2", "RUNNING", None)
    await office.happen("123_2", "FAILED", 4)
    await office.happen("123_3", "RUNNING", None)
    office.readings.jobs_queued = set()
    assert await office.deliver() == []
    await office.happen("123_3", "TIMEOUT", 1)
    (message,) = await office.settle_arrays()
    assert message["data"]["state"] == "FAILED"
    assert message["data"]["exit_code"] == 4
    assert message["data"]["elements"] == {"COMPLETED": 1, "FAILED": 1, "TIMEOUT": 1}


@pytest.mark.parametrize("silent", [False, True])
async def test_an_array_is_asked_for_again_while_the_queue_is_behind(office: Office, silent: bool) -> None:
    await office.submit("123")
    office.readings.jobs_queued, office.readings.answers = {"123"}, not silent
    await office.happen("123_1", "COMPLETED")
    for _ in range(200):
        assert await office.settle_arrays() == []
    assert 10 <= office.readings.questions <= 20
    office.reopen()
    office.readings.jobs_queued, office.readings.answers = set(), True
    assert len(await office.deliver()) == 1


async def test_of_elements_that_came_and_went_unseen_the_accounting_tells(office: Office) -> None:
    """One event stands for all of them, with the state of the last."""
    await office.submit("123")
    await office.happen("123_1", "COMPLETED")
    await office.happen("123_[2-4]", "COMPLETED")
    office.readings.rows = {"123_1": "COMPLETED", "123_2": "COMPLETED", "123_3": "FAILED", "123_4": "RUNNING"}
    assert await office.deliver() == []
    office.readings.rows["123_4"] = "COMPLETED"
    (message,) = await office.settle_arrays()
    assert message["data"]["state"] == "FAILED"
    assert message["data"]["elements"] == {"COMPLETED": 3, "FAILED": 1}


async def test_rows_that_come_late_are_waited_for_where_they_may_be_all_that_is_known(office: Office) -> None:
    await office.submit("123")
    office.clock.advance(timedelta(minutes=5))
    office.readings.remembered = timedelta(minutes=5)
    office.readings.rows = {"123_1": "COMPLETED"}
    await office.happen("123_1", "COMPLETED")
    assert await office.deliver() == []
    for number in range(2, 5):
        for _ in range(5):
            assert await office.settle_arrays() == []
        office.readings.rows[f"123_{number}"] = "COMPLETED"
    assert [await office.settle_arrays() for _ in range(7)] == [[]] * 7
    office.clock.advance(timedelta(minutes=1))
    (message,) = await office.deliver()
    assert message["data"]["elements"] == {"COMPLETED": 4}


async def test_a_row_that_accounting_never_closes_is_lost_in_the_end(office: Office) -> None:
    await office.submit("123")
    await office.happen("123_1", "COMPLETED")
    await office.happen("123_[2-3]", "COMPLETED")
    office.readings.rows = {"123_1": "RUNNING", "123_2": "COMPLETED", "123_3": "RUNNING"}
    assert await office.deliver() == []
    office.clock.advance(timedelta(minutes=9))
    assert await office.deliver() == []
    office.clock.advance(timedelta(minutes=1))
    (message,) = await office.deliver()
    assert message["type"] == "job.lost"
    assert message["data"]["elements"] == {"COMPLETED": 2, "ended_unknown": 1}


async def test_rows_are_waited_for_from_when_the_queue_has_nothing_of_it(office: Office) -> None:
    await office.submit("123")
    await office.happen("123_1", "COMPLETED")
    office.readings.jobs_queued = {"123"}
    assert await office.deliver() == []
    office.clock.advance(timedelta(hours=3))
    assert await office.deliver() == []
    office.readings.jobs_queued, office.readings.rows = set(), {"123_1": "COMPLETED", "123_2": "RUNNING"}
    for _ in range(3):
        office.clock.advance(timedelta(minutes=1))
        assert await office.deliver() == []
    office.readings.rows["123_2"] = "COMPLETED"
    office.clock.advance(timedelta(minutes=1))
    (message,) = await office.deliver()
    assert message["data"]["elements"] == {"COMPLETED": 2}


async def test_an_array_of_which_nothing_is_known_is_lost(office: Office) -> None:
    await office.submit("123")
    await office.happen("123_[1-3]", "PENDING", None)
    await office.happen("123_[1-3]", None)
    (message,) = await office.deliver()
    assert message["type"] == "job.lost"


async def test_a_heterogeneous_job_has_ended_with_its_last_component(office: Office) -> None:
    await office.submit("123")
    office.readings.jobs_queued = {"123"}
    await office.happen("123+0", "COMPLETED")
    assert await office.deliver() == []
    office.readings.jobs_queued = set()
    await office.happen("123+1", "COMPLETED")
    (message,) = await office.settle_arrays()
    assert message["data"]["elements"] == {"COMPLETED": 2}


async def test_an_event_that_cannot_be_read_stops_nobody(office: Office) -> None:
    await office.submit("123")
    for data in ({}, {"state": "DANCING"}, {"state": None}):
        await office.events.append(
            [NewEvent(EventKind.JOB, office.clock.now(), "123", "perlmutter", ALICE, None, data)]
        )
    await office.happen("123", "FAILED", "3:0")  # type: ignore[arg-type]
    (message,) = await office.deliver()
    assert (message["data"]["state"], message["data"]["exit_code"]) == ("FAILED", None)


async def test_very_many_submissions_under_way_hide_none(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings_module, "SUBMISSIONS", 3)
    for _ in range(10):
        await office.service.expect(await office.accept(Callback(url=URL)))
    tasks = list(reversed(await office.queue.tasks(ALICE)))
    await office.queue.claim(office.worker, [SUBMIT], 1000)
    for number in (0, 4, 9):
        done = {"status": "ok", "jobid": f"5{number}", "error": None}
        await office.queue.finish(office.worker, tasks[number].id, TaskStatus.COMPLETED, done)
    for _ in range(20):
        await office.endings.turn()
    assert len(await office.store.unbound()) == 7


async def test_an_array_that_was_cancelled_as_it_waited(office: Office) -> None:
    await office.submit("123")
    await office.happen("123_[1-3]", "CANCELLED", 0)
    (message,) = await office.deliver()
    assert message["data"]["state"] == "CANCELLED"


async def test_a_timeout_comes_first_and_the_end_after_it(office: Office) -> None:
    await office.submit("123", timeout=60)
    await office.happen("123", "RUNNING", None)
    office.clock.advance(timedelta(seconds=59))
    assert await office.deliver() == []
    office.clock.advance(timedelta(seconds=1))
    (message,) = await office.deliver()
    assert (message["type"], message["data"]["state"]) == ("job.timeout", "RUNNING")
    office.clock.advance(DAY)
    await office.happen("123")
    assert [each["type"] for each in await office.deliver()] == ["job.timeout", "job.ended"]


async def test_the_queue_tells_the_state_of_a_job_that_no_event_has_told_of(office: Office) -> None:
    for number, answers in (("1", True), ("2", False), ("3", True)):
        await office.submit(number, timeout=1)
        office.readings.jobs_queued = {"1", "2"}
        office.clock.advance(timedelta(seconds=1))
        office.readings.answers = answers
        await office.deliver()
    states = [(each["data"]["jobid"], each["data"]["state"]) for each in office.post.messages]
    assert states == [("1", "PENDING"), ("2", None), ("3", None)]


async def test_a_job_that_has_ended_does_not_time_out(office: Office) -> None:
    await office.submit("123", timeout=60)
    await office.happen("123")
    office.clock.advance(timedelta(seconds=61))
    assert [each["type"] for each in await office.deliver()] == ["job.ended"]


async def test_of_one_job_nothing_overtakes(office: Office) -> None:
    await office.submit("123", timeout=60)
    office.clock.advance(timedelta(seconds=60))
    office.post.answers = [Answer(500), Answer(200)]
    await office.deliver()
    await office.happen("123")
    await office.deliver()
    assert [each["type"] for each in office.post.messages] == ["job.timeout"]
    office.clock.advance(timedelta(seconds=10))
    await office.deliver()
    assert [each["type"] for each in office.post.messages] == ["job.timeout", "job.timeout", "job.ended"]


async def test_it_is_signed_as_the_standard_says(office: Office) -> None:
    await office.submit("123")
    await office.happen("123")
    await office.deliver()
    ((_, headers, body),) = office.post.sent
    secret = await office.service.secret(office.principal())
    assert secret.startswith("whsec_")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(b64decode(secret[6:]), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + b64encode(digest).decode()
    assert headers["webhook-id"].startswith("msg_")
    assert int(headers["webhook-timestamp"]) == int(office.clock.now().timestamp())


async def test_a_published_signature_comes_out() -> None:
    """The example of the Standard Webhooks specification's libraries."""
    from superfacility.services.events.signatures import sign

    body = b'{"test": 2432232314}'
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body, secret) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


async def test_a_new_secret_signs_beside_the_old_one_for_a_day(office: Office) -> None:
    old = await office.service.secret(office.principal())
    assert await office.service.secret(office.principal()) == old
    assert await office.service.secret(office.principal(BOB)) != old
    new = await office.service.rotate_secret(office.principal())
    assert await office.service.secret(office.principal()) == new != old
    assert office.audit[-1].action == "callbacks.rotate"
    assert await office.service.rotate_secret(office.principal()) == new  # a program that sent it twice
    assert new not in repr(office.audit)
    await office.submit("1")
    await office.happen("1")
    await office.deliver()
    office.clock.advance(DAY)
    await office.submit("2")
    await office.happen("2")
    await office.deliver()
    assert [len(headers["webhook-signature"].split()) for _, headers, _ in office.post.sent] == [2, 1]


async def test_failures_are_tried_again_for_a_day_and_then_never(office: Office) -> None:
    await office.submit("123")
    await office.happen("123")
    office.post.answers = [Unavailable("nobody there"), Answer(500), Answer(302), Answer(404)]
    start, times = office.clock.now(), []
    await office.follow()
    while (kept := (await office.kept())[0]).state is DeliveryState.PENDING:
        office.clock.advance(max(kept.due_at - office.clock.now(), timedelta()))
        times.append(office.clock.now() - start)
        await office.send()
    assert kept.state is DeliveryState.DEAD
    assert kept.error is not None
    assert kept.error.startswith("Gave up: The receiver answered 404")
    assert times[0] == timedelta()
    assert times[-1] == DAY
    assert 15 <= len(times) == kept.attempts <= 40
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps[0] <= timedelta(seconds=5)
    assert max(gaps) <= timedelta(hours=2)
    assert len({headers["webhook-id"] for _, headers, _ in office.post.sent}) == 1
    assert len({headers["webhook-timestamp"] for _, headers, _ in office.post.sent}) == len(times)


def test_back_off_grows_with_jitter_and_waits_as_told() -> None:
    now = FakeClock().now()
    for attempts in range(1, 60):
        delays = {next_attempt(attempts, now, None) - now for _ in range(20)}
        longest = min(timedelta(seconds=5) * 2 ** min(attempts - 1, 30), timedelta(hours=2))
        assert longest / 2 <= min(delays) < max(delays) <= longest
    assert next_attempt(1, now, 3600.0) == now + timedelta(hours=1)
    assert next_attempt(1, now, 1e9) == now + DAY


async def test_one_who_is_gone_is_left_alone(office: Office) -> None:
    await office.submit("123")
    await office.happen("123")
    office.post.answers = [Answer(410)]
    await office.deliver()
    (kept,) = await office.kept()
    assert (kept.state, kept.status) == (DeliveryState.DEAD, 410)


@pytest.mark.parametrize("problem", [NotPermitted("closed"), InvalidInput("bad"), Refused("550 no")])
async def test_what_can_never_succeed_is_dead_at_once(office: Office, problem: Exception) -> None:
    await office.submit("123", email="a@example.org")
    await office.happen("123")
    office.post.answers = [problem]
    await office.deliver()
    kept = await office.kept()
    assert [(each.state, each.error) for each in kept] == [(DeliveryState.DEAD, str(problem))] * 2


async def ended_mail(office: Office, job_id: str, owner: UserName = ALICE, address: str = "a@example.org") -> None:
    await office.submit(job_id, owner, url=None, email=address)
    await office.happen(job_id, user=owner)
    await office.deliver()


async def test_few_mails_of_one_user_and_to_one_address_leave_in_a_day(office: Office) -> None:
    for number in range(4):
        await ended_mail(office, str(number))
    (dropped,) = [each for each in await office.kept() if each.state is DeliveryState.DEAD]
    assert "3 mails of yours have left today" in (dropped.error or "")
    await ended_mail(office, "5", BOB, "A@example.org")
    assert len(office.post.mails) == 4
    await ended_mail(office, "6", BOB)
    assert "4 mails to this address have left today" in ((await office.kept(BOB))[-1].error or "")
    await ended_mail(office, "7", BOB, "b@example.org")
    assert len(office.post.mails) == 5


async def test_what_was_dropped_is_mailed_on_another_day(office: Office) -> None:
    for number in range(4):
        await ended_mail(office, str(number))
    (dropped,) = [each for each in await office.kept() if each.state is DeliveryState.DEAD]
    office.clock.advance(DAY)
    await office.service.redeliver(office.principal(), str(dropped.id))
    await office.send()
    assert {each.state for each in await office.kept()} == {DeliveryState.DELIVERED}


async def test_mails_that_the_server_does_not_take_are_not_counted(office: Office) -> None:
    office.post.answers = [Unavailable("full")]
    await ended_mail(office, "1")
    for _ in range(4):
        office.clock.advance(timedelta(hours=2))
        await office.send()
    assert len(office.post.mails) == 5
    office.post.answers = [Answer(200)]
    office.clock.advance(timedelta(hours=2))
    await office.send()
    assert {each.state for each in await office.kept()} == {DeliveryState.DELIVERED}


async def test_a_defect_is_tried_again_and_tells_nothing_secret(office: Office) -> None:
    await office.submit("123")
    await office.happen("123")
    office.post.answers = [ValueError("inner words"), Answer(200)]
    await office.deliver()
    (kept,) = await office.kept()
    assert kept.state is DeliveryState.PENDING
    assert kept.error is not None
    assert "inner words" not in kept.error


async def test_dead_ones_are_kept_and_sent_again_on_demand(office: Office) -> None:
    await office.submit("123")
    await office.happen("123")
    office.post.answers = [Answer(410), Answer(500), Answer(204)]
    await office.deliver()
    (dead,) = await office.kept()
    with pytest.raises(NotFound):
        await office.service.redeliver(office.principal(BOB), str(dead.id))
    office.clock.advance(30 * DAY)
    again = await office.service.redeliver(office.principal(), str(dead.id))
    assert (again.state, again.attempts) == (DeliveryState.PENDING, 0)
    assert office.audit[-1].action == "callbacks.redeliver"
    await office.send()
    office.clock.advance(timedelta(seconds=5))
    await office.send()
    (kept,) = await office.kept()
    assert (kept.state, kept.attempts) == (DeliveryState.DELIVERED, 2)
    assert len({headers["webhook-id"] for _, headers, _ in office.post.sent}) == 1
    await office.service.redeliver(office.principal(BOB, staff=True), str(dead.id))


async def test_each_sees_their_own_and_staff_everybodys(office: Office) -> None:
    await office.submit("1")
    await office.happen("1")
    await office.deliver()
    (mine,) = await office.service.deliveries(office.principal())
    assert await office.service.deliveries(office.principal(BOB)) == []
    with pytest.raises(NotPermitted):
        await office.service.deliveries(office.principal(BOB), user="alice")
    assert await office.service.deliveries(office.principal(BOB, staff=True), user="alice") == [mine]
    for number in ("0", "99999999999", "x", "-1", "1.0", "٣"):
        with pytest.raises(NotFound):
            await office.service.delivery(office.principal(), number)


async def test_too_many_that_wait_are_kept_as_dead(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings_module, "MOST_PENDING", 3)
    for number in range(5):
        await office.submit(str(number))
        await office.happen(str(number))
    await office.submit("9", BOB)
    await office.happen("9", user=BOB)
    await office.follow()
    states = [each.state for each in await office.kept()]
    assert states == [DeliveryState.PENDING] * 3 + [DeliveryState.DEAD] * 2
    assert [each.state for each in await office.kept(BOB)] == [DeliveryState.PENDING]
    await office.deliver()
    dead = (await office.kept())[-1]
    assert "are waiting already" in str(dead.error)
    await office.service.redeliver(office.principal(), str(dead.id))
    await office.send()
    assert (await office.kept())[-1].state is DeliveryState.DELIVERED


async def test_a_slow_receiver_holds_up_nobody_else(office: Office) -> None:
    for number in range(40):
        await office.submit(str(number), url="https://slow.example.org/")
        await office.happen(str(number))
    for number in range(40, 44):
        await office.submit(str(number), BOB, url=f"https://h{number}.example.org/")
        await office.happen(str(number), user=BOB)
    await office.submit("50", url="https://quick.example.org/")
    await office.happen("50")
    office.post.hold = lambda url: "slow" in url
    await office.follow()
    async with asyncio.timeout(20):
        for _ in range(10):
            await office.courier.start_due()
            await asyncio.sleep(0)
        while sum(each.state is DeliveryState.DELIVERED for each in await office.kept(BOB)) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert office.post.waiting == PER_PLACE
    assert (await office.kept())[-1].state is DeliveryState.DELIVERED
    office.post.go.set()
    await office.courier.settled()


async def test_one_person_holds_few_places(office: Office) -> None:
    for number in range(2 * AT_ONCE):
        await office.submit(str(number), url=f"https://h{number}.example.org/")
        await office.happen(str(number))
    office.post.hold = lambda url: True
    await office.follow()
    for _ in range(10):
        await office.courier.start_due()
        await asyncio.sleep(0)
    assert office.post.waiting == PER_OWNER
    office.post.go.set()
    await office.courier.settled()


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        (Callback(url="ftp://example.org"), "must begin with https"),
        (Callback(url="https://example.org/" + "x" * 2000), "longer than"),
        (Callback(email="Ada <ada@example.org>"), "one plain address"),
        (Callback(email="a@example.org,b@example.org"), "one plain address"),
        (Callback(email="a@example.org\nBcc: b@example.org"), "one plain address"),
        (Callback(email='"a b"@example.org'), "one plain address"),
        (Callback(email="a@[127.0.0.1]"), "one plain address"),
        (Callback(email=f"{'a' * 65}@example.org"), "one plain address"),
        (Callback(timeout=-1), "callbackTimeout"),
        (Callback(timeout=10**9), "callbackTimeout"),
    ],
)
def test_what_can_never_be_delivered_is_refused_at_once(office: Office, callback: Callback, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        office.service.check(callback)


def test_ordinary_callbacks_pass(office: Office) -> None:
    for callback in (Callback(), Callback("", "", 0), Callback(URL, "ada.l+x@mail.example.org", 86_400)):
        office.service.check(callback)


class Killed(BaseException):
    """The process dies here."""


class MortalStore:
    """Passes calls on, and dies before or after the one whose number has come."""

    def __init__(self, store: CallbackStore, at: int, *, after: bool) -> None:
        self._store = store
        self._left = at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            result = await real(*arguments, **options)
            if self._left == 0:
                raise Killed
            return result

        return call


async def _live_through(office: Office) -> None:
    """The whole story, each part of which can be told again."""
    if not office.queue._memory.tasks:
        await office.accept(Callback(url=URL, email="a@example.org", timeout=3600))
    task = (await office.queue.tasks(ALICE))[0]
    if not task.status.terminal:
        await office.service.expect(task)
        await office.happen("123_1", "RUNNING", None)
        await office.finish(task, "123")
    if not any(event.what.data.get("state") == "COMPLETED" for event in await office.events.after(0)):
        await office.happen("123_1", "COMPLETED")
    await office.follow()
    await _send_in_the_open(office)


async def _send_in_the_open(office: Office) -> None:
    """As the courier does, but a death shows."""
    for _ in range(2):
        for delivery in await office.store.due(office.clock.now(), 10, per_place=2, per_owner=8):
            await office.store.settle(delivery.id, await office.courier._attempt(delivery))


@pytest.mark.parametrize("after", [False, True])
async def test_a_kill_between_any_two_steps_neither_loses_nor_invents(after: bool) -> None:
    for at in itertools.count(1):
        office = Office()
        store = office.store
        office.store = MortalStore(store, at, after=after)  # type: ignore[assignment]
        office.reopen()
        died = False
        try:
            await _live_through(office)
        except Killed:
            died = True
        office.store = store
        office.reopen()
        await _live_through(office)
        kept = await office.kept()
        assert [each.state for each in kept] == [DeliveryState.DELIVERED] * 2, at
        assert {each["type"] for each in office.post.messages} == {"job.ended"}
        assert len({headers["webhook-id"] for _, headers, _ in office.post.sent}) == 1
        assert 1 <= len(office.post.sent) <= 2
        if not died:
            assert at > 12
            break


async def test_a_step_is_committed_as_one(office: Office) -> None:
    """The place in the log never moves without what is owed for it."""
    await office.submit("123")
    await office.happen("123")
    steps: list[Step] = []
    commit = office.store.commit

    async def watched(step: Step) -> None:
        steps.append(step)
        await commit(step)

    office.store.commit = watched  # type: ignore[method-assign]
    await office.follow()
    assert [(step.cursor, len(step.deliveries)) for step in steps] == [(1, 1)]


async def test_the_loops_run_until_they_are_stopped(office: Office) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(office.service.run(stop))
    await office.submit("123")
    await office.happen("123")
    async with asyncio.timeout(20):
        while not office.post.sent:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        stop.set()
        await running
    (kept,) = await office.kept()
    assert kept.state in {DeliveryState.DELIVERED, DeliveryState.PENDING}
