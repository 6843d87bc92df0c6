"""Times on the command line."""

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter


def aware(moment: datetime | None) -> datetime | None:
    """In UTC; one without an offset is meant in this machine's own zone."""
    return None if moment is None else moment.astimezone(UTC)


def _is_in_the_calendar(_: object, moment: datetime | None) -> None:
    try:
        aware(moment)
    except (ValueError, OverflowError) as problem:
        raise ValueError("This time is out of range.") from problem


_TIME = Parameter(validator=_is_in_the_calendar, help="ISO time; without an offset in this machine's own zone.")
Moment = Annotated[datetime, _TIME]
MaybeMoment = Annotated[datetime | None, _TIME]
