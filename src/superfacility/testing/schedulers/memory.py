"""A scheduler in memory: jobs move when a test says so, and every method can be made to fail."""

import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from superfacility.core.clock import Clock
from superfacility.facility.errors import Conflict, Doubtful, FacilityError, NotFound, NotPermitted, Refused
from superfacility.facility.inventory import Inventory, Node, Partition
from superfacility.facility.jobs import (
    Intent,
    Job,
    JobChange,
    JobDetails,
    JobId,
    JobQuery,
    JobScript,
    JobState,
    QueueSnapshot,
)
from superfacility.facility.people import ProjectName, User, UserName
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.facility.rows import SACCT_COLUMNS, SQUEUE_COLUMNS
from superfacility.facility.scheduler import Capabilities
from superfacility.testing.clocks import FakeClock
from superfacility.testing.schedulers.associations import MemoryAssociations
from superfacility.testing.schedulers.faults import Faults

_DIRECTIVE = re.compile(r"^#SBATCH\s+(?:--([a-z-]+)[= ]|-([JAqpa])\s*)(\S+)", re.MULTILINE)
_LONG = {"J": "job-name", "A": "account", "q": "qos", "p": "partition", "a": "array"}
_RANGE = re.compile(r"(\d+)-(\d+)")
_NEVER = datetime.min.replace(tzinfo=UTC)
_REFUSAL = "sbatch: error: This does not look like a batch script.\n"


@dataclass
class FakeScheduler:
    """A job is PENDING until `start`, `finish` or `move` changes it.

    `faults` has the switches that make it fail. A script path is taken unless it is in `missing_paths`, a QOS unless
    it is in `unknown_qos`.
    """

    clock: Clock = field(default_factory=FakeClock)
    faults: Faults = field(default_factory=Faults)
    missing_paths: set[str] = field(default_factory=set)
    unknown_qos: set[str] = field(default_factory=lambda: {"no-such-qos"})
    submissions: dict[Intent, JobId] = field(default_factory=dict)
    scripts: dict[JobId, JobScript] = field(default_factory=dict)
    jobs: dict[JobId, Job] = field(default_factory=dict)
    booked: dict[str, tuple[Reservation, str]] = field(default_factory=dict)
    accounts: MemoryAssociations = field(default_factory=MemoryAssociations)
    version: int = 0
    remembers: timedelta = timedelta.max
    details_of: dict[JobId, JobDetails] = field(default_factory=dict)
    limits: dict[JobId, timedelta] = field(default_factory=dict)
    _held: set[JobId] = field(default_factory=set)
    _uids: dict[str, int] = field(default_factory=dict)
    _cancelled_by: dict[JobId, int] = field(default_factory=dict)

    @property
    def calls(self) -> Counter[str]:
        """How often each method was called."""
        return self.faults.calls

    def inject(self, method: str, error: FacilityError, *, times: int = 1, after: bool = False) -> None:
        """As `Faults.inject`."""
        self.faults.inject(method, error, times=times, after=after)

    def heal(self) -> None:
        """Forget every fault."""
        self.faults.heal()

    def start(self, job_id: str) -> None:
        self.move(job_id, JobState.RUNNING)

    def finish(self, job_id: str, exit_code: int = 0) -> None:
        self.move(job_id, JobState.FAILED if exit_code else JobState.COMPLETED, exit_code=exit_code)

    def move(self, job_id: str, state: JobState, *, exit_code: int | None = None) -> None:
        """Put a job, or all elements of an array, into any state."""
        now = self.clock.now()
        for job in self._find(job_id):
            started = job.started_at or (None if state is JobState.PENDING else now)
            ended = now if state.terminal else None
            elapsed = (ended or now) - started if started else job.elapsed
            code = (exit_code or 0) if state.terminal else None
            self.jobs[job.id] = replace(
                job, state=state, started_at=started, ended_at=ended, elapsed=elapsed, exit_code=code
            )
        self.version += 1

    async def submit(self, user: User, script: JobScript, intent: Intent) -> JobId:
        await self.faults.before("submit")
        if intent not in self.submissions:
            self._check(script)
            self._accept(user, script, intent)
        self.faults.after("submit")
        return self.submissions[intent]

    def _check(self, script: JobScript) -> None:
        if script.text is None and script.path in self.missing_paths:
            raise Refused(f"sbatch: error: Unable to open file {script.path}\n")
        if (script.text is not None or script.path is None) and not (script.text or "").startswith("#!"):
            raise Refused(_REFUSAL)

    def _accept(self, user: User, script: JobScript, intent: Intent) -> None:
        asked = {long or _LONG[short]: value for long, short, value in _DIRECTIVE.findall(script.text or "")}
        if script.project is not None:
            asked["account"] = script.project
        self._check_reservation(user, asked)
        number = JobId(str(1 + sum(1 for _ in self.jobs)))
        for job_id in _element_ids(number, asked.get("array")):
            self.jobs[job_id] = Job(
                id=job_id,
                user=user.name,
                state=JobState.PENDING,
                columns={},
                name=asked.get("job-name", posixpath.basename(script.path or "sbatch")),
                project=ProjectName(asked["account"]) if "account" in asked else None,
                partition=asked.get("partition", "regular"),
                qos=asked.get("qos", "normal"),
                reservation=asked.get("reservation", ""),
                submitted_at=self.clock.now(),
            )
        self._uids[user.name] = user.uid
        self.submissions[intent] = number
        self.scripts[number] = script
        self.version += 1

    def _check_reservation(self, user: User, asked: dict[str, str]) -> None:
        name = asked.get("reservation")
        if name is None:
            return
        if name not in self.booked:
            raise Refused("sbatch: error: Batch job submission failed: Requested reservation is invalid\n")
        reservation, owner = self.booked[name]
        if user.name not in (*reservation.users, owner) and asked.get("account") not in reservation.projects:
            raise Refused("sbatch: error: Batch job submission failed: Access denied to requested reservation\n")

    async def find(self, user: User, intent: Intent, since: datetime) -> JobId | None:
        await self.faults.before("find")
        found = self.submissions.get(intent)
        age = self.clock.now() - since
        if found is None and age < self.faults.accounting_lag:
            raise Doubtful("The accounting may still learn of this job; it is looked for again.")
        if found is not None and not any(self._told(job) for job in self._find(found)):
            raise Doubtful("The accounting may still learn of this job; it is looked for again.")
        return found

    def _told(self, job: Job) -> bool:
        """Whether queue or accounting know of it."""
        return not job.state.terminal or self.clock.now() - (job.ended_at or _NEVER) >= self.faults.accounting_lag

    async def cancel(self, user: User, job_id: JobId) -> None:
        await self.faults.before("cancel")
        found = self._own(user, job_id)
        for job in found:
            if not job.state.terminal:
                self._cancelled_by[job.id] = user.uid
                self.move(job.id, JobState.CANCELLED)
        self.faults.after("cancel")

    async def hold(self, user: User, job_id: JobId) -> None:
        await self.faults.before("hold")
        self._set_held(self._pending(user, job_id), held=True)
        self.faults.after("hold")

    async def release(self, user: User, job_id: JobId) -> None:
        await self.faults.before("release")
        self._set_held(self._pending(user, job_id), held=False)
        self.faults.after("release")

    def _set_held(self, jobs: Sequence[Job], *, held: bool) -> None:
        for job in jobs:
            (self._held.add if held else self._held.discard)(job.id)
        self.version += 1

    async def requeue(self, user: User, job_id: JobId) -> None:
        await self.faults.before("requeue")
        found = self._own(user, job_id)
        if any(job.state is JobState.PENDING for job in found):
            raise Refused("Job is pending execution\n")
        for job in found:
            self.jobs[job.id] = replace(
                job, state=JobState.PENDING, started_at=None, ended_at=None, elapsed=timedelta(), exit_code=None
            )
        self.version += 1
        self.faults.after("requeue")

    async def change(self, user: User, job_id: JobId, change: JobChange) -> None:
        await self.faults.before("change")
        if change.qos in self.unknown_qos:
            raise Refused("Invalid qos specification\n")
        if change.time_limit is not None and not user.staff:
            self._check_waits(user, job_id)
        for job in self._pending(user, job_id):
            if change.time_limit is not None:
                self.limits[job.id] = change.time_limit
            self.jobs[job.id] = replace(job, qos=change.qos or job.qos)
        self.version += 1
        self.faults.after("change")

    def _check_waits(self, user: User, job_id: JobId) -> None:
        if any(job.state is JobState.RUNNING for job in self._own(user, job_id)):
            raise NotPermitted(f"Only staff give a running job another time limit: ask them to do it for {job_id}.")

    async def details(self, user: User, job_id: JobId, *, listed: Job | None = None, script: bool = True) -> JobDetails:
        await self.faults.before("details")
        found = self._find(job_id)
        if not found:
            raise NotFound(f"Invalid job id specified: {job_id}")
        job = found[0]
        if job.id in self.details_of:
            return self.details_of[job.id]
        home = f"/home/{job.user}"
        output = f"{home}/slurm-{job.id}.out"
        submitted = self.scripts.get(JobId(job.parent_id))
        text = submitted.text if submitted is not None and job.user == user.name else None
        return JobDetails(job.id, job.user, home, output, output, submitted.path if submitted else None, text)

    async def inventory(self) -> Inventory:
        await self.faults.before("inventory")
        node = Node("nid001", "idle", ("regular", "debug"), cpus=64, cpus_allocated=0, memory=256_000)
        partitions = tuple(Partition(name, "up", name == "regular", None, 1) for name in node.partitions)
        return Inventory((node,), partitions, self.clock.now())

    async def capabilities(self) -> Capabilities:
        await self.faults.before("capabilities")
        return Capabilities("fake", "1", remembers=self.remembers)

    def _find(self, job_id: str) -> list[Job]:
        return [job for job in self.jobs.values() if job_id in (job.id, job.parent_id)]

    def _own(self, user: User, job_id: str) -> list[Job]:
        """The jobs named, if the user may change them."""
        found = self._find(job_id)
        if not found:
            raise NotFound(f"Invalid job id specified: {job_id}")
        if found[0].user != user.name and not user.staff:
            raise NotPermitted(f"Access/permission denied: job {job_id} belongs to {found[0].user}")
        return found

    def _pending(self, user: User, job_id: str) -> list[Job]:
        found = [job for job in self._own(user, job_id) if job.state is JobState.PENDING]
        if not found:
            raise Refused("Job is no longer pending execution\n")
        return found

    async def queue(self) -> QueueSnapshot:
        await self.faults.before("queue")
        now = self.clock.now()
        jobs = tuple(self._with_row(job, now) for job in self.jobs.values() if not job.state.terminal)
        return QueueSnapshot(jobs, now, self.version)

    def _with_row(self, job: Job, now: datetime) -> Job:
        elapsed = now - job.started_at if job.state is JobState.RUNNING and job.started_at else job.elapsed
        row = dict.fromkeys(SQUEUE_COLUMNS, "N/A") | {
            "": "",
            "account": job.project or "(null)",
            "array_job_id": job.parent_id,
            "array_task_id": job.id.partition("_")[2] or "N/A",
            "cpus": str(job.cpus),
            "jobid": job.id,
            "name": job.name,
            "nodes": str(job.nodes),
            "partition": job.partition,
            "qos": job.qos,
            "reason": "JobHeldUser" if job.id in self._held else "None",
            "reservation": job.reservation or "(null)",
            "st": "R" if job.state is JobState.RUNNING else "PD",
            "state": job.state.value,
            "submit_time": _text(job.submitted_at),
            "time_limit": _clock(self.limits.get(job.id)),
            "start_time": _text(job.started_at),
            "uid": str(self._uids[job.user]),
            "user": job.user,
        }
        return replace(job, columns=row, elapsed=elapsed)

    async def accounting(self, query: JobQuery) -> Sequence[Job]:
        await self.faults.before("accounting")
        known = self._known(query.ids) if query.up_to_date else frozenset()
        recorded = [job for job in self.jobs.values() if self._recorded(job) or job.id in known]
        return [self._accounted(job) for job in recorded if query.matches(job)]

    def _known(self, ids: frozenset[str]) -> frozenset[str]:
        """Those that are remembered, recorded or not."""
        now = self.clock.now()
        named = [job for job in self.jobs.values() if job.id in ids or job.parent_id in ids]
        return frozenset(job.id for job in named if now - (job.ended_at or now) < self.remembers)

    def _recorded(self, job: Job) -> bool:
        """What ended within the lag, or came in it, is not in the accounting yet."""
        latest = job.ended_at or job.submitted_at
        return latest is None or self.clock.now() - latest >= self.faults.accounting_lag

    def _accounted(self, job: Job) -> Job:
        by = self._cancelled_by.get(job.id)
        cancelled = job.state is JobState.CANCELLED and by is not None
        row = dict.fromkeys(SACCT_COLUMNS, "") | {
            "account": job.project or "",
            "elapsed": "00:00:00",
            "end": _text(job.ended_at),
            "exitcode": f"{job.exit_code or 0}:0",
            "jobid": job.id,
            "jobidraw": job.parent_id,
            "jobname": job.name,
            "partition": job.partition,
            "qos": job.qos,
            "start": _text(job.started_at),
            "state": f"CANCELLED by {by}" if cancelled else job.state.value,
            "submit": _text(job.submitted_at),
            "uid": str(self._uids[job.user]),
            "user": job.user,
        }
        return replace(job, columns=row)

    def associations(self) -> MemoryAssociations:
        return self.accounts

    async def reservations(self) -> Sequence[Reservation]:
        await self.faults.before("reservations")
        now = self.clock.now()
        return [_at(each, now) for each, _ in self.booked.values() if each.end > now]

    async def reserve(self, user: User, reservation: Reservation) -> Reservation:
        await self.faults.before("reserve")
        now = self.clock.now()
        if reservation.end <= reservation.start or reservation.end <= now:
            raise Refused("Error creating the reservation: Invalid time specified\n")
        wanted = _at(reservation, now)
        if reservation.name in self.booked and _at(self.booked[reservation.name][0], now) != wanted:
            raise Conflict(f"Reservation name is already in use: {reservation.name}")
        self.booked.setdefault(reservation.name, (reservation, user.name))
        self.faults.after("reserve")
        return wanted

    async def change_reservation(self, user: User, name: ReservationName, change: ReservationChange) -> Reservation:
        await self.faults.before("change_reservation")
        now = self.clock.now()
        if name not in self.booked:
            raise NotFound(f"Requested reservation is invalid: {name}")
        current, owner = self.booked[name]
        wanted = change.of(_at(current, now))
        if wanted.end <= wanted.start or wanted.end <= now:
            raise Refused("Error updating the reservation: Invalid time specified\n")
        self.booked[name] = (wanted, owner)
        self.faults.after("change_reservation")
        return _at(wanted, now)

    async def cancel_reservation(self, user: User, name: ReservationName) -> None:
        await self.faults.before("cancel_reservation")
        if self.booked.pop(name, None) is None:
            raise NotFound(f"Requested reservation is invalid: {name}")
        self.faults.after("cancel_reservation")

    async def ping(self) -> None:
        await self.faults.before("ping")

    async def aclose(self) -> None:
        await self.faults.before("aclose")


def _element_ids(number: JobId, array: str | None) -> list[JobId]:
    found = _RANGE.match(array or "")
    if found is None:
        return [number]
    return [JobId(f"{number}_{task}") for task in range(int(found[1]), int(found[2]) + 1)]


def _at(reservation: Reservation, now: datetime) -> Reservation:
    return replace(reservation, state="ACTIVE" if reservation.start <= now < reservation.end else "INACTIVE")


def _text(moment: datetime | None) -> str:
    return "N/A" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S")


def _clock(limit: timedelta | None) -> str:
    """As `squeue` writes a limit, with its hours where there are some."""
    if limit is None:
        return "UNLIMITED"
    minutes, seconds = divmod(int(limit.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"


def named(name: str, uid: int, *, staff: bool = False) -> User:
    """A user with no more than a name."""
    return User(uid=uid, name=UserName(name), staff=staff)
