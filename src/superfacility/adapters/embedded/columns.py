"""Rows as `squeue -o %all` and `sacct -P --format=ALL` give them: the same keys in the same order, all values text."""

import json
from collections.abc import Mapping

from superfacility.adapters.embedded.output_paths import output_paths
from superfacility.adapters.embedded.records import CANCELLED, FAILED, PENDING, RUNNING, TIMEOUT, JobRecord, Submission
from superfacility.adapters.embedded.request.times import clock_text, long_clock_text, moment_text
from superfacility.facility.rows import SACCT_COLUMNS, SQUEUE_COLUMNS

SHORT_STATES = {
    PENDING: "PD", RUNNING: "R", "COMPLETED": "CD", FAILED: "F", CANCELLED: "CA", TIMEOUT: "TO",
}  # fmt: skip
_FIRST_PRIORITY = 4294901759
"""Where Slurm's plain scheduler begins to count down."""
_NULL, _NONE, _UNLIMITED = "(null)", "N/A", "UNLIMITED"
_EMPTY_ROW = dict.fromkeys(SACCT_COLUMNS, "")
_QUEUED = dict.fromkeys(SQUEUE_COLUMNS, "") | {
    "tres_per_node": _NONE,
    "min_tmp_disk": "0",
    "over_subscribe": "OK",
    "wckey": _NULL,
    "nice": "0",
    "s:c:t": "*:*:*",
    "sockets_per_node": "*",
    "cores_per_socket": "*",
    "threads_per_core": "*",
    "contiguous": "0",
    "licenses": _NULL,
    "core_spec": _NONE,
    "schednodes": _NULL,
}
"""What every job says alike."""


def elapsed_seconds(job: JobRecord, now: float) -> float:
    """Running time so far; never below zero, whatever the clock did."""
    if job.state == RUNNING and job.started is not None:
        return max(0.0, now - job.started)
    return job.elapsed


def squeue_row(
    submission: Submission, job: JobRecord, cluster: str, now: float, alike: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Who makes many rows of one submission makes what is `alike_in_queue` once."""
    alike = alike or alike_in_queue(submission)
    return {**alike, **_state(submission, job, cluster), **_clocks(submission, job, now)}


def alike_in_queue(submission: Submission) -> dict[str, str]:
    """A row with what all elements of an array have in common."""
    return {**_QUEUED, **_asked(submission)}


def _asked(submission: Submission) -> dict[str, str]:
    request = submission.request
    return {
        "account": request.account or _NULL,
        "min_cpus": str(max(request.cpus_per_task, 1)),
        "features": request.constraint or _NULL,
        "group": str(submission.gid),
        "name": request.name,
        "comment": request.comment or _NULL,
        "min_memory": _memory(request.memory),
        "command": submission.command or _NULL,
        "user": submission.user,
        "reservation": request.reservation or _NULL,
        "cpus": str(request.cpus),
        "nodes": str(request.nodes),
        "dependency": request.dependency or _NULL,
        "array_job_id": str(submission.id),
        "partition": request.partition,
        "uid": str(submission.uid),
        "submit_time": moment_text(submission.submitted),
        "work_dir": submission.work_dir,
    }


def _state(submission: Submission, job: JobRecord, cluster: str) -> dict[str, str]:
    """What the scheduler has made of the job."""
    placed = job.started is not None
    nodes = cluster if placed else ""
    return {
        "jobid": str(job.id),
        "priority": "0" if job.held else _priority(job),
        "qos": job.qos_of(submission),
        "reason": job.reason,
        "st": SHORT_STATES[job.state],
        "exec_host": cluster if placed else "n/a",
        "array_task_id": _NONE if job.task is None else str(job.task),
        "nodelist": nodes,
        "nodelist(reason)": nodes if job.state == RUNNING else f"({job.reason})",
        "state": job.state,
    }


def _clocks(submission: Submission, job: JobRecord, now: float) -> dict[str, str]:
    elapsed, limit = elapsed_seconds(job, now), job.limit
    end = None if limit is None or job.started is None else job.started + limit
    return {
        "start_time": moment_text(job.started or submission.request.begin),
        "end_time": moment_text(job.ended or end),
        "time": clock_text(elapsed),
        "time_left": _UNLIMITED if limit is None else clock_text(max(0.0, limit - elapsed)),
        "time_limit": _UNLIMITED if limit is None else clock_text(limit),
    }


def _priority(job: JobRecord) -> str:
    return str(max(_FIRST_PRIORITY - job.id, 1))


def _memory(megabytes: int) -> str:
    if megabytes and megabytes % 1024 == 0:
        return f"{megabytes // 1024}G"
    return f"{megabytes}M" if megabytes else "0"


def accounting_state(job: JobRecord) -> str:
    """`CANCELLED by <uid>` is how accounting names who did it."""
    if job.state == CANCELLED and job.cancelled_by is not None:
        return f"{CANCELLED} by {job.cancelled_by}"
    return job.state


def sacct_row(submission: Submission, job: JobRecord, cluster: str, now: float) -> dict[str, str]:
    request = submission.request
    return {
        **_EMPTY_ROW,
        "account": request.account,
        "admincomment": _places(submission, job, cluster),
        "cluster": cluster,
        "comment": request.comment,
        "constraints": request.constraint,
        "dbindex": str(job.id),
        "flags": "SchedMain" if job.started else "",
        "gid": str(submission.gid),
        "group": str(submission.gid),
        "jobid": job.public_id,
        "jobidraw": str(job.id),
        "jobname": request.name,
        "nnodes": str(request.nodes),
        "partition": request.partition,
        "priority": _priority(job),
        "qos": job.qos_of(submission),
        "qosraw": "1",
        "reason": job.reason,
        "reqcpufreq": "Unknown",
        "reqcpufreqmin": "Unknown",
        "reqcpufreqmax": "Unknown",
        "reqcpufreqgov": "Unknown",
        "reqcpus": str(request.cpus),
        "reqmem": _memory(request.memory),
        "reqnodes": str(request.nodes),
        "reqtres": _tres(submission),
        "reservation": request.reservation,
        "state": accounting_state(job),
        "timelimit": _UNLIMITED if job.limit is None else long_clock_text(job.limit),
        "timelimitraw": "" if job.limit is None else str(job.limit // 60),
        "uid": str(submission.uid),
        "user": submission.user,
        "wckeyid": "0",
        "workdir": submission.work_dir,
        **_times(submission, job, now),
        **_use(submission, job, cluster, now),
    }


def _places(submission: Submission, job: JobRecord, cluster: str) -> str:
    """JSON, as NERSC's administrators write it there: programs find a job's output by it."""
    output, error = output_paths(submission, job, cluster)
    return json.dumps({"stdoutPath": output, "stderrPath": error, "workingDirectory": submission.work_dir})


def _tres(submission: Submission) -> str:
    request = submission.request
    memory = f",mem={_memory(request.memory)}" if request.memory else ""
    return f"billing={request.cpus},cpu={request.cpus}{memory},node={request.nodes}"


def _times(submission: Submission, job: JobRecord, now: float) -> dict[str, str]:
    unknown = "None" if job.state == CANCELLED else "Unknown"
    waited = max(0.0, (job.started or job.ended or now) - submission.submitted)
    cpus = submission.request.cpus
    return {
        "eligible": moment_text(submission.request.begin or submission.submitted),
        "submit": moment_text(submission.submitted),
        "start": moment_text(job.started, unknown),
        "end": moment_text(job.ended, "Unknown"),
        "reserved": long_clock_text(waited),
        "resvcpu": long_clock_text(waited * cpus),
        "resvcpuraw": str(int(waited * cpus)),
        "suspended": "00:00:00",
    }


def _use(submission: Submission, job: JobRecord, cluster: str, now: float) -> dict[str, str]:
    """What was given to the job and what it used; nothing before it started."""
    elapsed = elapsed_seconds(job, now)
    cpus = submission.request.cpus
    given = job.started is not None
    return {
        "alloccpus": str(cpus) if given else "0",
        "allocnodes": str(submission.request.nodes) if given else "0",
        "alloctres": _tres(submission) if given else "",
        "ncpus": str(cpus),
        "nodelist": cluster if given else "None assigned",
        "cputime": long_clock_text(int(elapsed) * cpus),
        "cputimeraw": str(int(elapsed) * cpus),
        "derivedexitcode": "0:0",
        "exitcode": f"{job.exit_code}:{job.signal}",
        "elapsed": long_clock_text(elapsed),
        "elapsedraw": str(int(elapsed)),
        "totalcpu": _seconds(job.cpu_seconds),
        "usercpu": _seconds(job.cpu_seconds - job.system_seconds),
        "systemcpu": _seconds(job.system_seconds),
        "maxrss": f"{job.max_rss}K" if job.max_rss else "",
    }


def _seconds(seconds: float) -> str:
    """Processor time with milliseconds below an hour, as `sacct` does."""
    whole = int(seconds)
    if whole >= 3600:
        return long_clock_text(whole)
    return f"{whole // 60:02}:{whole % 60:02}.{int((seconds - whole) * 1000):03}"
