"""What may be changed of a job after it was submitted. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from superfacility.adapters.embedded.configuration import Configuration
from superfacility.adapters.embedded.protocol import Problem
from superfacility.adapters.embedded.records import PENDING, RUNNING, JobRecord, Submission
from superfacility.adapters.embedded.request.times import parse_duration

DENIED = "Access/permission denied"
"""As Slurm says of a longer time limit."""


def changed_jobs(
    jobs: Sequence[JobRecord], submission: Submission, asked: Mapping[str, Any], configuration: Configuration
) -> list[JobRecord]:
    """The jobs as they shall be: `held`, `limit` (a text as for `--time`) and `qos`, each if it was asked for.

    A pending job takes what its partition allows; of a running one its owner may only shorten the time limit.
    """
    active = [job for job in jobs if job.active]
    if not active:
        raise Problem("refused", "Job/step already completing or completed")
    pending = [job for job in active if job.state == PENDING]
    if not pending and ("held" in asked or "qos" in asked):
        raise Problem("refused", "Job is no longer pending execution")
    values: dict[str, Any] = {}
    if "held" in asked:
        values["held"] = bool(asked["held"])
    if "qos" in asked:
        values["qos"] = _qos(str(asked["qos"]), configuration)
    if "limit" not in asked:
        return [replace(job, **values) for job in pending]
    limit = _limit(str(asked["limit"]), submission, configuration)
    running = [job for job in active if job.state == RUNNING]
    if any(_longer(limit, job.limit) for job in running) and not asked.get("staff"):
        raise Problem("refused", DENIED)
    return [replace(job, **values, limit=limit) for job in (pending if "qos" in asked else active)]


def _qos(name: str, configuration: Configuration) -> str:
    if not name or (configuration.qos and name not in configuration.qos):
        raise Problem("refused", "Invalid qos specification")
    return name


def _limit(text: str, submission: Submission, configuration: Configuration) -> int | None:
    try:
        limit = parse_duration(text)
    except ValueError:
        raise Problem("refused", "Invalid time limit specified") from None
    longest = configuration.partitions.get(submission.request.partition)
    if longest is not None and _longer(limit, longest):
        raise Problem("refused", "Requested time limit is invalid (missing or exceeds some limit)")
    return limit


def _longer(limit: int | None, than: int | None) -> bool:
    return than is not None and (limit is None or limit > than)
