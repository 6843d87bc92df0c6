"""Where a job's files are: from `scontrol show job`, and from sacct for those that the controller has forgotten."""

import re
from collections.abc import Mapping
from dataclasses import replace

from superfacility.adapters.slurm.reading.outputs import Names, directives, expand, usual_output
from superfacility.adapters.slurm.reading.tables import GarbledError
from superfacility.facility.jobs import Job, JobDetails, JobId
from superfacility.facility.people import UserName

_RECORD = re.compile(r"\n\s*\n(?=JobId=)")
_RAW_ID = re.compile(r"JobId=(\d+)")
_OWNER = re.compile(r"^   UserId=([^(]+)\(", re.MULTILINE)
_FIELD = re.compile(r"^   (WorkDir|StdErr|StdOut)=(.*)$", re.MULTILINE)
_ARCHIVED = re.compile(r"Batch Script for [^\n]*\n-+\n")
_NO_ELEMENT = "4294967294"
ACCOUNTING_FIELDS = ("jobid", "jobidraw", "user", "jobname", "workdir", "nodelist")
OUTPUT_FIELDS = ("stdout", "stderr")
"""Known since 24.11."""


def parse_job(text: str, job_id: JobId) -> tuple[JobDetails, str]:
    """And the raw id. A job's name or comment may contain lines that look like these, so whose it is and what it runs
    is for `with_row` to say; of paths the last is Slurm's."""
    record = _RECORD.split(text.strip())[0]
    raw, owner = _RAW_ID.match(record), _OWNER.search(record)
    if raw is None or owner is None:
        raise GarbledError("no job in it")
    values = dict(_FIELD.findall(record))
    stdout = _path(values.get("StdOut", ""))
    details = JobDetails(
        id=job_id,
        user=UserName(owner[1]),
        directory=_path(values.get("WorkDir", "")),
        stdout=stdout,
        stderr=_path(values.get("StdErr", "")) or stdout,
    )
    return details, raw[1]


def with_row(details: JobDetails, job: Job) -> JobDetails:
    """With what squeue says of whose it is, where it runs and what, which no text of a user can imitate."""
    directory = _path(job.columns["work_dir"]) or details.directory
    return replace(details, user=job.user, directory=directory, command=_given(job.columns["command"]))


def accounted_details(values: Mapping[str, str], script: str | None) -> JobDetails:
    """From a row of sacct. Versions before 24.11 keep no paths: then the script tells them, if it was kept."""
    names = Names(
        values["jobid"], values["jobidraw"], values["user"], values["jobname"], values["nodelist"].partition(",")[0]
    )
    asked = directives(script) if script is not None else {}
    directory = values["workdir"]
    patterns = {"output": values.get("stdout"), "error": values.get("stderr")}
    if not patterns["output"] and script is not None:
        patterns["output"] = asked.get("output", usual_output(names.job_id))
        patterns["error"] = asked.get("error", patterns["output"])
    paths = {key: expand(value, names, directory) for key, value in patterns.items() if value}
    return JobDetails(
        id=JobId(values["jobid"]),
        user=UserName(values["user"]),
        directory=_path(directory),
        stdout=paths.get("output"),
        stderr=paths.get("error", paths.get("output")),
        script=script,
    )


def archived_script(text: str) -> str | None:
    """Of `sacct --batch-script`, which puts a heading first and a newline last."""
    found = _ARCHIVED.match(text)
    script = text[found.end() :] if found else ""
    return None if not script.strip() or script.startswith("NONE") else script.removesuffix("\n")


def _path(text: str) -> str | None:
    """None for what is no path, and for that of a whole array's, which has the number of no element in it."""
    return text if text.startswith("/") and _NO_ELEMENT not in text else None


def _given(text: str) -> str | None:
    return None if text in ("", "(null)") else text
