"""A window on a listing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `index` to `index + limit`; `limit` None means to the end."""

    index: int = 0
    limit: int | None = None

    def of(self, rows: Sequence[Row]) -> Sequence[Row]:
        end = None if self.limit is None else self.index + self.limit
        return rows[self.index : end]
