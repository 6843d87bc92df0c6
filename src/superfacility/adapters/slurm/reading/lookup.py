"""A submission in queue and accounting: what is asked, and the job that carries it."""

import math
from collections.abc import Iterable
from datetime import datetime

from superfacility.adapters.slurm.carrier import carries
from superfacility.adapters.slurm.reading.tables import Marks, body, rows
from superfacility.facility.jobs import Intent, JobId, id_order, submission_id

_MARGIN = 120
"""Seconds by which the clocks of two machines may differ."""
_QUEUE_HEADERS = ("JOBID", "COMMAND")
_ACCOUNTING_FIELDS = ("jobid", "submitline")


def queue_arguments(marks: Marks, user: str) -> tuple[str, ...]:
    """Of one user, in every state that the controller remembers."""
    columns = "".join(f"{letter}{marks.column}" for letter in ("%i", "%o"))
    return ("squeue", "--all", "--states=all", f"--user={user}", f"--format={columns}")


def accounting_arguments(marks: Marks, user: str, since: datetime, now: datetime) -> tuple[str, ...]:
    seconds = max(0, math.ceil((now - since).total_seconds())) + _MARGIN
    return (
        "sacct", "--allocations", "--parsable", f"--delimiter={marks.column}", f"--user={user}",
        f"--starttime=now-{seconds}", f"--endtime=now+{_MARGIN}", f"--format={','.join(_ACCOUNTING_FIELDS)}",
    )  # fmt: skip


def find_in_queue(text: str, marks: Marks, intent: Intent) -> JobId | None:
    return _first(rows_of(text, marks, _QUEUE_HEADERS), intent)


def find_in_accounting(text: str, marks: Marks, intent: Intent) -> JobId | None:
    return _first(rows_of(text, marks, _ACCOUNTING_FIELDS), intent)


def rows_of(text: str, marks: Marks, headers: tuple[str, str]) -> Iterable[list[str]]:
    return body(rows(text, marks, len(headers)), headers)


def _first(found: Iterable[list[str]], intent: Intent) -> JobId | None:
    """Of the elements of an array, or the parts of a heterogeneous job, the id that sbatch printed."""
    ids = [job_id for job_id, text in found if carries(text, intent)]
    return JobId(submission_id(min(ids, key=id_order))) if ids else None
