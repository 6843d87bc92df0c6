"""What manages jobs on a system. Adapters: `embedded` (our own, for a laptop) and `slurm`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from superfacility.facility.accounting.associations import AssociationBook
from superfacility.facility.inventory import Inventory
from superfacility.facility.jobs import Intent, Job, JobChange, JobDetails, JobId, JobQuery, JobScript, QueueSnapshot
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found when the scheduler was asked: its name and version, whether it keeps an accounting of jobs, the
    `interface` that is spoken with it where there are several, and how long it `remembers` a job that has ended,
    whether accounting has learned of it or not."""

    name: str
    version: str
    accounting: bool = True
    interface: str = ""
    remembers: timedelta = timedelta.max

    def __str__(self) -> str:
        accounting = "with" if self.accounting else "without"
        by = f", by {self.interface}" if self.interface else ""
        return f"{self.name} {self.version}, {accounting} accounting of jobs{by}"


class Scheduler(Protocol):
    """One system's scheduler.

    Raises `Refused` with the scheduler's own words when it says no, `Unavailable` when it cannot be asked, `Doubtful`
    when a submission or change may or may not have happened, `Unsupported` for what it cannot do at all. A failed query
    says nothing about the jobs asked for.
    """

    async def submit(self, user: User, script: JobScript, intent: Intent) -> JobId:
        """Submit in the user's home directory. The same intent never makes a second job: the first one's id returns."""

    async def find(self, user: User, intent: Intent, since: datetime) -> JobId | None:
        """The job that carries this intent and was submitted at or after `since` (aware).

        None only on positive evidence that there is none; `Doubtful` while queue or accounting may still learn of it.
        """

    async def cancel(self, user: User, job_id: JobId) -> None:
        """Ask for the end of a job (a whole array by its parent id). `NotFound` if there is none, `NotPermitted` if it
        is another's; one that has ended already is no error."""

    async def hold(self, user: User, job_id: JobId) -> None:
        """Keep a pending job from starting. As `cancel` for unknown and others' jobs; `Refused` for one that runs."""

    async def release(self, user: User, job_id: JobId) -> None:
        """End a hold of the user's own."""

    async def requeue(self, user: User, job_id: JobId) -> None:
        """Put a running or just ended job back into the queue, under the same id."""

    async def change(self, user: User, job_id: JobId, change: JobChange) -> None:
        """`Refused` in the scheduler's words where its rules forbid it (an unknown QOS); `NotPermitted` for a longer
        time limit that only its operators give. As `cancel` for unknown and others' jobs."""

    async def details(self, user: User, job_id: JobId, *, listed: Job | None = None, script: bool = True) -> JobDetails:
        """`NotFound` if there is no such job any more; `NotPermitted` if the user may not see it.

        `listed` is what the last reading of the queue said of the job: an adapter need not ask for that again. Without
        `script` nobody wants its text, and it may be None.
        """

    async def inventory(self) -> Inventory:
        """Nodes and partitions."""

    async def capabilities(self) -> Capabilities:
        """Asked once and remembered; `Unavailable` while it cannot be asked."""

    async def queue(self) -> QueueSnapshot:
        """Every job that is pending or running, of everybody, in the order of ids, with squeue columns."""

    async def accounting(self, query: JobQuery) -> Sequence[Job]:
        """Jobs of any state, also ended ones, in the order of ids, with sacct columns; one row a job, no steps."""

    async def reservations(self) -> Sequence[Reservation]:
        """Those that have not ended."""

    async def reserve(self, user: User, reservation: Reservation) -> Reservation:
        """Create, or with the same name and content again: return it. `Conflict` if the name is taken."""

    async def change_reservation(self, user: User, name: ReservationName, change: ReservationChange) -> Reservation:
        """Change what is named and leave the rest; what it is then returns. `NotFound` if there is none, `NotPermitted`
        where the scheduler keeps that from the user, `Unsupported` for a size that cannot be changed; and what
        `ReservationChange.of` raises."""

    async def cancel_reservation(self, user: User, name: ReservationName) -> None:
        """`NotFound` if there is none."""

    def associations(self) -> AssociationBook:
        """The scheduler's own book of accounts; what is asked of it raises `Unsupported` where there is none."""

    async def ping(self) -> None:
        """Raises `Unavailable` when it does not answer."""

    async def aclose(self) -> None: ...
