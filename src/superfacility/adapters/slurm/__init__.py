"""Slurm behind the Scheduler port: by its command line over a transport, or by slurmrestd.

What belongs here: everything that knows Slurm's programs, words and notations. What does not: how a system is reached
(the transport is given), when it is asked (the collector decides).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from superfacility.facility.scheduler import Scheduler
    from superfacility.facility.site import Site
    from superfacility.facility.transport import Transport


def open_scheduler(site: "Site", options: Mapping[str, Any], transport: "Transport") -> "Scheduler":
    """The scheduler of one system, by sbatch, squeue, sacct, scancel and scontrol."""
    from superfacility.adapters.slurm.adapter import SlurmScheduler

    return SlurmScheduler.open(site, options, transport)


def open_rest_scheduler(site: "Site", options: Mapping[str, Any], transport: "Transport") -> "Scheduler":
    """The scheduler of one system, by slurmrestd where that is as good, and by its programs."""
    from superfacility.adapters.slurm.rest.adapter import RestScheduler

    return RestScheduler.open(site, options, transport)
