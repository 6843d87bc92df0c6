"""Rows as `squeue -o %all` and `sacct -P --format=ALL` give them: the same keys in the same order, all values text."""

import json

from superfacility.adapters.embedded.output_paths import output_paths
from superfacility.adapters.embedded.records import CANCELLED, FAILED, PENDING, RUNNING, TIMEOUT, JobRecord, Submission
from superfacility.adapters.embedded.request.times import clock_text, long_clock_text, moment_text

SHORT_STATES = {
    PENDING: "PD", RUNNING: "R", "COMPLETED": "CD", FAILED: "F", CANCELLED: "CA", TIMEOUT: "TO",
}  # fmt: skip
_PRIORITY = 4294901759
"""Where Slurm's plain scheduler begins to count down."""
_SACCT_COLUMNS = (
    "account admincomment alloccpus allocnodes alloctres associd avecpu avecpufreq avediskread avediskwrite"
    " avepages averss avevmsize blockid cluster comment constraints consumedenergy consumedenergyraw cputime"
    " cputimeraw dbindex derivedexitcode elapsed elapsedraw eligible end exitcode flags gid group jobid jobidraw"
    " jobname layout maxdiskread maxdiskreadnode maxdiskreadtask maxdiskwrite maxdiskwritenode maxdiskwritetask"
    " maxpages maxpagesnode maxpagestask maxrss maxrssnode maxrsstask maxvmsize maxvmsizenode maxvmsizetask mcslabel"
    " mincpu mincpunode mincputask ncpus nnodes nodelist ntasks priority partition qos qosraw reason reqcpufreq"
    " reqcpufreqmin reqcpufreqmax reqcpufreqgov reqcpus reqmem reqnodes reqtres reservation reservationid reserved"
    " resvcpu resvcpuraw start state submit suspended systemcpu systemcomment timelimit timelimitraw totalcpu"
    " tresusageinave tresusageinmax tresusageinmaxnode tresusageinmaxtask tresusageinmin tresusageinminnode"
    " tresusageinmintask tresusageintot tresusageoutave tresusageoutmax tresusageoutmaxnode tresusageoutmaxtask"
    " tresusageoutmin tresusageoutminnode tresusageoutmintask tresusageouttot uid user usercpu wckey wckeyid workdir"
)
SACCT_COLUMNS = tuple(_SACCT_COLUMNS.split())
_EMPTY_ROW = dict.fromkeys(SACCT_COLUMNS, "")


def elapsed_seconds(job: JobRecord, now: float) -> float:
    """Running time so far; never below zero, whatever the clock did."""
    if job.state == RUNNING and job.started is not None:
        return max(0.0, now - job.started)
    return job.elapsed


def squeue_row(submission: Submission, job: JobRecord, cluster: str, now: float) -> dict[str, str]:
    request = submission.request
    elapsed = elapsed_seconds(job, now)
    running = job.started is not None
    nodes = cluster if running else ""
    end = None if job.limit is None or job.started is None else job.started + job.limit
    return {
        "account": request.account or "(null)",
        "tres_per_node": "N/A",
        "min_cpus": str(max(request.cpus_per_task, 1)),
        "min_tmp_disk": "0",
        "end_time": moment_text(job.ended or end),
        "features": request.constraint or "(null)",
        "group": str(submission.gid),
        "over_subscribe": "OK",
        "jobid": str(job.id),
        "name": request.name,
        "comment": request.comment or "(null)",
        "time_limit": "UNLIMITED" if job.limit is None else clock_text(job.limit),
        "min_memory": _memory(request.memory),
        "req_nodes": "",
        "command": submission.command or "(null)",
        "priority": str(max(_PRIORITY - job.id, 1)) if not job.held else "0",
        "qos": request.qos,
        "reason": job.reason,
        "": "",
        "st": SHORT_STATES[job.state],
        "user": submission.user,
        "reservation": request.reservation or "(null)",
        "wckey": "(null)",
        "exc_nodes": "",
        "nice": "0",
        "s:c:t": "*:*:*",
        "exec_host": cluster if running else "n/a",
        "cpus": str(request.cpus),
        "nodes": str(request.nodes),
        "dependency": request.dependency or "(null)",
        "array_job_id": str(submission.id),
        "sockets_per_node": "*",
        "cores_per_socket": "*",
        "threads_per_core": "*",
        "array_task_id": "N/A" if job.task is None else str(job.task),
        "time_left": "UNLIMITED" if job.limit is None else clock_text(max(0.0, job.limit - elapsed)),
        "time": clock_text(elapsed),
        "nodelist": nodes,
        "contiguous": "0",
        "partition": request.partition,
        "nodelist(reason)": nodes if job.state == RUNNING else f"({job.reason})",
        "start_time": moment_text(job.started or request.begin),
        "state": job.state,
        "uid": str(submission.uid),
        "submit_time": moment_text(submission.submitted),
        "licenses": "(null)",
        "core_spec": "N/A",
        "schednodes": "(null)",
        "work_dir": submission.work_dir,
    }


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
        "priority": str(max(_PRIORITY - job.id, 1)),
        "qos": request.qos,
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
        "timelimit": "UNLIMITED" if job.limit is None else long_clock_text(job.limit),
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
