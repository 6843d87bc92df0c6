"""People, scripts and words that the suites use."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import uuid4

from superfacility.core.clock import SystemClock
from superfacility.facility.jobs import Intent, Job, JobId, JobScript, JobState
from superfacility.facility.people import ProjectName, User
from superfacility.facility.reservations import Reservation, ReservationName
from superfacility.testing.schedulers import named

DEMO1 = named("demo1", 1001)
DEMO2 = named("demo2", 1002)
STAFF = named("operator", 1003, staff=True)
QUICK = JobScript(text="#!/bin/sh\n#SBATCH --job-name=quick\nexit 0\n")
FAILING = JobScript(text="#!/bin/sh\nexit 3\n")
LONG = JobScript(text="#!/bin/sh\n#SBATCH --job-name=long\nexec sleep 600\n")
WAITING = JobScript(text="#!/bin/sh\n#SBATCH --job-name=waiting\n#SBATCH --begin=now+1hour\nexit 0\n")
BOUND = JobScript(
    text="#!/bin/sh\n#SBATCH --account=nobodys\n#SBATCH --begin=now+1hour\nexit 0\n", project=ProjectName("m0001")
)
READ = JobScript(
    "#!/bin/sh\n#SBATCH --begin=now+1hour\n# as it was read\nexit 0\n",
    "/no/such/folder/run.sh",
    ("--time=99", "one two"),
    ProjectName("m0001"),
)
ARRAY = JobScript(text="#!/bin/sh\n#SBATCH --array=2-4\nexit 0\n")
UNKNOWN_IDS = ["60000000", "60000000_1", "no-such", "", "-1", "1;2"]

Reach = Callable[[JobId, JobState], Awaitable[Job]]
"""Wait until a job is in a state, or put it there; fails if it does not come."""


Reserve = Callable[[Reservation], Awaitable[Reservation]]
"""Reserve as staff, and delete at the end of the test what is still there."""
Size = Mapping[str, int | None]
"""Nodes, or cores."""


class Submit(Protocol):
    """Submit, and cancel at the end of the test what is still there."""

    async def __call__(self, user: User, script: JobScript, intent: Intent | None = None) -> JobId: ...


def new_intent() -> Intent:
    return Intent(uuid4())


def just_now() -> datetime:
    return SystemClock().now() - timedelta(seconds=2)


def reservation(user: User, **changes: object) -> Reservation:
    now = datetime.fromtimestamp(int(SystemClock().now().timestamp()), UTC)
    values: dict[str, object] = {
        "name": ReservationName(f"beamtime{uuid4().hex[:8]}"),
        "start": now + timedelta(seconds=2),
        "end": now + timedelta(hours=1),
        "nodes": 1,
        "users": (str(user.name),),
        **changes,
    }
    return Reservation(**values)  # type: ignore[arg-type]
