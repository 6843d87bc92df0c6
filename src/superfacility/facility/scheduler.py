"""What manages jobs on a system. Adapters: `embedded` (our own, for a laptop) and `slurm`."""

from collections.abc import Sequence
from typing import Protocol

from superfacility.facility.jobs import Intent, Job, JobId, JobQuery, JobScript, QueueSnapshot
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation, ReservationName


class Scheduler(Protocol):
    """One system's scheduler.

    Raises `Refused` with the scheduler's own words when it says no, `Unavailable` when it cannot be asked, `Doubtful`
    when a submission or change may or may not have happened, `Unsupported` for what it cannot do at all. A failed query
    says nothing about the jobs asked for.
    """

    async def submit(self, user: User, script: JobScript, intent: Intent) -> JobId:
        """Submit in the user's home directory. The same intent never makes a second job: the first one's id returns."""

    async def find(self, user: User, intent: Intent) -> JobId | None:
        """The job that carries this intent; None only on positive evidence that there is none."""

    async def cancel(self, user: User, job_id: JobId) -> None:
        """Ask for the end of a job (a whole array by its parent id). `NotFound` if there is none, `NotPermitted` if it
        is another's; one that has ended already is no error."""

    async def queue(self) -> QueueSnapshot:
        """Every job that is pending or running, of everybody, in the order of ids, with squeue columns."""

    async def accounting(self, query: JobQuery) -> Sequence[Job]:
        """Jobs of any state, also ended ones, in the order of ids, with sacct columns; one row a job, no steps."""

    async def reservations(self) -> Sequence[Reservation]:
        """Those that have not ended."""

    async def reserve(self, user: User, reservation: Reservation) -> Reservation:
        """Create, or with the same name and content again: return it. `Conflict` if the name is taken."""

    async def cancel_reservation(self, user: User, name: ReservationName) -> None:
        """`NotFound` if there is none."""

    async def ping(self) -> None:
        """Raises `Unavailable` when it does not answer."""

    async def aclose(self) -> None: ...
