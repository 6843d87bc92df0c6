"""A file that grows, read by many: how often it is looked at, and how many may look."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from superfacility.facility.people import UserName
from superfacility.services.places import Places


class Piece(Protocol):
    """A part of the file as it was at one moment."""

    @property
    def data(self) -> bytes: ...

    @property
    def offset(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def ended(self) -> bool: ...

    @property
    def next_offset(self) -> int: ...


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """How many streams one person, and all together, may follow at a time in this process; and the seconds between two
    looks at a file that does not grow."""

    per_user: int = 10
    in_all: int = 500
    pause: float = 1.0


@dataclass(frozen=True, slots=True)
class Follows:
    """More of it."""

    data: bytes
    offset: int

    @property
    def next_offset(self) -> int:
        return self.offset + len(self.data)


@dataclass(frozen=True, slots=True)
class Restarted:
    """The file is shorter than it was: it was written anew, and is read from its beginning."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The job has ended, and there is no more."""

    size: int


Followed = Follows | Restarted | Ended | None


class Followers:
    """Everybody of this process who follows a file."""

    def __init__(self, limits: OutputLimits) -> None:
        self.limits = limits
        advice = "end one, or ask for pieces with `offset`"
        self._places = Places("followed outputs", per_user=limits.per_user, in_all=limits.in_all, advice=advice)

    async def follow(
        self, user: UserName, read: Callable[[int], Awaitable[Piece]], offset: int
    ) -> AsyncGenerator[Followed]:
        self._places.check(user)
        with self._places.taken(user):
            async with aclosing(self._followed(read, offset)) as followed:
                async for each in followed:
                    yield each

    async def _followed(self, read: Callable[[int], Awaitable[Piece]], offset: int) -> AsyncGenerator[Followed]:
        """The end is believed when a look that began after it was known finds nothing new."""
        ended_before = False
        while True:
            piece = await read(offset)
            if offset > 0 and piece.offset == 0:
                yield Restarted()
            offset = piece.next_offset
            if piece.data:
                yield Follows(piece.data, piece.offset)
            elif piece.ended and ended_before:
                yield Ended(piece.size)
                return
            else:
                yield None
            ended_before = piece.ended
            if not piece.data or offset >= piece.size:
                await asyncio.sleep(self.limits.pause)
