"""What every scheduler does.

A test module inherits from `SchedulerContract`, gives the fixture `scheduler`, and overrides the people and facts in
`fixtures` where its system has others: the queue may hold jobs of others, and accounting may lag.
"""

from superfacility.testing.contracts.scheduler.control import ControlContract
from superfacility.testing.contracts.scheduler.material import (
    DEMO1,
    DEMO2,
    LONG,
    Reach,
    Size,
    Submit,
    just_now,
    new_intent,
)
from superfacility.testing.contracts.scheduler.reading import ReadingContract
from superfacility.testing.contracts.scheduler.reservations import ReservationContract
from superfacility.testing.contracts.scheduler.submission import SubmissionContract

__all__ = ["DEMO1", "DEMO2", "LONG", "Reach", "SchedulerContract", "Size", "Submit", "just_now", "new_intent"]


class SchedulerContract(SubmissionContract, ControlContract, ReadingContract, ReservationContract):
    """Inherit from this, and give the fixtures."""
