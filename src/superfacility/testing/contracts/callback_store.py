"""The suite of `CallbackStore`. Fixture to supply: `callbacks`."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from superfacility.facility.audit import AuditEntry
from superfacility.facility.deliveries import (
    CallbackStore,
    Channel,
    Delivery,
    DeliveryState,
    Element,
    NewDelivery,
    Settlement,
    SigningSalt,
    Step,
    Watch,
)
from superfacility.facility.errors import NotFound
from superfacility.facility.jobs import JobId, JobState
from superfacility.facility.people import UserName

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE, BOB = UserName("alice"), UserName("bob")
WATCH = Watch("7", ALICE, "perlmutter", NOW, 40, "https://example.org/hook", "a@example.org", NOW + timedelta(hours=1))
DELIVERY = NewDelivery(
    "7", ALICE, "perlmutter", JobId("123"), Channel.WEBHOOK, "https://example.org/hook", "example.org", "job.ended",
    '{"type":"job.ended"}', "msg_1", NOW, NOW + timedelta(hours=24),
)  # fmt: skip
AUDIT = AuditEntry(NOW, ALICE, "callbacks.redeliver", "1")
DAY = timedelta(days=1)


def delivery(number: int, **changes: Any) -> NewDelivery:
    return replace(DELIVERY, **{"task_id": str(number), "message_id": f"msg_{number}", **changes})


async def due(callbacks: CallbackStore, at: datetime = NOW, **options: int) -> list[Delivery]:
    bounds = {"limit": 100, "per_place": 100, "per_owner": 100, **options}
    return list(await callbacks.due(at, bounds.pop("limit"), **bounds))


async def due_tasks(callbacks: CallbackStore, at: datetime = NOW, **options: int) -> list[str]:
    return [each.what.task_id for each in await due(callbacks, at, **options)]


class CallbackStoreContract:
    """Subclass it with the fixture named above."""

    async def test_a_submission_is_watched_once(self, callbacks: CallbackStore) -> None:
        await callbacks.watch(WATCH)
        await callbacks.watch(replace(WATCH, since=99))
        await callbacks.watch(replace(WATCH, task_id="8", email=None, deadline=None))
        assert await callbacks.unbound() == [WATCH, replace(WATCH, task_id="8", email=None, deadline=None)]

    async def test_a_watch_is_bound_to_its_job(self, callbacks: CallbackStore) -> None:
        await callbacks.watch(WATCH)
        assert await callbacks.watching([("perlmutter", "123")]) == []
        await callbacks.commit(Step(41, bound={"7": JobId("123")}))
        bound = replace(WATCH, job_id=JobId("123"))
        assert await callbacks.unbound() == []
        assert await callbacks.watching([("perlmutter", "123"), ("dtns", "9")]) == [bound]
        assert await callbacks.watching([("dtns", "123"), ("perlmutter", "1")]) == []
        assert await callbacks.watching([]) == []

    async def test_a_step_is_kept_whole(self, callbacks: CallbackStore) -> None:
        assert await callbacks.cursor() == 0
        await callbacks.watch(WATCH)
        running, over = Element("7", "123_1", JobState.RUNNING), Element("7", "123_2", JobState.FAILED, 3)
        lost = Element("7", "123_3", None)
        await callbacks.commit(Step(50, {"7": JobId("123")}, [running, over], settling=["7"]))
        await callbacks.commit(Step(60, elements=[replace(running, state=JobState.COMPLETED, exit_code=0), lost]))
        assert await callbacks.cursor() == 60
        found = sorted(await callbacks.elements(["7", "8"]), key=lambda each: each.job_id)
        assert found == [replace(running, state=JobState.COMPLETED, exit_code=0), over, lost]
        assert [watch.task_id for watch in await callbacks.settling()] == ["7"]

    async def test_what_has_ended_is_watched_no_more(self, callbacks: CallbackStore) -> None:
        await callbacks.watch(WATCH)
        await callbacks.commit(Step(50, {"7": JobId("123")}, [Element("7", "123", JobState.FAILED)], settling=["7"]))
        await callbacks.commit(Step(51, ended=["7"], deliveries=[DELIVERY]))
        await callbacks.watch(WATCH)
        assert await callbacks.unbound() == []
        assert await callbacks.settling() == []
        assert await callbacks.overdue(NOW + DAY) == []
        assert await callbacks.watching([("perlmutter", "123")]) == []
        assert await callbacks.elements(["7"]) == []

    async def test_a_deadline_comes_once(self, callbacks: CallbackStore) -> None:
        await callbacks.watch(WATCH)
        assert await callbacks.overdue(NOW) == []
        assert await callbacks.overdue(NOW + timedelta(hours=1)) == [WATCH]
        await callbacks.commit(Step(1, timed_out=["7"]))
        assert await callbacks.overdue(NOW + DAY) == []
        assert len(await callbacks.unbound()) == 1

    async def test_a_delivery_is_owed_once(self, callbacks: CallbackStore) -> None:
        mail = replace(DELIVERY, channel=Channel.EMAIL, target="a@example.org", place="mail", message_id="msg_2")
        await callbacks.commit(Step(1, deliveries=[DELIVERY, mail]))
        await callbacks.commit(Step(2, deliveries=[replace(DELIVERY, message_id="msg_3"), mail]))
        assert [each.what for each in await due(callbacks)] == [DELIVERY, mail]
        assert await callbacks.pending(ALICE) == 2
        assert await callbacks.pending(BOB) == 0

    async def test_what_is_too_much_is_dead_from_the_start(self, callbacks: CallbackStore) -> None:
        await callbacks.commit(Step(1, deliveries=[replace(DELIVERY, dead_because="too many")]))
        assert await due(callbacks) == []
        (found,) = await callbacks.deliveries(ALICE)
        assert (found.state, found.error) == (DeliveryState.DEAD, "too many")

    async def test_deliveries_come_due_longest_first(self, callbacks: CallbackStore) -> None:
        await callbacks.commit(Step(1, deliveries=[delivery(number) for number in range(3)]))
        first = (await due(callbacks))[0]
        later = NOW + timedelta(minutes=5)
        await callbacks.settle(first.id, Settlement(DeliveryState.PENDING, NOW, later, 503, "busy"))
        assert await due_tasks(callbacks) == ["1", "2"]
        assert await due_tasks(callbacks, later) == ["1", "2", "0"]
        assert await due_tasks(callbacks, later, limit=2) == ["1", "2"]
        kept = await callbacks.delivery(first.id)
        assert kept is not None
        assert (kept.attempts, kept.due_at, kept.status, kept.error) == (1, later, 503, "busy")

    async def test_a_place_or_person_gets_no_more_than_its_share(self, callbacks: CallbackStore) -> None:
        slow = [delivery(number, place="slow.example.org") for number in range(5)]
        others = [delivery(number, place=f"h{number}.example.org") for number in range(5, 9)]
        bobs = [delivery(number, owner=BOB, place="slow.example.org") for number in range(9, 11)]
        await callbacks.commit(Step(1, deliveries=[*slow, *others, *bobs]))
        assert await due_tasks(callbacks, per_place=2) == ["0", "1", "5", "6", "7", "8"]
        assert await due_tasks(callbacks, per_place=2, per_owner=3) == ["0", "1", "5"]
        assert await due_tasks(callbacks, per_owner=1) == ["0", "9"]

    async def test_of_one_submission_the_earlier_goes_first(self, callbacks: CallbackStore) -> None:
        await callbacks.commit(Step(1, deliveries=[replace(DELIVERY, kind="job.timeout"), DELIVERY]))
        (first,) = await due(callbacks)
        assert first.what.kind == "job.timeout"
        later = NOW + timedelta(minutes=5)
        await callbacks.settle(first.id, Settlement(DeliveryState.PENDING, NOW, later))
        assert await due(callbacks) == []
        await callbacks.settle(first.id, Settlement(DeliveryState.DEAD, NOW))
        assert [each.what.kind for each in await due(callbacks)] == ["job.ended"]

    async def test_what_is_settled_is_sent_no_more_unless_asked(self, callbacks: CallbackStore) -> None:
        await callbacks.commit(Step(1, deliveries=[DELIVERY]))
        (first,) = await due(callbacks)
        await callbacks.settle(first.id, Settlement(DeliveryState.DELIVERED, NOW, status=204))
        assert await due(callbacks, NOW + DAY) == []
        assert await callbacks.pending(ALICE) == 0
        again = await callbacks.redeliver(first.id, NOW + DAY, NOW + 2 * DAY, AUDIT)
        assert (again.state, again.attempts, again.due_at) == (DeliveryState.PENDING, 0, NOW + DAY)
        assert again.give_up_at == NOW + 2 * DAY
        assert await due(callbacks, NOW + DAY) == [again]
        with pytest.raises(NotFound):
            await callbacks.redeliver(first.id + 1, NOW, NOW, AUDIT)

    async def test_each_sees_their_own(self, callbacks: CallbackStore) -> None:
        await callbacks.commit(Step(1, deliveries=[delivery(number) for number in range(4)]))
        await callbacks.commit(Step(2, deliveries=[delivery(9, owner=BOB)]))
        assert [each.what.task_id for each in await callbacks.deliveries(ALICE)] == ["3", "2", "1", "0"]
        assert [each.what.task_id for each in await callbacks.deliveries(ALICE, limit=2)] == ["3", "2"]
        assert [each.what.task_id for each in await callbacks.deliveries(BOB)] == ["9"]
        await callbacks.settle((await callbacks.deliveries(BOB))[0].id, Settlement(DeliveryState.DEAD, NOW))
        assert await callbacks.deliveries(BOB, state=DeliveryState.PENDING) == []
        assert len(await callbacks.deliveries(BOB, state=DeliveryState.DEAD)) == 1
        assert await callbacks.delivery(99) is None

    async def test_the_first_salt_stays_until_it_is_replaced(self, callbacks: CallbackStore) -> None:
        assert await callbacks.salt(ALICE) is None
        salts = [SigningSalt(f"salt{number}") for number in range(10)]
        kept = await asyncio.gather(*(callbacks.save_salt(ALICE, salt) for salt in salts))
        assert len(set(kept)) == 1
        rotated = SigningSalt("new", kept[0].current, NOW)
        assert await callbacks.save_salt(ALICE, rotated, AUDIT) == rotated
        assert await callbacks.salt(ALICE) == rotated
        assert await callbacks.salt(BOB) is None

    async def test_old_ones_are_purged(self, callbacks: CallbackStore) -> None:
        await callbacks.watch(WATCH)
        await callbacks.commit(Step(1, deliveries=[delivery(number) for number in range(3)], ended=["7"]))
        first, second, _ = await due(callbacks)
        await callbacks.settle(first.id, Settlement(DeliveryState.DELIVERED, NOW))
        await callbacks.settle(second.id, Settlement(DeliveryState.DEAD, NOW + DAY))
        assert await callbacks.purge(NOW + DAY) == 1
        assert [each.what.task_id for each in await callbacks.deliveries(ALICE)] == ["2", "1"]
        assert await callbacks.purge(NOW + 2 * DAY) == 1
