"""What the clock makes of an announced outage."""

from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.status import Outage, OutageStatus, ResourceName

START = datetime(2026, 5, 31, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BEFORE, BEGUN, LAST, ENDED = START - HOUR, START, START + 2 * HOUR - timedelta(seconds=1), START + 2 * HOUR
PLANNED, ACTIVE, EXTENDED = OutageStatus.PLANNED, OutageStatus.ACTIVE, OutageStatus.EXTENDED
COMPLETED, CANCELLED = OutageStatus.COMPLETED, OutageStatus.CANCELLED


@pytest.mark.parametrize(
    ("announced", "told"),
    [
        (PLANNED, [PLANNED, ACTIVE, ACTIVE, COMPLETED]),
        (ACTIVE, [PLANNED, ACTIVE, ACTIVE, COMPLETED]),
        (EXTENDED, [PLANNED, EXTENDED, EXTENDED, COMPLETED]),
        (COMPLETED, [COMPLETED] * 4),
        (CANCELLED, [CANCELLED] * 4),
    ],
)
def test_an_outage_begins_and_ends_by_the_clock(announced: OutageStatus, told: list[OutageStatus]) -> None:
    outage = Outage(1, ResourceName("perlmutter"), START, ENDED, status=announced)
    assert [outage.status_at(now) for now in (BEFORE, BEGUN, LAST, ENDED)] == told


def test_an_outage_without_an_end_goes_on() -> None:
    outage = Outage(1, ResourceName("perlmutter"), START, None)
    assert outage.status_at(START + timedelta(days=365)) is ACTIVE
