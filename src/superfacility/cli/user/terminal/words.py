"""Slurm's words for why a job waits, and times, in plain words."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from superfacility.client.records.jobs import Jobs

_REASONS: Mapping[str, str] = {
    "Priority": "others are before it",
    "Resources": "waits for free nodes",
    "Dependency": "waits for another job",
    "DependencyNeverSatisfied": "the job that it waits for failed; cancel it",
    "BeginTime": "starts later, as the script says",
    "JobHeldUser": "held; let it start: sfapi release",
    "JobHeldAdmin": "held by the facility's staff; ask them",
    "Licenses": "waits for licenses",
    "ReqNodeNotAvail": "nodes that it asks for are down or reserved",
    "Reservation": "waits for its reservation",
    "PartitionTimeLimit": "asks for more time than the partition allows",
    "PartitionNodeLimit": "asks for more nodes than the partition allows",
    "QOSMaxJobsPerUserLimit": "you have as many jobs as the QOS allows",
    "QOSMaxSubmitJobPerUserLimit": "you have as many jobs as the QOS allows",
    "AssocGrpCpuLimit": "the project uses as many processors as it may",
    "AssocGrpBillingMinutes": "the project has no hours left; ask its principal investigator",
    "AssocGrpCPUMinutesLimit": "the project has no hours left; ask its principal investigator",
    "QOSMaxCpuPerUserLimit": "you use as many processors as the QOS allows",
    "QOSMaxNodePerUserLimit": "you use as many nodes as the QOS allows",
    "QOSGrpNodeLimit": "all jobs of the QOS use as many nodes as it may",
    "QOSMaxWallDurationPerJobLimit": "asks for more time than the QOS allows",
    "AssocMaxJobsLimit": "you have as many jobs as the project allows",
    "AssocGrpNodeLimit": "the project uses as many nodes as it may",
    "MaxGRESPerAccount": "the project uses as many devices as it may",
    "PartitionDown": "the partition is down",
    "PartitionInactive": "the partition takes no jobs now",
    "NodeDown": "a node that it needs is down",
    "JobArrayTaskLimit": "as many elements of its array run as the script allows",
    "Cleaning": "its last run is being cleared away",
    "InvalidAccount": "the project may not run jobs here",
    "InvalidQOS": "the QOS does not exist, or is not for you",
    "launch failed requeued held": "its start failed; let it try again: sfapi release",
}


def plain_reason(reason: str) -> str:
    """`waits for free nodes (Resources)`; Slurm's word alone where it speaks for itself."""
    words = _REASONS.get(reason.partition(",")[0].strip("()"))
    return f"{words} ({reason})" if words else reason


def ago(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h`, `5 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"


def last_seen(system: str, jobs: "Jobs") -> str:
    """What to say of a listing that is old; nothing of another."""
    if not jobs.stale:
        return ""
    when = f"{ago(jobs.age)} ago" if jobs.age is not None else "a while ago"
    return f"{system} was last seen {when}: this is how it was then."
