"""What must be remembered from one reading to the next: jobs whose end is not known yet, and ends already told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from superfacility.facility.jobs import Job, JobId


@dataclass(frozen=True, slots=True)
class Departed:
    """A job that left the queue, as it was seen last. `asked_at` is when accounting first answered without knowing its
    end, counted anew whenever accounting fails: a job is lost to an accounting that answers, not to one that is away.
    """

    job: Job
    left_at: datetime
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trail:
    """`told` has the ends that became events lately, by job, so that none is told twice; `swept_at` is up to when
    accounting was searched for jobs that came and went between two readings."""

    departed: Mapping[JobId, Departed] = field(default_factory=dict)
    told: Mapping[JobId, datetime] = field(default_factory=dict)
    swept_at: datetime | None = None
