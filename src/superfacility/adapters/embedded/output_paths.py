"""Where a job's output goes. Pure: the daemon opens these files, accounting and `scontrol` tell of them."""

import os.path
import re

from superfacility.adapters.embedded.records import JobRecord, Submission

_PATTERN = re.compile(r"%([0-9]{0,2})([a-zA-Z%])", re.ASCII)
_NO_TASK = 4294967294
"""What Slurm writes for `%a` outside of an array."""


def output_paths(submission: Submission, job: JobRecord, cluster: str) -> tuple[str, str]:
    """Absolute paths of standard output and error; the same path when the user did not part them."""
    request = submission.request
    default = "slurm-%j.out" if job.task is None else "slurm-%A_%a.out"
    output = _fill(request.output or default, submission, job, cluster)
    error = _fill(request.error, submission, job, cluster) if request.error else output
    return os.path.join(submission.work_dir, output), os.path.join(submission.work_dir, error)  # noqa: PTH118


def _fill(pattern: str, submission: Submission, job: JobRecord, cluster: str) -> str:
    """A name with a backslash is taken as it stands, as `sbatch` says."""
    if "\\" in pattern:
        return pattern.replace("\\", "")
    values = {
        "A": str(submission.id),
        "a": str(_NO_TASK if job.task is None else job.task),
        "j": str(job.id),
        "J": str(job.id),
        "x": submission.request.name,
        "u": submission.user,
        "N": cluster,
        "n": "0",
        "t": "0",
        "s": "batch",
        "%": "%",
    }

    def value(found: re.Match[str]) -> str:
        width, letter = found.groups()
        text = values.get(letter)
        if text is None:
            return found[0]
        return text.zfill(int(width)) if width and text.isdigit() else text

    return _PATTERN.sub(value, pattern)
