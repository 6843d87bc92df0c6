"""A scheduler in memory: jobs move when a test says so, and every method can be made to fail."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from superfacility.core.clock import Clock
from superfacility.facility.errors import Conflict, FacilityError, NotFound, NotPermitted, Refused
from superfacility.facility.jobs import Intent, Job, JobId, JobQuery, JobScript, JobState, QueueSnapshot
from superfacility.facility.people import ProjectName, User, UserName
from superfacility.facility.reservations import Reservation, ReservationName
from superfacility.testing.clocks import FakeClock

SQUEUE_COLUMNS = (
    "account", "tres_per_node", "min_cpus", "min_tmp_disk", "end_time", "features", "group", "over_subscribe",
    "jobid", "name", "comment", "time_limit", "min_memory", "req_nodes", "command", "priority", "qos", "reason", "",
    "st", "user", "reservation", "wckey", "exc_nodes", "nice", "s:c:t", "exec_host", "cpus", "nodes", "dependency",
    "array_job_id", "sockets_per_node", "cores_per_socket", "threads_per_core", "array_task_id", "time_left",
    "time", "nodelist", "contiguous", "partition", "nodelist(reason)", "start_time", "state", "uid", "submit_time",
    "licenses", "core_spec", "schednodes", "work_dir",
)  # fmt: skip
"""The keys of a squeue row, in the contract's order."""
SACCT_COLUMNS = (
    "account", "admincomment", "alloccpus", "allocnodes", "alloctres", "associd", "avecpu", "avecpufreq",
    "avediskread", "avediskwrite", "avepages", "averss", "avevmsize", "blockid", "cluster", "comment",
    "constraints", "consumedenergy", "consumedenergyraw", "cputime", "cputimeraw", "dbindex", "derivedexitcode",
    "elapsed", "elapsedraw", "eligible", "end", "exitcode", "flags", "gid", "group", "jobid", "jobidraw", "jobname",
    "layout", "maxdiskread", "maxdiskreadnode", "maxdiskreadtask", "maxdiskwrite", "maxdiskwritenode",
    "maxdiskwritetask", "maxpages", "maxpagesnode", "maxpagestask", "maxrss", "maxrssnode", "maxrsstask",
    "maxvmsize", "maxvmsizenode", "maxvmsizetask", "mcslabel", "mincpu", "mincpunode", "mincputask", "ncpus",
    "nnodes", "nodelist", "ntasks", "priority", "partition", "qos", "qosraw", "reason", "reqcpufreq",
    "reqcpufreqmin", "reqcpufreqmax", "reqcpufreqgov", "reqcpus", "reqmem", "reqnodes", "reqtres", "reservation",
    "reservationid", "reserved", "resvcpu", "resvcpuraw", "start", "state", "submit", "suspended", "systemcpu",
    "systemcomment", "timelimit", "timelimitraw", "totalcpu", "tresusageinave", "tresusageinmax",
    "tresusageinmaxnode", "tresusageinmaxtask", "tresusageinmin", "tresusageinminnode", "tresusageinmintask",
    "tresusageintot", "tresusageoutave", "tresusageoutmax", "tresusageoutmaxnode", "tresusageoutmaxtask",
    "tresusageoutmin", "tresusageoutminnode", "tresusageoutmintask", "tresusageouttot", "uid", "user", "usercpu",
    "wckey", "wckeyid", "workdir",
)  # fmt: skip
"""The keys of a sacct row, in the contract's order."""

_DIRECTIVE = re.compile(r"^#SBATCH\s+(?:--([a-z-]+)[= ]|-([JAqpa])\s*)(\S+)", re.MULTILINE)
_LONG = {"J": "job-name", "A": "account", "q": "qos", "p": "partition", "a": "array"}
_RANGE = re.compile(r"(\d+)-(\d+)")
_REFUSAL = "sbatch: error: This does not look like a batch script.\n"


@dataclass(slots=True)
class _Fault:
    error: FacilityError
    after: bool
    times: int


@dataclass
class FakeScheduler:
    """A job is PENDING until `start`, `finish` or `move` changes it.

    `inject` makes the next calls of a method fail, before or after they took effect. `calls` counts calls by method.
    A script path is taken unless it is in `missing_paths`.
    """

    clock: Clock = field(default_factory=FakeClock)
    missing_paths: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)
    submissions: dict[Intent, JobId] = field(default_factory=dict)
    scripts: dict[JobId, JobScript] = field(default_factory=dict)
    jobs: dict[JobId, Job] = field(default_factory=dict)
    booked: dict[str, tuple[Reservation, str]] = field(default_factory=dict)
    version: int = 0
    _faults: dict[str, list[_Fault]] = field(default_factory=lambda: defaultdict(list))
    _uids: dict[str, int] = field(default_factory=dict)
    _cancelled_by: dict[JobId, int] = field(default_factory=dict)

    def inject(self, method: str, error: FacilityError, *, times: int = 1, after: bool = False) -> None:
        """The next `times` calls of `method` raise `error`: instead of acting, or (`after`) once they have acted."""
        self._faults[method].append(_Fault(error, after, times))

    def heal(self) -> None:
        """Forget every fault."""
        self._faults.clear()

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
        self._before("submit")
        if intent not in self.submissions:
            self._check(script)
            self._accept(user, script, intent)
        self._after("submit")
        return self.submissions[intent]

    def _check(self, script: JobScript) -> None:
        if script.path is not None and script.path in self.missing_paths:
            raise Refused(f"sbatch: error: Unable to open file {script.path}\n")
        if script.path is None and not (script.text or "").startswith("#!"):
            raise Refused(_REFUSAL)

    def _accept(self, user: User, script: JobScript, intent: Intent) -> None:
        asked = {long or _LONG[short]: value for long, short, value in _DIRECTIVE.findall(script.text or "")}
        self._check_reservation(user, asked)
        number = JobId(str(1 + sum(1 for _ in self.jobs)))
        for job_id in _element_ids(number, asked.get("array")):
            self.jobs[job_id] = Job(
                id=job_id,
                user=user.name,
                state=JobState.PENDING,
                columns={},
                name=asked.get("job-name", "sbatch"),
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

    async def find(self, user: User, intent: Intent) -> JobId | None:
        self._before("find")
        return self.submissions.get(intent)

    async def cancel(self, user: User, job_id: JobId) -> None:
        self._before("cancel")
        found = self._find(job_id)
        if not found:
            raise NotFound(f"Invalid job id specified: {job_id}")
        if found[0].user != user.name and not user.staff:
            raise NotPermitted(f"Access/permission denied: job {job_id} belongs to {found[0].user}")
        for job in found:
            if not job.state.terminal:
                self._cancelled_by[job.id] = user.uid
                self.move(job.id, JobState.CANCELLED)
        self._after("cancel")

    def _find(self, job_id: str) -> list[Job]:
        return [job for job in self.jobs.values() if job_id in (job.id, job.parent_id)]

    async def queue(self) -> QueueSnapshot:
        self._before("queue")
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
            "reservation": job.reservation or "(null)",
            "st": "R" if job.state is JobState.RUNNING else "PD",
            "state": job.state.value,
            "submit_time": _text(job.submitted_at),
            "start_time": _text(job.started_at),
            "uid": str(self._uids[job.user]),
            "user": job.user,
        }
        return replace(job, columns=row, elapsed=elapsed)

    async def accounting(self, query: JobQuery) -> Sequence[Job]:
        self._before("accounting")
        return [self._accounted(job) for job in self.jobs.values() if query.matches(job)]

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

    async def reservations(self) -> Sequence[Reservation]:
        self._before("reservations")
        now = self.clock.now()
        return [_at(each, now) for each, _ in self.booked.values() if each.end > now]

    async def reserve(self, user: User, reservation: Reservation) -> Reservation:
        self._before("reserve")
        now = self.clock.now()
        if reservation.end <= reservation.start or reservation.end <= now:
            raise Refused("Error creating the reservation: Invalid time specified\n")
        wanted = _at(reservation, now)
        if reservation.name in self.booked and _at(self.booked[reservation.name][0], now) != wanted:
            raise Conflict(f"Reservation name is already in use: {reservation.name}")
        self.booked.setdefault(reservation.name, (reservation, user.name))
        self._after("reserve")
        return wanted

    async def cancel_reservation(self, user: User, name: ReservationName) -> None:
        self._before("cancel_reservation")
        if self.booked.pop(name, None) is None:
            raise NotFound(f"Requested reservation is invalid: {name}")
        self._after("cancel_reservation")

    async def ping(self) -> None:
        self._before("ping")

    async def aclose(self) -> None:
        self._before("aclose")

    def _before(self, method: str) -> None:
        self.calls[method] += 1
        self._fail(method, after=False)

    def _after(self, method: str) -> None:
        self._fail(method, after=True)

    def _fail(self, method: str, *, after: bool) -> None:
        faults = self._faults[method]
        if not faults or faults[0].after is not after:
            return
        fault = faults[0]
        fault.times -= 1
        if fault.times <= 0:
            faults.pop(0)
        raise fault.error


def _element_ids(number: JobId, array: str | None) -> list[JobId]:
    found = _RANGE.match(array or "")
    if found is None:
        return [number]
    return [JobId(f"{number}_{task}") for task in range(int(found[1]), int(found[2]) + 1)]


def _at(reservation: Reservation, now: datetime) -> Reservation:
    return replace(reservation, state="ACTIVE" if reservation.start <= now < reservation.end else "INACTIVE")


def _text(moment: datetime | None) -> str:
    return "N/A" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S")


def named(name: str, uid: int, *, staff: bool = False) -> User:
    """A user with no more than a name."""
    return User(uid=uid, name=UserName(name), staff=staff)
