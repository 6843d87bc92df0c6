"""The environment that a job's script finds. Pure."""

from collections.abc import Mapping

from superfacility.adapters.embedded.configuration import Configuration
from superfacility.adapters.embedded.records import JobRecord, Submission
from superfacility.adapters.embedded.request.request import JobRequest

KEPT_VARIABLES = ("HOME", "USER", "LOGNAME", "PATH", "SHELL", "LANG", "TMPDIR")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def clean_environment(user: str, home: str, shell: str, programs: str) -> dict[str, str]:
    """What a job submitted through the port begins with: nothing of the server's own environment."""
    return {
        "HOME": home,
        "USER": user,
        "LOGNAME": user,
        "SHELL": shell,
        "LANG": "C.UTF-8",
        "PATH": f"{programs}:{_SYSTEM_PATH}",
    }


def exported(environment: Mapping[str, str], export: str) -> dict[str, str]:
    """What `--export` lets through: ALL, NONE, NIL, or names and `NAME=value` (with ALL: beside everything).

    A job that submits another does not pass on what it is itself.
    """
    environment = {name: value for name, value in environment.items() if not name.startswith("SLURM_")}
    items = [item for item in export.split(",") if item]
    everything = not items or "ALL" in items
    chosen = dict(environment) if everything else {k: environment[k] for k in KEPT_VARIABLES if k in environment}
    for item in items:
        name, equals, value = item.partition("=")
        if equals:
            chosen[name] = value
        elif name in environment:
            chosen[name] = environment[name]
    return chosen


def job_variables(submission: Submission, job: JobRecord, configuration: Configuration) -> dict[str, str]:
    """The SLURM variables of one job."""
    request = submission.request
    variables = {
        "SLURM_JOB_ID": str(job.id),
        "SLURM_JOBID": str(job.id),
        "SLURM_JOB_NAME": request.name,
        "SLURM_JOB_USER": submission.user,
        "SLURM_JOB_UID": str(submission.uid),
        "SLURM_JOB_ACCOUNT": request.account,
        "SLURM_JOB_QOS": job.qos_of(submission),
        "SLURM_JOB_PARTITION": request.partition,
        "SLURM_JOB_NUM_NODES": str(request.nodes),
        "SLURM_NNODES": str(request.nodes),
        "SLURM_JOB_NODELIST": configuration.cluster,
        "SLURM_NODELIST": configuration.cluster,
        "SLURM_JOB_CPUS_PER_NODE": str(request.cpus),
        "SLURM_CPUS_ON_NODE": str(request.cpus),
        "SLURM_NTASKS": str(request.ntasks),
        "SLURM_NPROCS": str(request.ntasks),
        "SLURM_TASKS_PER_NODE": str(request.ntasks),
        "SLURM_CLUSTER_NAME": configuration.cluster,
        "SLURMD_NODENAME": configuration.cluster,
        "SLURM_SUBMIT_DIR": submission.work_dir,
        "SLURM_SUBMIT_HOST": configuration.cluster,
        "SLURM_NODEID": "0",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
    }
    if request.cpus_per_task:
        variables["SLURM_CPUS_PER_TASK"] = str(request.cpus_per_task)
    if request.memory:
        variables["SLURM_MEM_PER_NODE"] = str(request.memory)
    if request.reservation:
        variables["SLURM_JOB_RESERVATION"] = request.reservation
    return variables | _array_variables(request, submission.id, job.task)


def _array_variables(request: JobRequest, array_id: int, task: int | None) -> dict[str, str]:
    if task is None:
        return {}
    return {
        "SLURM_ARRAY_JOB_ID": str(array_id),
        "SLURM_ARRAY_TASK_ID": str(task),
        "SLURM_ARRAY_TASK_COUNT": str(request.array_count),
        "SLURM_ARRAY_TASK_MIN": str(request.array_min),
        "SLURM_ARRAY_TASK_MAX": str(request.array_max),
    }
