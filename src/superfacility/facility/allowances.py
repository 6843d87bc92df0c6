"""What one may use of something in one day, and the port of what has been used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from superfacility.facility.audit import AuditEntry


@dataclass(frozen=True, slots=True)
class Allowance:
    """`who` may use `most` of `what` in a day (UTC): bytes, mails."""

    what: str
    who: str
    most: int


class Allowances(Protocol):
    """Counts what was used of each allowance, for all processes and hosts."""

    async def take(
        self, allowances: Sequence[Allowance], amount: int, day: date, audit: AuditEntry | None = None
    ) -> Allowance | None:
        """Use up `amount` of each: all of them, with the audit row in the same transaction, or none. Returns the first
        that has less left; None if all had enough."""

    async def correct(
        self, allowances: Sequence[Allowance], amount: int, day: date, audit: AuditEntry | None = None
    ) -> None:
        """So much more was used than was taken, or less if it is negative, whatever is left. The audit row is written
        in the same transaction."""

    async def used(self, allowance: Allowance, day: date) -> int: ...

    async def forget(self, before: date) -> int:
        """Drop what was counted on the days before; returns how many counts."""
