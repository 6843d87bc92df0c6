"""The suite of `EventLog`. Fixtures to supply: `events`, and `elsewhere`, the same log in another process."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from superfacility.facility.events import EventKind, EventLog, NewEvent
from superfacility.facility.people import ProjectName, UserName

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVENT = NewEvent(
    EventKind.JOB, NOW, "7", "perlmutter", UserName("alice"), ProjectName("m1"), {"jobid": "7", "state": "RUNNING"}
)
PUBLIC = NewEvent(EventKind.RESOURCE, NOW, "spin", data={"name": "spin", "state": "down"})


def numbered(count: int) -> list[NewEvent]:
    return [replace(EVENT, subject=str(number)) for number in range(count)]


class EventLogContract:
    """Subclass it with the fixtures named above."""

    async def test_what_was_appended_is_read_back_in_order(self, events: EventLog) -> None:
        assert (await events.first_id(), await events.last_id()) == (0, 0)
        await events.append([EVENT, PUBLIC])
        await events.append([])
        await events.append([replace(EVENT, subject="8")])
        found = await events.after(0)
        assert [each.what for each in found] == [EVENT, PUBLIC, replace(EVENT, subject="8")]
        ids = [each.id for each in found]
        assert ids == sorted(set(ids))
        assert (await events.first_id(), await events.last_id()) == (ids[0], ids[-1])

    async def test_reading_goes_on_after_an_id(self, events: EventLog) -> None:
        await events.append(numbered(10))
        first = await events.after(0, limit=4)
        rest = await events.after(first[-1].id)
        assert [each.what.subject for each in (*first, *rest)] == [str(number) for number in range(10)]
        assert await events.after(rest[-1].id) == []

    async def test_readers_miss_nothing_while_others_append(self, events: EventLog, elsewhere: EventLog) -> None:
        async def append(log: EventLog, letter: str) -> None:
            for number in range(20):
                await log.append([replace(EVENT, subject=f"{letter}{number}")])

        async def follow() -> list[str]:
            seen: list[str] = []
            last = 0
            while len(seen) < 40:
                for each in await elsewhere.after(last):
                    seen.append(each.what.subject)
                    last = each.id
                await elsewhere.wait(0.05)
            return seen

        async with asyncio.timeout(60):
            seen, *_ = await asyncio.gather(follow(), append(events, "a"), append(elsewhere, "b"))
        for letter in "ab":
            assert [each for each in seen if each.startswith(letter)] == [f"{letter}{n}" for n in range(20)]

    async def test_a_waiting_reader_is_woken(self, events: EventLog, elsewhere: EventLog) -> None:
        async def news(log: EventLog) -> str:
            while not (found := await log.after(0)):
                await log.wait(30)
            return found[0].what.subject

        async with asyncio.timeout(20):
            waiting = [asyncio.create_task(news(log)) for log in (events, elsewhere)]
            await asyncio.sleep(0.05)
            await events.append([EVENT])
            assert await asyncio.gather(*waiting) == ["7", "7"]

    async def test_waiting_has_an_end(self, events: EventLog) -> None:
        async with asyncio.timeout(20):
            await events.wait(0.01)
            await events.wait(0.01)

    async def test_purging_forgets_what_is_old_and_uses_no_id_again(self, events: EventLog) -> None:
        await events.append(numbered(3))
        last = await events.last_id()
        await events.append([replace(EVENT, at=NOW + timedelta(days=1))])
        assert await events.purge(NOW + timedelta(hours=1)) == 3
        assert await events.first_id() > last
        assert await events.purge(NOW + timedelta(days=2)) == 1
        assert await events.after(0) == []
        assert await events.first_id() == 0
        await events.append([EVENT])
        assert await events.first_id() > last + 1
