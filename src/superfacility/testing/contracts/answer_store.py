"""The suite of `AnswerStore`. Fixtures to supply: `answers`, and `narrow`, which keeps `NARROW` of one caller."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.errors import TooMany
from superfacility.tasks.keys import KEPT_FOR, AnswerStore, IdempotencyKey, KeptAnswer

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
NARROW = 3
KEY = IdempotencyKey("client", "POST", "/account/clients", "run-1", "f" * 64)


class AnswerStoreContract:
    """Subclass it with the fixtures named above."""

    async def test_what_is_begun_is_answered_and_found(self, answers: AnswerStore) -> None:
        assert await answers.find(KEY) is None
        assert await answers.begin(KEY, NOW) is None
        assert await answers.find(KEY) == KeptAnswer(KEY.fingerprint, NOW, None)
        await answers.keep(KEY, '{"name": "Zürich"}')
        assert await answers.find(KEY) == KeptAnswer(KEY.fingerprint, NOW, '{"name": "Zürich"}')

    async def test_only_the_first_begins_it(self, answers: AnswerStore) -> None:
        another = replace(KEY, fingerprint="e" * 64)
        found = await asyncio.gather(*(answers.begin(each, NOW) for each in [KEY, another] * 20))
        assert found.count(None) == 1
        kept = await answers.find(KEY)
        assert kept is not None
        assert kept.fingerprint == (KEY, another)[found.index(None) % 2].fingerprint
        assert all(each in (None, kept) for each in found)

    @pytest.mark.parametrize("field", ["client_id", "method", "path", "key"])
    async def test_each_caller_and_request_has_keys_of_its_own(self, answers: AnswerStore, field: str) -> None:
        other = replace(KEY, **{field: "other"})
        await answers.begin(KEY, NOW)
        await answers.keep(KEY, "first")
        assert await answers.begin(other, NOW) is None
        await answers.keep(other, "second")
        await answers.drop(other)
        assert [getattr(await answers.find(each), "text", None) for each in (KEY, other)] == ["first", "second"]

    async def test_what_did_nothing_is_dropped_and_may_begin_again(self, answers: AnswerStore) -> None:
        await answers.begin(KEY, NOW)
        await answers.drop(KEY)
        assert await answers.find(KEY) is None
        assert await answers.begin(KEY, NOW) is None

    async def test_what_was_answered_stays(self, answers: AnswerStore) -> None:
        await answers.begin(KEY, NOW)
        await answers.keep(KEY, "{}")
        await answers.drop(KEY)
        assert await answers.begin(KEY, NOW) == KeptAnswer(KEY.fingerprint, NOW, "{}")

    async def test_what_nobody_has_begun_is_neither_kept_nor_dropped(self, answers: AnswerStore) -> None:
        await answers.keep(KEY, "{}")
        await answers.drop(KEY)
        assert await answers.find(KEY) is None

    async def test_old_ones_are_forgotten_answered_or_not(self, answers: AnswerStore) -> None:
        old = replace(KEY, key="old")
        for key, at in ((old, NOW), (replace(old, path="/other"), NOW), (KEY, NOW + timedelta(seconds=1))):
            await answers.begin(key, at)
        await answers.keep(old, "{}")
        assert await answers.forget(NOW + timedelta(seconds=1)) == 2
        assert await answers.find(old) is None
        assert await answers.find(KEY) is not None

    async def test_a_caller_has_so_many_a_day(self, narrow: AnswerStore) -> None:
        first, *_ = keys = [replace(KEY, path=f"/{number}", key=f"run-{number}") for number in range(NARROW)]
        for number, key in enumerate(keys):
            await narrow.begin(key, NOW + timedelta(seconds=number))
        with pytest.raises(TooMany, match="3 idempotency keys within a day") as caught:
            await narrow.begin(KEY, NOW + timedelta(seconds=NARROW))
        assert caught.value.retry_after == 3600
        assert await narrow.find(KEY) is None
        await narrow.keep(first, "{}")
        assert await narrow.begin(first, NOW) == KeptAnswer(KEY.fingerprint, NOW, "{}")
        assert await narrow.begin(replace(KEY, client_id="other"), NOW) is None
        assert await narrow.begin(KEY, NOW + KEPT_FOR) is None

    async def test_what_was_dropped_or_forgotten_makes_room(self, narrow: AnswerStore) -> None:
        for number in range(2 * NARROW):
            await narrow.begin(replace(KEY, key=f"{number}"), NOW)
            await narrow.drop(replace(KEY, key=f"{number}"))
        for number in range(NARROW):
            await narrow.begin(replace(KEY, key=f"{number}"), NOW)
        assert await narrow.forget(NOW + timedelta(seconds=1)) == NARROW
        assert await narrow.begin(KEY, NOW) is None
