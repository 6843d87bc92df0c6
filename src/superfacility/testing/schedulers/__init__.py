"""Schedulers for tests: one in memory, its faults, and the columns that all of them have."""

from superfacility.facility.rows import SACCT_COLUMNS, SQUEUE_COLUMNS
from superfacility.testing.schedulers.faults import Faults
from superfacility.testing.schedulers.memory import FakeScheduler, named

__all__ = ["SACCT_COLUMNS", "SQUEUE_COLUMNS", "FakeScheduler", "Faults", "named"]
