"""The suite of `AssertionLog`. Fixture to supply: `assertions`."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.oauth.clients import AssertionLog, ClientId

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
A, B = ClientId("a"), ClientId("b")


class AssertionLogContract:
    """Subclass it with the fixture named above."""

    async def test_the_first_use_alone_is_true(self, assertions: AssertionLog) -> None:
        assert await assertions.use(A, "1", NOW) is True
        assert await assertions.use(A, "1", NOW + timedelta(days=1)) is False
        assert await assertions.use(A, "2", NOW) is True
        assert await assertions.use(B, "1", NOW) is True

    async def test_concurrent_replays_give_one_true(self, assertions: AssertionLog) -> None:
        answers = await asyncio.gather(*(assertions.use(A, f"{number % 5}", NOW) for number in range(500)))
        assert sum(answers) == 5

    @pytest.mark.parametrize("jti", ["", " ", "x" * 100_000, "\0", "a\0b", "\ud800", "é", "e\u0301", "'; --"])
    async def test_any_text_is_an_id(self, assertions: AssertionLog, jti: str) -> None:
        assert await assertions.use(A, jti, NOW) is True
        assert await assertions.use(A, jti, NOW) is False
        assert await assertions.use(A, jti + "x", NOW) is True

    async def test_expired_ones_are_forgotten(self, assertions: AssertionLog) -> None:
        await assertions.use(A, "old", NOW)
        await assertions.use(A, "young", NOW + timedelta(minutes=1))
        assert await assertions.forget(NOW + timedelta(seconds=1)) == 1
        assert await assertions.forget(NOW + timedelta(seconds=1)) == 0
        assert await assertions.use(A, "young", NOW) is False
        assert await assertions.use(A, "old", NOW) is True
